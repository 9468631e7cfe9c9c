"""The list of students as a file."""

from collections.abc import Iterator
from typing import Any

from flask import Blueprint, request
from flask.typing import ResponseReturnValue

from merge import as_of, listing
from merge.columns import COLUMNS
from merge.csv_text import BOM, csv_row, csv_rows
from web.access import requires
from web.streaming import download

export = Blueprint("export", __name__)


@export.get("/students.csv")
@requires("viewer")
def csv() -> ResponseReturnValue:
    """Hand out all students that the list of the same address shows, on however many pages."""
    if "as_of" in request.args:
        then = as_of.parse_query(request.args)
        return download(lambda session: _lines(as_of.stream(session, then)), f"students as of {then.at:%Y-%m-%d %H.%M}.csv")
    query = listing.parse_query(request.args)
    return download(lambda session: _lines(listing.stream(session, query)), "students.csv")


def _lines(parts: Iterator[list[dict[str, Any]]]) -> Iterator[str]:
    yield BOM + csv_row(column.label for column in COLUMNS)
    for part in parts:
        yield csv_rows([column.write(student[column.name]) for column in COLUMNS] for student in part)
