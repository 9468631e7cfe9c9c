"""A student's versions, and the way back to one of them."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import VersionForm
from merge import history as past
from merge.merged_ids import ids_of, survivor_of
from merge.query import parse_place
from merge.record import Conflict
from merge.undo_change import NEVER
from models import Student, db
from web.access import actor, may_undo_change, requires
from web.acts import COMPARE_VERSIONS, READ_HISTORY, REVERT_STUDENT
from web.kept_input import keeps_nothing
from web.messages import flash_saved
from web.noting import note_view
from words import _

history = Blueprint("history", __name__, url_prefix="/students")


@history.get("/<id:student_id>/history")
@requires(READ_HISTORY)
def show(student_id: int) -> ResponseReturnValue:
    """Show a page of the student's versions, also of one who was deleted."""
    page = past.page(db.session(), student_id, parse_place(request.args, "before"))
    if not page.entries:
        abort(404)
    note_view(student_id)
    return render_template(
        "history/show.html",
        student=db.session.get(Student, student_id),
        student_id=student_id,
        page=page,
        survivor_id=survivor_of(db.session(), student_id),
        merged=ids_of(db.session(), student_id),
        undo=None if "before" in request.args else _undoable(page.entries[0][0]),
    )


@history.get("/<id:student_id>/revert/<id:version>")
@requires(COMPARE_VERSIONS)
def confirm(student_id: int, version: int) -> ResponseReturnValue:
    """Show what going back to that version would change."""
    to = _version_or_404(student_id, version)
    note_view(student_id)
    return _confirmation(student_id, to)


@history.post("/<id:student_id>/revert/<id:version>")
@requires(REVERT_STUDENT)
@keeps_nothing
def revert(student_id: int, version: int) -> ResponseReturnValue:
    """Let the student stand again as at that version, if nobody has changed them since that was confirmed."""
    to = _version_or_404(student_id, version)
    form = VersionForm()
    try:
        student = past.revert(db.session(), student_id, to, version=form.shown, actor=actor())
    except Conflict:
        return _confirmation(student_id, to, overtaken=True), 409
    flash_saved(_("Restored version %(version)s of %(name)s.", name=student.name, version=version), student, form.shown)
    return redirect(url_for("students.edit", student_id=student_id), 303)


def _undoable(newest: past.Entry) -> int | None:
    """Give the change that made the newest version, if the user may undo it by itself."""
    by_itself = newest.import_id is None and newest.reason not in NEVER
    return newest.change_id if by_itself and may_undo_change(newest.actor) else None


def _confirmation(student_id: int, to: past.Entry, *, overtaken: bool = False) -> str:
    student = db.session.get(Student, student_id, populate_existing=True)
    newest = past.newest_version(db.session(), student_id)
    now = None if student is None else {name: getattr(student, name) for name in to.values}
    return render_template(
        "history/revert.html",
        student=student,
        student_id=student_id,
        to=to,
        cells=past.changed_cells(to.values, now),
        form=VersionForm(formdata=None, version=newest and newest.version),
        overtaken=overtaken,
    )


def _version_or_404(student_id: int, version: int) -> past.Entry:
    found = past.at_version(db.session(), student_id, version)
    there = found and not found.deleted and not survivor_of(db.session(), student_id)
    return found if found and there else abort(404)
