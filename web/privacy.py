"""All that is held on one student: to read and to hand out, and to erase."""

from flask import Blueprint, Response, abort, current_app, flash, json, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from audit import Act
from forms import EraseForm
from merge import erase as erasure
from merge.file_rewrite import traces_of
from merge.held import Held, as_csv, held_on
from merge.merged_ids import survivor_of
from merge.record import Conflict
from models import db
from web.access import actor, requires
from web.acts import ERASE_STUDENT, EXPORT_PERSONAL_DATA, READ_PERSONAL_DATA
from web.csv_format import asked_format
from web.handing_out import note_handed_out
from web.kept_input import keeps_nothing
from web.noting import note_view
from web.time_zone import school_zone
from words import _

privacy = Blueprint("privacy", __name__, url_prefix="/students")


@privacy.get("/<id:student_id>/privacy")
@requires(READ_PERSONAL_DATA)
def show(student_id: int) -> ResponseReturnValue:
    """Show what is held, and what an erasure would take."""
    page = _page(student_id)
    note_view(student_id)
    return page


@privacy.get("/<id:student_id>/privacy.json")
@requires(EXPORT_PERSONAL_DATA)
def as_json(student_id: int) -> ResponseReturnValue:
    """Hand out all that is held, for a program."""
    return _file(json.dumps(_held_or_404(student_id), indent=2, sort_keys=False, ensure_ascii=False), student_id, "json")


@privacy.get("/<id:student_id>/privacy.csv")
@requires(EXPORT_PERSONAL_DATA)
def csv(student_id: int) -> ResponseReturnValue:
    """Hand out all that is held, for a spreadsheet."""
    return _file("".join(as_csv(_held_or_404(student_id), asked_format())), student_id, "csv")


@privacy.post("/<id:student_id>/privacy")
@requires(ERASE_STUDENT)
@keeps_nothing
def erase(student_id: int) -> ResponseReturnValue:
    """Erase the student as they were shown; where that has changed since, it is shown again first."""
    form = EraseForm()
    try:
        erasure.erase(db.session(), student_id, version=form.shown, seen=form.seen.data or "", actor=actor())
    except Conflict:
        flash(_("The record changed after you opened this page, so nothing was erased. This is the current record."), "warning")
        return _page(student_id), 409
    except erasure.Busy:
        flash(_("An import in progress may contain this student. Nothing was erased. Wait until it has ended."), "warning")
        return _page(student_id), 409
    flash(_("Student %(id)s was erased.", id=student_id), "success")
    return redirect(url_for("history.show", student_id=student_id), 303)


def _page(student_id: int) -> str:
    held = _held_or_404(student_id)
    there = erasure.outlook(db.session(), student_id)
    form = EraseForm(formdata=None, version=there.version, seen=there.seen) if there else None
    traces = None if there else traces_of(db.session(), erasure.erased_at(db.session(), student_id))
    return render_template("privacy/show.html", student_id=student_id, held=held, there=there, form=form, traces=traces)


def _held_or_404(student_id: int) -> Held:
    """Give all that is held; a merged record's id leads to the student who has it."""
    if survivor_of(db.session(), student_id):
        abort(404)
    return held_on(db.session(), student_id, school_zone()) or abort(404)


def _file(text: str, student_id: int, ending: str) -> Response:
    note_handed_out(Act.STUDENTS_EXPORTED, f"student {student_id}", rows=1)
    response: Response = current_app.response_class(text, mimetype={"json": "application/json", "csv": "text/csv"}[ending])
    response.headers.set("Content-Disposition", "attachment", filename=f"student {student_id}.{ending}")
    return response
