"""Answers that are written while they are sent, and noted in the audit log with what was sent."""

from collections.abc import Callable, Iterator, Sequence
from urllib.parse import quote

from flask import Response, current_app, stream_with_context
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Insert

import audit
from audit import Act
from database import only_reading, write_soon
from models import db
from text_bounds import normalize_each

Lines = Callable[[Session], Iterator[Sequence[str]]]
"""Gives the lines of a file, a part of it at a time, and its heading before them."""


def download(lines: Lines, filename: str, act: Act, about: str | None = None) -> Response:
    """Hand out lines as a CSV file of that name, in flat memory; note how many went out, also where somebody broke off."""
    bind, noting = db.session.get_bind(), audit.noting(act, about)
    db.session.rollback()  # on SQLite nobody else could write until all is sent
    stream = stream_with_context(_noted(_stream(lines, bind), noting))
    response = current_app.response_class(stream, mimetype="text/csv")
    return named(response, filename)


def named(response: Response, filename: str) -> Response:
    """Have the browser keep an answer as a file of that name; a header holds no letters but plain ones, so others are quoted."""
    plain = normalize_each("NFKD", filename).encode("ascii", "ignore").decode()
    names = {"filename": plain} if plain == filename else {"filename": plain, "filename*": f"UTF-8''{quote(filename, safe='')}"}
    response.headers.set("Content-Disposition", "attachment", **names)
    return response


def _noted(parts: Iterator[Sequence[str]], noting: Insert) -> Iterator[str]:
    rows = -1  # the heading is none
    try:
        for part in parts:
            rows += len(part)
            yield "".join(part)
    finally:
        write_soon(db.engine, noting.values(details={"rows": max(rows, 0)}))


def _stream(lines: Lines, bind: Engine | Connection) -> Iterator[Sequence[str]]:
    """Read in a transaction of its own, since the request's ends before the answer is sent."""
    with Session(bind) as session:
        with only_reading():
            session.connection()
        yield from lines(session)
