"""The pages of one student's record: its form, two edits side by side, and a deletion that asks again."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from forms import StudentForm, VersionForm
from merge import history, listing, reconcile
from merge.columns import COLUMNS, KEY
from merge.duplicates import same_name
from merge.former_ids import former_owner
from merge.former_ids import said as said_of
from merge.reconcile import Saved, Stand
from merge.record import Conflict, MergedAway
from models import Student, db
from people import called
from web.time_zone import school_zone
from web.within import list_url, list_within, read_within
from words import _

# The button that says that an ID was somebody else's.
ANOTHER_ID = "another-id"


def form_page(form: StudentForm, student: Student | None, student_id: int | None = None) -> str:
    """Show the form; a student that was deleted while it was open has no record, but still an id."""
    query = _list()
    before, after = listing.neighbours(db.session(), query, student) if query and student else (None, None)
    return render_template(
        "students/form.html",
        form=form,
        student=student,
        student_id=student.id if student else student_id,
        same=same_name(db.session(), student) if student else [],
        delete_form=VersionForm(formdata=None, version=student.version) if student else None,
        before=before,
        after=after,
    )


def merge_page(form: StudentForm, student_id: int, stand: Stand | None, *, created: bool = False) -> str:
    """Show both edits beside what they started from. Saving that page names the version that it showed."""
    gone = None if stand else former_owner(db.session(), student_id)
    if stand is not None:
        if not form.clashing:
            form.base.data = form.version.data
        form.version.data = str(stand.version)
    else:
        form.version.data = str(gone.version) if gone and not gone.erased else ""
    return render_template(
        "students/merge.html", form=form, stand=stand, gone=gone, student_id=student_id, created=created, columns=COLUMNS
    )


def taken_page(form: StudentForm, conflict: Conflict) -> str:
    """Show what was typed for a new student beside the one who has the ID, or whom a merged ID leads to."""
    taken = conflict.survivor_id if isinstance(conflict, MergedAway) else conflict.student_id
    if taken != conflict.student_id:
        flash(_("Student %(id)s was merged into this one.", id=conflict.student_id), "info")
    form[KEY.name].typed = str(taken)
    stand = reconcile.compare(db.session(), form.values | {KEY.name: taken}, None)
    return merge_page(form, taken, stand, created=True)


def survivor_page(form: StudentForm, survivor_id: int) -> str:
    """Show what was typed into a record that was merged meanwhile beside the student it was merged into."""
    flash(_("This record was merged into student %(id)s while you were typing.", id=survivor_id), "info")
    form.version.data = ""
    return merge_page(form, survivor_id, reconcile.compare(db.session(), form.values | {KEY.name: survivor_id}, None))


def former_id_page(form: StudentForm, student_id: int) -> str:
    """Ask whether a new student is the one who had the ID before; of somebody erased, say that it can't be had again."""
    owner = former_owner(db.session(), student_id)
    if owner is None or owner.erased:
        return another_id_page(form)
    form.version.data = str(owner.version)
    cells = history.changed_cells(form.values, owner.values)
    return render_template(
        "students/former_id.html", form=form, student_id=student_id, owner=owner, sentence=said_of(student_id, owner), cells=cells
    )


def high_id_page(form: StudentForm) -> str:
    """Ask whether an ID is right that is far higher than all others."""
    form.confirmed.data = form[KEY.name].typed
    return render_template("students/high_id.html", form=form, student_id=form.values[KEY.name])


def another_id_page(form: StudentForm) -> str:
    """Show the form again, as it was typed, for another ID."""
    student_id = form.values[KEY.name]
    owner = former_owner(db.session(), student_id)
    sentence = _("Enter another ID, or leave this blank for the next free one.")
    form[KEY.name].errors = [f"{said_of(student_id, owner)} {sentence}" if owner else sentence]
    form.version.data = ""
    return form_page(form, None)


def merge_unsaved(form: StudentForm, student_id: int) -> ResponseReturnValue:
    """Show the form with what others have saved meanwhile in it, and save nothing yet."""
    stand = reconcile.compare(db.session(), form.values | {"id": student_id}, form.shown)
    if stand is None or stand.merged.clashing:
        return merge_page(form, student_id, stand), 409
    for name, value in stand.merged.values.items():
        form[name].show(value)
    form.version.data = str(stand.version)
    if stand.merged.theirs:
        flash(f"{_merged_from(stand)} {_('Nothing of it is saved yet.')}", "info")
    elif not form.only_shown:
        flash(_("There was nothing to merge."), "info")
    return form_page(form, db.session.get_one(Student, student_id))


def deletion_page(student: Student, shown: int | None, *, refused: bool = False) -> str:
    """Ask before a student is deleted; again where one was refused, since the record had changed since it was shown."""
    seen = None if shown is None else history.at_version(db.session(), student.id, shown)
    now = {column.name: getattr(student, column.name) for column in COLUMNS if not column.key}
    entries = history.since(db.session(), student.id, shown or 0)
    return render_template(
        "students/delete.html",
        student=student,
        columns=COLUMNS,
        refused=refused,
        cells=history.changed_cells(now, seen.values if seen else None),
        last=entries[-1] if entries else None,
        form=VersionForm(formdata=None, version=student.version),
    )


def said(saved: Saved) -> str:
    student, stand = saved.student, saved.stand
    sentence = _("Saved %(name)s.", name=student.name)
    if stand is None or not stand.merged.theirs:
        return sentence
    return f"{sentence} {_merged_from(stand)}"


def go_on(student: Student) -> ResponseReturnValue:
    """Go where the button that was used says: on to the next in the list, to another empty form, or to the record."""
    then, query = request.form.get("then"), _list()
    if then == "add":
        return redirect(url_for("students.new"), 303)
    if then == "next" and query:
        _, after = listing.neighbours(db.session(), query, student)
        if after is None:
            return redirect(list_url(), 303)
        return redirect(url_for("students.edit", student_id=after), 303)
    return redirect(url_for("students.edit", student_id=student.id), 303)


def _merged_from(stand: Stand) -> str:
    """Say which fields came from whom."""
    labels = {column.name: column.label for column in COLUMNS}
    by = {name: called(entry.actor) for name, entry in stand.by.items()}
    theirs = [_("%(column)s from %(actor)s", column=labels[name], actor=by[name]) for name in stand.merged.theirs]
    mine = [_("%(column)s from you", column=labels[name]) for name in stand.merged.mine]
    return _("Someone else had saved this student, and both changes were merged: %(parts)s.", parts=", ".join(theirs + mine))


def _list() -> listing.Query | None:
    """Give the list that the record was opened in; None where there is none, or its address was made up."""
    within = list_within()
    try:
        return listing.parse_query(read_within(within), school_zone()) if within else None
    except listing.BadQuery:
        return None
