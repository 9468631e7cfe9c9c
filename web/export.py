"""The list of students as a file, as it is or as it stood at a moment."""

import tempfile
from collections.abc import Iterator
from typing import Any, BinaryIO

from flask import Blueprint, current_app, request
from flask.typing import ResponseReturnValue
from sqlalchemy import Select
from sqlalchemy.orm import Session

from audit import Act
from merge import as_of, listing
from merge.csv_text import csv_students
from merge.parts import in_parts
from merge.xlsx import write_xlsx
from models import db
from web.access import requires
from web.acts import EXPORT_STUDENTS
from web.csv_format import asked_format
from web.export_slots import take_slot
from web.handing_out import note_handed_out
from web.replica import may_be_old
from web.streaming import download, named
from web.time_zone import school_zone

export = Blueprint("export", __name__)

XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
CHUNK = 1 << 16


@export.get("/students.csv")
@requires(EXPORT_STUDENTS)
@may_be_old
def csv() -> ResponseReturnValue:
    """Hand out all students that the list of the same address shows, on however many pages."""
    query, written = _asked(), asked_format()
    return download(
        lambda session: csv_students(session, _everybody(session, query), written), f"{_name(query)}.csv", Act.STUDENTS_EXPORTED
    )


@export.get("/students.xlsx")
@requires(EXPORT_STUDENTS)
@may_be_old
def xlsx() -> ResponseReturnValue:
    """Hand them out as a workbook, which is whole only once it is written to its end."""
    query = _asked()
    with take_slot():
        file = tempfile.TemporaryFile()  # noqa: SIM115  closed when it was sent
        rows = write_xlsx(file, in_parts(db.session(), _everybody(db.session(), query)))
    note_handed_out(Act.STUDENTS_EXPORTED, rows=rows)
    response = current_app.response_class(_sent(file), mimetype=XLSX)
    return named(response, f"{_name(query)}.xlsx")


def _sent(file: BinaryIO) -> Iterator[bytes]:
    with file:
        file.seek(0)
        yield from iter(lambda: file.read(CHUNK), b"")


def _asked() -> listing.Query | as_of.Query:
    parse = as_of.parse_query if "as_of" in request.args else listing.parse_query
    return parse(request.args, school_zone())


def _everybody(session: Session, query: listing.Query | as_of.Query) -> Select[Any]:
    return as_of.everybody(session, query) if isinstance(query, as_of.Query) else listing.everybody(session, query)


def _name(query: listing.Query | as_of.Query) -> str:
    return f"students as of {query.at:%Y-%m-%d %H.%M}" if isinstance(query, as_of.Query) else "students"
