"""Prepare a change of many students of the list; the page of an import then shows it, applies it and takes it back."""

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from audit import Act
from forms import BulkForm
from merge.cells import write_cell
from merge.columns import BY_NAME
from merge.csv_text import csv_students
from merge.imports import receiving
from merge.query import MOST_PER_PAGE, is_whole, parse_query
from merge.selection import Selection, count_selected, everybody
from models import db
from web.access import actor, requires
from web.acts import CHANGE_STUDENTS, DELETE_STUDENTS, EXPORT_STUDENTS, SELECT_STUDENTS
from web.csv_format import asked_format, format_of_reader
from web.imports.shared import wait_for_worker
from web.kept_input import keeps
from web.limits import takes_several
from web.streaming import download
from web.time_zone import school_zone
from web.within import read_within
from words import Later, _, later

bulk = Blueprint("bulk", __name__, url_prefix="/students/bulk")


@bulk.post("")
@requires(SELECT_STUDENTS)
@takes_several("id")
@keeps(BulkForm)
def choose() -> ResponseReturnValue:
    """Ask what is to become of the students who were ticked, or of all that the list shows."""
    ticked = [text for text in request.form.getlist("id") if is_whole(text)][:MOST_PER_PAGE]
    form = BulkForm(formdata=None, within=request.form.get("within", ""), ids=",".join(ticked))
    if not ticked and "all" not in request.form:
        flash(_("Select at least one student, or edit all students that match."), "warning")
        return redirect(url_for("students.list_", **read_within(form.within.data)), 303)
    if "all" in request.form:
        form.ids.data = ""
    return _choice_page(form)


@bulk.post("/set")
@requires(CHANGE_STUDENTS)
@keeps(BulkForm)
def set_column() -> ResponseReturnValue:
    """Prepare to set a column of the students to one value."""
    form = BulkForm()
    if not form.validate():
        return _choice_page(form), 422
    selection = _selection(form, form.column.data, write_cell(form.read))
    title = later(
        "Set %(column)s of %(number)s to %(value)s",
        column=later(BY_NAME[form.column.data].heading),
        number=count_selected(db.session(), selection),
        value=write_cell(form.read) or later("blank"),
    )
    return _prepared(selection, title)


@bulk.post("/export")
@requires(EXPORT_STUDENTS)
@keeps(BulkForm)
def export() -> ResponseReturnValue:
    """Hand out the students as a file."""
    form = BulkForm()
    if form.only_shown:
        return _choice_page(form)
    selection, written = _selection(form), asked_format()
    return download(
        lambda session: csv_students(session, everybody(session, selection), written), "students.csv", Act.STUDENTS_EXPORTED
    )


@bulk.post("/delete")
@requires(DELETE_STUDENTS)
@keeps(BulkForm)
def delete() -> ResponseReturnValue:
    """Prepare to delete the students."""
    form = BulkForm()
    if form.only_shown:
        return _choice_page(form)
    selection = _selection(form)
    return _prepared(selection, later("Delete students: %(number)s", number=count_selected(db.session(), selection)))


def _choice_page(form: BulkForm) -> str:
    number = count_selected(db.session(), _selection(form))
    if not form.format.raw_data:
        form.format.data = format_of_reader()
    return render_template("bulk/choose.html", form=form, number=number, back=read_within(form.within.data or ""))


def _prepared(selection: Selection, title: Later) -> ResponseReturnValue:
    import_id = receiving.receive_selection(db.session(), current_app.config["UPLOADS"], selection, title, actor())
    wait_for_worker(import_id)
    return redirect(url_for("imports.show", import_id=import_id), 303)


def _selection(form: BulkForm, column: str | None = None, value: str = "") -> Selection:
    chosen = [text for text in (form.ids.data or "").split(",") if text]
    if not all(map(is_whole, chosen)):
        abort(400)  # nobody among them would mean everybody
    # As the list's own address: a time in it then says its offset, wherever it is read.
    listed = parse_query(read_within(form.within.data or ""), school_zone()).address
    return Selection(listed, [int(text) for text in chosen], column, value)
