"""The list of students as a file, as it is or as it stood at a moment."""

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy.orm import Session

from merge import as_of, listing
from merge.columns import COLUMNS
from merge.csv_text import BOM, csv_row, csv_rows
from merge.xlsx import write_xlsx
from models import db
from web.access import requires
from web.streaming import download

export = Blueprint("export", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHUNK = 1 << 16
Students = Iterator[list[dict[str, Any]]]


@export.get("/students.csv")
@requires("viewer")
def csv() -> ResponseReturnValue:
    """Hand out all students that the list of the same address shows, on however many pages."""
    query = _asked()
    return download(lambda session: csv_lines(_students(session, query)), f"{_name(query)}.csv")


@export.get("/students.xlsx")
@requires("viewer")
def xlsx() -> ResponseReturnValue:
    """Hand them out as a workbook, which is whole only once it is written to its end."""
    query = _asked()
    file = tempfile.TemporaryFile()  # noqa: SIM115  closed when it was sent
    write_xlsx(file, _students(db.session(), query))
    response = current_app.response_class(_sent(file), mimetype=XLSX)
    response.headers.set("Content-Disposition", "attachment", filename=f"{_name(query)}.xlsx")
    return response


def csv_lines(students: Students) -> Iterator[str]:
    """Write students as CSV, a part of the file at a time."""
    yield BOM + csv_row(column.label for column in COLUMNS)
    for part in students:
        yield csv_rows([column.write(student[column.name]) for column in COLUMNS] for student in part)


def _sent(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        yield from iter(lambda: file.read(CHUNK), b"")


def _asked() -> listing.Query | as_of.Query:
    return as_of.parse_query(request.args) if "as_of" in request.args else listing.parse_query(request.args)


def _students(session: Session, query: listing.Query | as_of.Query) -> Students:
    return as_of.stream(session, query) if isinstance(query, as_of.Query) else listing.stream(session, query)


def _name(query: listing.Query | as_of.Query) -> str:
    return f"students as of {query.at:%Y-%m-%d %H.%M}" if isinstance(query, as_of.Query) else "students"
