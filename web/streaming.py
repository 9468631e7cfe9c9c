"""Answers that are written while they are sent, and noted in the audit log with what was sent."""

from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import ExitStack
from itertools import islice
from urllib.parse import quote

from flask import Response, current_app, stream_with_context
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from audit import Act
from audit_outbox import Unwritten
from database import aside, only_reading
from models import db
from text_bounds import normalize_each
from web.export_slots import take_slot
from web.handing_out import begin_to_hand_out

Lines = Callable[[Session], Iterator[Sequence[str]]]
"""Gives the lines of a file, a part of it at a time, and its heading before them."""


def download(lines: Lines, filename: str, act: Act, about: str | None = None) -> Response:
    """Hand out lines as a CSV file of that name, in flat memory; note how many went out, also where somebody broke off."""
    bind = db.session.get_bind()
    with ExitStack() as taken:
        with aside(db.session()):  # on SQLite nobody else could write until all is sent
            slot = take_slot()
            taken.callback(slot.close)
            tally = Tally(begin_to_hand_out(act, about), db.engine)
            taken.callback(tally.close)
        begun = _Begun(_stream(lines, bind))
        taken.pop_all()
    response = current_app.response_class(stream_with_context(tally.counted(begun)), mimetype="text/csv")
    response.call_on_close(slot.close)
    response.call_on_close(begun.close)  # whoever asks for the head alone takes no part, so that none closes the rest
    response.call_on_close(tally.close)
    return named(response, filename)


def named(response: Response, filename: str) -> Response:
    """Have the browser keep an answer as a file of that name; a header holds no letters but plain ones, so others are quoted."""
    plain = normalize_each("NFKD", filename).encode("ascii", "ignore").decode()
    names = {"filename": plain} if plain == filename else {"filename": plain, "filename*": f"UTF-8''{quote(filename, safe='')}"}
    response.headers.set("Content-Disposition", "attachment", **names)
    return response


class _Begun:
    """Parts of a file of which the heading and the first rows are made at once.

    So what is wrong with the request, or with the database, is answered as such, and not found once the file is being sent.
    """

    def __init__(self, parts: Generator[Sequence[str], None, None]) -> None:
        self._parts = parts
        self._first = list(islice(parts, 2))

    def __iter__(self) -> Iterator[Sequence[str]]:
        return self

    def __next__(self) -> Sequence[str]:
        return self._first.pop(0) if self._first else next(self._parts)

    def close(self) -> None:
        self._parts.close()


class Tally:
    """Counts what goes out, for an entry that was noted before."""

    def __init__(self, noted: Unwritten, engine: Engine) -> None:
        self._noted, self._engine = noted, engine
        self._rows = -1  # the heading is none
        self._is_open = True

    def counted(self, parts: Iterator[Sequence[str]]) -> Generator[str, None, None]:
        try:
            for part in parts:
                self._rows += len(part)
                yield "".join(part)
        finally:
            self.close()

    def close(self) -> None:
        """Complete the entry; where nothing was begun, nothing has gone out."""
        if self._is_open and self._rows >= 0:
            self._noted.settle(self._engine, rows=self._rows)
        elif self._is_open:
            self._noted.drop()
        self._is_open = False


def _stream(lines: Lines, bind: Engine | Connection) -> Generator[Sequence[str], None, None]:
    """Read in a transaction of its own, since the request's ends before the answer is sent."""
    with Session(bind) as session:
        with only_reading():
            session.connection()
        yield from lines(session)
