"""Answers that are written while they are sent."""

from collections.abc import Callable, Iterator

from flask import Response, current_app, stream_with_context
from sqlalchemy.orm import Session

from database import only_reading
from models import db

Lines = Callable[[Session], Iterator[str]]


def download(lines: Lines, filename: str) -> Response:
    """Hand out lines as a CSV file of that name, in flat memory."""
    response = current_app.response_class(stream_with_context(_stream(lines)), mimetype="text/csv")
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response


def _stream(lines: Lines) -> Iterator[str]:
    """Read in a transaction of its own, since the request's ends before the answer is sent."""
    with Session(db.engine) as session:
        with only_reading():
            session.connection()
        yield from lines(session)
