"""A first day with Rollbook: a sheet to try, a template to fill in, and made-up students who can be cleared again."""

import csv
import hashlib
import io
from functools import cache

from flask import Blueprint, Response, current_app, flash, redirect, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import Select, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from database import reading
from demo import made_up_sheet
from merge.columns import COLUMNS
from merge.csv_text import BOM, STANDARD, Format, csv_row
from merge.decisions import WrongState
from merge.imports import lifecycle, receiving
from merge.xlsx import write_template
from models import Import, Student, db
from web.access import actor, requires
from web.acts import READ_TEMPLATE, UPLOAD_SHEET
from web.csv_format import asked_format
from web.imports.shared import wait_for_worker
from web.kept_input import keeps_nothing
from words import _

start = Blueprint("start", __name__, url_prefix="/start")

SAMPLE, MADE_UP = 20, 200
ENDED = ("applied", "undone", "failed", "cancelled")
CSV = "text/csv"
XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"


@start.get("/sample.csv")
@requires(READ_TEMPLATE)
def sample() -> ResponseReturnValue:
    """Hand out a small sheet to try an import with."""
    return _file(_made_up(SAMPLE, asked_format()), CSV, "sample.csv")


@start.get("/template.csv")
@requires(READ_TEMPLATE)
def template_csv() -> ResponseReturnValue:
    """Hand out a sheet that has only its headings."""
    headings = csv_row((column.label for column in COLUMNS), asked_format().delimiter)
    return _file((BOM + headings).encode(), CSV, "template.csv")


@start.get("/template.xlsx")
@requires(READ_TEMPLATE)
def template_xlsx() -> ResponseReturnValue:
    """Hand it out as a workbook that says in each column what fits."""
    file = io.BytesIO()
    write_template(file)
    return _file(file.getvalue(), XLSX, "template.xlsx")


@start.post("/students")
@requires(UPLOAD_SHEET)
@keeps_nothing
def fill() -> ResponseReturnValue:
    """Import made-up students where there are none yet, as any other sheet is: undoing the import clears them again."""
    session = db.session()
    known = session.execute(_made_up_imports().with_only_columns(Import.id, Import.state)).all()
    if session.scalar(select(Student.id).limit(1)):
        flash(_("There are students already, so no sample students were added."), "warning")
        return redirect(url_for("dashboard.show"), 303)
    import_id = max((import_id for import_id, state in known if state not in ENDED), default=None)
    import_id = import_id or _receive_made_up(session, len(known))
    wait_for_worker(import_id)
    reading.set(False)
    made = session.get_one(Import, import_id, populate_existing=True)
    try:
        lifecycle.start_apply(session, import_id, actor(), version=made.version)
    except WrongState:
        # It is still being read: whoever comes to its page sees that, and applies it there.
        return redirect(url_for("imports.show", import_id=import_id), 303)
    wait_for_worker(import_id)
    return redirect(url_for("imports.show", import_id=import_id), 303)


def made_up(session: Session) -> Import | None:
    """Find the import that brought the made-up students, while it is in force: the same sheet is known again."""
    return session.scalar(_made_up_imports().where(Import.state == "applied").limit(1))


def _receive_made_up(session: Session, earlier: int) -> int:
    """Import the made-up students and give the import's id, also where somebody else does so at the same moment."""
    # All who have seen the same earlier imports name the same mark, and the database takes an import with it once.
    content, mark = io.BytesIO(_made_up(MADE_UP)), f"made-up students {earlier}"
    filename = f"{MADE_UP} made-up students.csv"
    try:
        return receiving.receive(session, current_app.config["UPLOADS"], filename, content, actor(), delivery=mark).id
    except IntegrityError:
        session.rollback()
        return session.scalars(select(Import.id).where(Import.delivery == mark)).one()


def _made_up_imports() -> Select[Import]:
    return select(Import).where(Import.sha256 == hashlib.sha256(_made_up(MADE_UP)).hexdigest())


@cache
def _made_up(number: int, written: Format = STANDARD) -> bytes:
    text = io.StringIO()
    csv.writer(text, delimiter=written.delimiter).writerows(made_up_sheet(number, written.decimal))
    return text.getvalue().encode()


def _file(content: bytes, mimetype: str, filename: str) -> Response:
    response = current_app.response_class(content, mimetype=mimetype)
    response.headers.set("Content-Disposition", "attachment", filename=filename)
    return response
