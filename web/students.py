"""The list of students, and the form that merges one."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import DeleteForm, StudentForm
from merge import listing, record
from merge.columns import COLUMNS
from models import Student, db
from web.access import actor, requires

students = Blueprint("students", __name__, url_prefix="/students")


@students.get("")
@requires("viewer")
def list_() -> ResponseReturnValue:
    """Show a page of the list."""
    query = listing.parse_query(request.args)
    page = listing.page(db.session(), query)
    return render_template(
        "students/list.html", page=page, query=query, columns=COLUMNS, total=listing.count(db.session(), query)
    )


@students.get("/new")
@requires("editor")
def new() -> ResponseReturnValue:
    """Show an empty form."""
    return render_template("students/form.html", form=StudentForm(), student=None)


@students.post("/new")
@requires("editor")
def create() -> ResponseReturnValue:
    """Merge a new student; never one whose id is taken."""
    form = StudentForm()
    return _save(form, None, form.values["id"] if form.validate() else None, version=None)


@students.get("/<id:student_id>")
@requires("viewer")
def edit(student_id: int) -> ResponseReturnValue:
    """Show a student in the form."""
    student = _student_or_404(student_id)
    form = StudentForm(formdata=None, obj=student)
    return render_template("students/form.html", form=form, student=student, delete_form=DeleteForm(version=student.version))


@students.post("/<id:student_id>")
@requires("editor")
def save(student_id: int) -> ResponseReturnValue:
    """Merge the form into the student, if nobody has changed it since the form was shown."""
    form = StudentForm()
    return _save(form, db.session.get(Student, student_id), student_id, version=form.base_version)


@students.post("/<id:student_id>/delete")
@requires("editor")
def delete(student_id: int) -> ResponseReturnValue:
    """Delete the student as it was shown."""
    student = _student_or_404(student_id)
    form = DeleteForm()
    name = student.name
    try:
        if not form.validate():
            raise record.Conflict(student_id)
        record.remove(db.session(), student_id, version=int(form.version.data), actor=actor(), reason="form")
    except record.Conflict:
        flash(f"{name} was not deleted: the record has changed since you opened it. This is how it stands now.", "warning")
        return redirect(url_for("students.edit", student_id=student_id), 303)
    flash(f"{name} was deleted. The history keeps the record.", "success")
    return redirect(url_for("students.list_"), 303)


def _save(form: StudentForm, student: Student | None, student_id: int | None, *, version: int | None) -> ResponseReturnValue:
    if not form.validate():
        return render_template("students/form.html", form=form, student=student, delete_form=None), 422
    try:
        saved = record.save(db.session(), form.values | {"id": student_id}, version=version, actor=actor(), reason="form")
    except record.Conflict as conflict:
        return _show_conflict(form, conflict.student_id, created=version is None and student is None)
    flash(f"{saved.name} is saved as student {saved.id}.", "success")
    return redirect(url_for("students.edit", student_id=saved.id), 303)


def _show_conflict(form: StudentForm, student_id: int, *, created: bool) -> ResponseReturnValue:
    """Show the stored record beside the typed one. Saving that page names the version that it showed."""
    stored = db.session.get(Student, student_id, populate_existing=True)
    form["id"].typed = str(student_id)
    form.version.data = stored.version if stored else ""
    return render_template("students/conflict.html", form=form, stored=stored, student_id=student_id, created=created), 409


def _student_or_404(student_id: int) -> Student:
    return db.session.get(Student, student_id) or abort(404)
