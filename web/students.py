"""The list of students, and the form that merges one."""

import secrets

from flask import Blueprint, abort, flash, jsonify, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import StudentForm, VersionForm
from merge import as_of, history, listing, reconcile, record
from merge.columns import COLUMNS, KEY
from merge.ids import is_unusual
from merge.query import parse_place
from merge.reconcile import Clash
from models import Student, db
from people import called
from web.access import actor, requires
from web.acts import DELETE_STUDENT, READ_STUDENTS, WRITE_STUDENT
from web.kept_input import keeps, keeps_nothing
from web.list import list_page
from web.messages import flash_change, flash_saved
from web.record import (
    ANOTHER_ID,
    another_id_page,
    deletion_page,
    form_page,
    former_id_page,
    go_on,
    high_id_page,
    merge_page,
    merge_unsaved,
    said,
    survivor_page,
    taken_page,
)
from web.replica import may_be_old
from web.sessions import polled
from web.time_zone import school_zone
from web.within import list_url, list_within
from words import _, later

students = Blueprint("students", __name__, url_prefix="/students")


@students.get("")
@requires(READ_STUDENTS)
@may_be_old
def list_() -> ResponseReturnValue:
    """Show a page of the list, as it is or as it stood at a moment."""
    if "as_of" in request.args:
        then = as_of.parse_query(request.args, school_zone())
        page_then = as_of.page(db.session(), then)
        return render_template("students/as_of.html", page=page_then, query=then, columns=COLUMNS)
    query = listing.read_query(request.args, school_zone())
    if student_id := listing.named_id(db.session(), query):
        return redirect(url_for("students.edit", student_id=student_id), 303)
    return list_page(query), 422 if query.problems else 200


@students.get("/new")
@requires(WRITE_STUDENT)
def new() -> ResponseReturnValue:
    """Show an empty form."""
    return form_page(StudentForm(token=secrets.token_urlsafe(24), within=list_within()), None)


@students.post("/new")
@requires(WRITE_STUDENT)
@keeps(StudentForm)
def create() -> ResponseReturnValue:
    """Merge a new student; never one whose id is taken, none twice, and one who was deleted only if that was seen."""
    form = StudentForm()
    if not form.validate():
        return form_page(form, None), 422
    if ANOTHER_ID in request.form:
        return another_id_page(form), 422
    if form.is_unconfirmed(KEY.name) and is_unusual(db.session(), form.values[KEY.name] or 0):
        return high_id_page(form), 409
    restored = form.shown if form.values[KEY.name] else None
    try:
        student = record.save(db.session(), form.values, version=restored, actor=actor(), reason="form", token=form.once)
    except record.Repeated as repeated:
        return _sent_again(form, repeated.student_id)
    except record.Reused as reused:
        return former_id_page(form, reused.student_id), 409
    except record.Conflict as conflict:
        return taken_page(form, conflict), 409
    flash_saved(_("Added %(name)s as student %(id)s.", name=student.name, id=student.id), student, None)
    return go_on(student)


@students.get("/<id:student_id>")
@requires(READ_STUDENTS)
def edit(student_id: int) -> ResponseReturnValue:
    """Show a student in the form."""
    student = _student_or_404(student_id)
    return form_page(StudentForm(formdata=None, obj=student, within=list_within()), student)


@students.post("/<id:student_id>")
@requires(WRITE_STUDENT)
@keeps(StudentForm)
def save(student_id: int) -> ResponseReturnValue:
    """Merge the form into the student, field by field with what others have saved since it was shown."""
    form = StudentForm()
    values = form.values if form.fits() else None
    if values is None and form.clashing:
        stand = reconcile.compare(db.session(), form.values | {"id": student_id}, form.base_version)
        return merge_page(form, student_id, stand), 422
    if values is None:
        return form_page(form, db.session.get(Student, student_id), student_id), 422
    values["id"] = student_id
    if "merge-now" in request.form or form.only_shown:
        return merge_unsaved(form, student_id)
    try:
        saved = reconcile.save(db.session(), values, version=form.shown, actor=actor(), reason="form")
    except Clash as clash:
        return merge_page(form, student_id, clash.stand), 409
    except record.MergedAway as merged:
        return survivor_page(form, merged.survivor_id), 409
    except record.Conflict:
        return merge_page(form, student_id, None), 409
    flash_saved(said(saved), saved.student, saved.over)
    return go_on(saved.student)


@students.get("/<id:student_id>/version")
@requires(READ_STUDENTS)
@polled
def version(student_id: int) -> ResponseReturnValue:
    """Tell whether a form that is open is still up to date; the answer is empty while nothing has changed."""
    newest = history.newest_version(db.session(), student_id)
    if newest is None:
        abort(404)
    deleted, saved = (
        later("%(actor)s has deleted this record since you opened it."),
        later("%(actor)s has saved this record since you opened it."),
    )
    sentence = (deleted if newest.deleted else saved) % {"actor": called(newest.actor)}
    answer = jsonify(version=newest.version, sentence=sentence)
    answer.set_etag(str(newest.version))
    return answer.make_conditional(request)


@students.get("/<id:student_id>/delete")
@requires(DELETE_STUDENT)
def confirm_delete(student_id: int) -> ResponseReturnValue:
    """Ask whether to delete the student, and show what has changed since the version that the record's page showed."""
    student = _student_or_404(student_id)
    return deletion_page(student, parse_place(request.args, "version") or student.version)


@students.post("/<id:student_id>/delete")
@requires(DELETE_STUDENT)
@keeps_nothing
def delete(student_id: int) -> ResponseReturnValue:
    """Delete the student as it was shown; one that has changed since is shown again first."""
    student = _student_or_404(student_id)
    form = VersionForm()
    name = student.name
    try:
        if form.shown is None:
            raise record.Conflict(student_id)
        change_id = record.remove(db.session(), student_id, version=form.shown, actor=actor(), reason="form")
    except record.Conflict:
        return deletion_page(_student_or_404(student_id), form.shown, refused=True), 409
    flash_change(_("Deleted %(name)s.", name=name), change_id)
    return redirect(list_url(), 303)


def _sent_again(form: StudentForm, student_id: int) -> ResponseReturnValue:
    """Lead to the student whom the form made. Where they were deleted since, only who sent it knows whether they mean another."""
    if db.session.get(Student, student_id):
        return redirect(url_for("students.edit", student_id=student_id), 303)
    form.token.data = secrets.token_urlsafe(24)
    flash(
        _(
            "This form has already added student %(id)s, who was deleted since. Send it again to add another student.",
            id=student_id,
        ),
        "warning",
    )
    return form_page(form, None), 409


def _student_or_404(student_id: int) -> Student:
    return db.session.get(Student, student_id, populate_existing=True) or abort(404)
