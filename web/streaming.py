"""Answers that are written while they are sent, and noted in the audit log with what was sent."""

from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import islice
from urllib.parse import quote

from flask import Response, current_app, stream_with_context
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Insert

import audit
from audit import Act
from database import aside, only_reading, write_soon
from models import db
from text_bounds import normalize_each
from web.export_slots import take_slot

Lines = Callable[[Session], Iterator[Sequence[str]]]
"""Gives the lines of a file, a part of it at a time, and its heading before them."""


def download(lines: Lines, filename: str, act: Act, about: str | None = None) -> Response:
    """Hand out lines as a CSV file of that name, in flat memory; note how many went out, also where somebody broke off."""
    bind, noting = db.session.get_bind(), audit.noting(act, about)
    with aside(db.session()):  # on SQLite nobody else could write until all is sent
        slot = take_slot()
    try:
        begun = _Begun(_stream(lines, bind))
    except BaseException:
        slot.close()
        raise
    stream = stream_with_context(_noted(begun, noting, db.engine))
    response = current_app.response_class(stream, mimetype="text/csv")
    response.call_on_close(slot.close)
    response.call_on_close(begun.close)  # whoever asks for the head alone takes no part, so that none closes the rest
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


def _noted(parts: Iterator[Sequence[str]], noting: Insert, engine: Engine) -> Generator[str, None, None]:
    """Write parts; one that is never begun has sent nothing, and is not noted."""
    rows = -1  # the heading is none
    try:
        for part in parts:
            rows += len(part)
            yield "".join(part)
    finally:
        if rows >= 0:
            write_soon(engine, noting.values(details={"rows": rows}))


def _stream(lines: Lines, bind: Engine | Connection) -> Generator[Sequence[str], None, None]:
    """Read in a transaction of its own, since the request's ends before the answer is sent."""
    with Session(bind) as session:
        with only_reading():
            session.connection()
        yield from lines(session)
