"""Two records that may be one person's: compared, merged, or said to be two people's."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import EmptyForm, MergeForm, merge_form
from merge import history
from merge.columns import NAME
from merge.duplicates import say_distinct
from merge.merge_students import compare_records, merge_students
from merge.query import is_whole
from merge.record import Conflict
from models import Student, db
from web.access import actor, requires
from web.acts import COMPARE_STUDENTS, FIND_DUPLICATES, MERGE_STUDENTS, TELL_APART
from web.kept_input import keeps_nothing
from web.merged import redirect_to_survivor
from web.messages import flash_change
from web.noting import note_view
from words import _

duplicates = Blueprint("duplicates", __name__, url_prefix="/students/<id:first_id>/merge")

VERSIONS_SHOWN = 5


@duplicates.get("")
@requires(FIND_DUPLICATES)
def find(first_id: int) -> ResponseReturnValue:
    """Lead to the comparison with the student whose ID was typed."""
    typed = request.args.get("other", "").strip()
    other = db.session.get(Student, int(typed)) if is_whole(typed) else None
    if other is None or other.id == first_id:
        flash(_("There is no other student with this ID. Enter the ID of the second record."), "warning")
        return redirect(url_for("students.edit", student_id=first_id), 303)
    return redirect(url_for("duplicates.show", first_id=first_id, second_id=other.id), 303)


@duplicates.get("/<id:second_id>")
@requires(COMPARE_STUDENTS)
def show(first_id: int, second_id: int) -> ResponseReturnValue:
    """Show two records side by side, with their histories."""
    if first_id == second_id:
        abort(404)
    pair = _pair(first_id, second_id)
    if pair is None:
        return _gone(first_id, second_id)
    for student in pair:
        note_view(student.id)
    return _page(*pair)


@duplicates.post("/<id:second_id>")
@requires(MERGE_STUDENTS)
@keeps_nothing
def merge(first_id: int, second_id: int) -> ResponseReturnValue:
    """Merge two records as they were shown; those that have changed since are shown again first."""
    pair = _pair(first_id, second_id)
    if pair is None or first_id == second_id:
        return _gone(first_id, second_id)
    form = merge_form(compare_records(*pair), *pair)
    shown = {first_id: form.shown, second_id: form.second_shown}
    if shown != {student.id: student.version for student in pair}:
        return _overtaken(first_id, second_id)
    if not form.validate():
        return _page(*pair, form), 422
    kept, merged = (first_id, second_id) if form.survivor.data == "first" else (second_id, first_id)
    values, versions = form.values(*pair), (shown[kept], shown[merged])
    try:
        change_id = merge_students(db.session(), kept, merged, values, versions=versions, actor=actor())
    except Conflict:
        return _overtaken(first_id, second_id)
    facts = {"merged": merged, "name": values[NAME.name], "kept": kept}
    flash_change(_("Student %(merged)s was merged into %(name)s, %(kept)s.", **facts), change_id)
    return redirect(url_for("students.edit", student_id=kept), 303)


@duplicates.post("/<id:second_id>/distinct")
@requires(TELL_APART)
@keeps_nothing
def distinct(first_id: int, second_id: int) -> ResponseReturnValue:
    """Remember that the two are two people."""
    pair = _pair(first_id, second_id)
    if pair is None or first_id == second_id:
        return _gone(first_id, second_id)
    first, second = (student.name for student in pair)
    say_distinct(db.session(), first_id, second_id, actor())
    flash(_("%(first)s and %(second)s are different people. You won’t be asked again.", first=first, second=second), "success")
    return redirect(url_for("students.edit", student_id=first_id), 303)


def _overtaken(first_id: int, second_id: int) -> ResponseReturnValue:
    """Show the records as they are now to somebody who decided on what they were before."""
    pair = _pair(first_id, second_id)
    if pair is None:
        return _gone(first_id, second_id)
    flash(_("One of the records has changed since you opened this page. Nothing was merged. Check them again."), "warning")
    return _page(*pair, merge_form(compare_records(*pair), *pair, formdata=None)), 409


def _page(first: Student, second: Student, form: MergeForm | None = None) -> str:
    choices = compare_records(first, second)
    pages = [history.page(db.session(), student.id).entries[:VERSIONS_SHOWN] for student in (first, second)]
    return render_template(
        "students/compare.html",
        first=first,
        second=second,
        choices=choices,
        histories=list(zip((first, second), pages, strict=True)),
        form=form or merge_form(choices, first, second, formdata=None),
        distinct_form=EmptyForm(),
    )


def _pair(first_id: int, second_id: int) -> tuple[Student, Student] | None:
    found = [db.session.get(Student, student_id, populate_existing=True) for student_id in (first_id, second_id)]
    return (found[0], found[1]) if found[0] and found[1] else None


def _gone(first_id: int, second_id: int) -> ResponseReturnValue:
    """Lead to the student whom one of the ids leads to by now."""
    return redirect_to_survivor(first_id) or redirect_to_survivor(second_id) or abort(404)
