"""The id of a record that was merged leads to the student it was merged into, from every address that names it."""

from flask import flash, redirect, request, url_for
from werkzeug.wrappers import Response

from merge.merged_ids import survivor_of
from models import db
from web.addresses import is_for_machines
from words import _


def led_on() -> Response | None:
    """Answer a request for a student who is not there, but whose id leads to another; None for any other request."""
    student_id = (request.view_args or {}).get("student_id")
    return redirect_to_survivor(student_id) if student_id is not None else None


def redirect_to_survivor(student_id: int) -> Response | None:
    """Lead to the student of a merged id, and say so; None for an id that leads nowhere else."""
    survivor_id = survivor_of(db.session(), student_id)
    if survivor_id is None:
        return None
    if is_for_machines():
        return redirect(url_for("api.show_student", student_id=survivor_id), 307)
    sentence = _("Student %(id)s was merged into this one.", id=student_id)
    if request.method not in ("GET", "HEAD"):
        sentence = f"{sentence} {_('Nothing was done.')}"
    flash(sentence, "info")
    return redirect(url_for("students.edit", student_id=survivor_id), 303)
