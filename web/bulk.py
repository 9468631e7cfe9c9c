"""Prepare a change of many students of the list; the page of an import then shows it, applies it and takes it back."""

from typing import Any
from urllib.parse import parse_qsl

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import BulkForm
from merge import imports as life
from merge.columns import BY_NAME
from merge.query import MOST_PER_PAGE
from merge.selection import Selection, count_selected, stream_selected
from models import db
from web.access import actor, requires
from web.export import csv_lines
from web.imports import wait_for_worker
from web.streaming import download

bulk = Blueprint("bulk", __name__, url_prefix="/students/bulk")


@bulk.post("")
@requires("editor")
def choose() -> ResponseReturnValue:
    """Ask what is to become of the students who were ticked, or of all that the list shows."""
    ticked = request.form.getlist("id", type=int)[:MOST_PER_PAGE]
    form = BulkForm(formdata=None, within=request.form.get("within", ""), ids=",".join(map(str, ticked)))
    if not ticked and "all" not in request.form:
        flash("Nobody is ticked. Tick the students that you want to change, or choose all that match.", "warning")
        return redirect(url_for("students.list_", **_address(form)), 303)
    if "all" in request.form:
        form.ids.data = ""
    return _choice_page(form)


@bulk.post("/set")
@requires("editor")
def set_column() -> ResponseReturnValue:
    """Prepare to set a column of the students to one value."""
    form = BulkForm()
    if not form.validate():
        return _choice_page(form), 422
    selection = _selection(form, form.column.data, form.value.data or "")
    label, number = BY_NAME[form.column.data].label, count_selected(db.session(), selection)
    return _prepared(selection, f"Set {label} of {number:,} to {form.value.data or 'blank'}")


@bulk.post("/export")
@requires("viewer")
def export() -> ResponseReturnValue:
    """Hand out the students as a file."""
    selection = _selection(BulkForm())
    return download(lambda session: csv_lines(stream_selected(session, selection)), "students.csv")


@bulk.post("/delete")
@requires("admin", fresh=True)
def delete() -> ResponseReturnValue:
    """Prepare to delete the students."""
    selection = _selection(BulkForm())
    return _prepared(selection, f"Delete {count_selected(db.session(), selection):,} students")


def _choice_page(form: BulkForm) -> str:
    number = count_selected(db.session(), _selection(form))
    return render_template("bulk/choose.html", form=form, number=number, back=_address(form))


def _prepared(selection: Selection, title: str) -> ResponseReturnValue:
    import_id = life.receive_selection(db.session(), current_app.config["UPLOADS"], selection, title, actor())
    wait_for_worker(import_id)
    return redirect(url_for("imports.show", import_id=import_id), 303)


def _selection(form: BulkForm, column: str | None = None, value: str = "") -> Selection:
    return Selection(_address(form), form.chosen, column, value)


def _address(form: BulkForm) -> dict[str, Any]:
    """Take the list's address apart; where its pages begin says nothing about who is on it."""
    pairs = parse_qsl(form.within.data or "")
    return {name: text for name, text in pairs if not name.startswith("_") and name not in ("after", "before")}
