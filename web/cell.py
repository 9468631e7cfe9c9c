"""One cell of the list, edited where it stands: an addition to the form for who has JavaScript, and guarded as the form is."""

from typing import Any

from flask import Blueprint, Response, abort, jsonify, url_for
from flask.typing import ResponseReturnValue

from forms import CellForm
from merge import history, reconcile
from merge.cells import typed_notation
from merge.columns import BY_NAME, COLUMNS, StudentColumn
from merge.problems import Problem
from merge.reconcile import Clash, Saved
from merge.record import Conflict
from models import db
from people import called
from web.access import actor, requires
from web.acts import WRITE_STUDENT
from web.kept_input import told_to_scripts
from web.messages import change_of_save
from words import _

cell = Blueprint("cell", __name__, url_prefix="/students")


@cell.post("/<id:student_id>/cell")
@requires(WRITE_STUDENT)
@told_to_scripts
def save(student_id: int) -> ResponseReturnValue:
    """Save one cell over the version that the list showed, and tell what stands there now, or why it can't be saved."""
    form = CellForm()
    column = BY_NAME.get(form.column.data or "") or abort(404)
    seen = history.at_version(db.session(), student_id, form.shown or 0)
    if column.key or not history.newest_version(db.session(), student_id):
        abort(404)
    if seen is None or seen.deleted:
        return jsonify(sentence=_("This list is out of date. Reload the page, then try again.")), 409
    try:
        value = column.read(form.value.data or "", typed_notation())
        saved = reconcile.save(
            db.session(),
            {**seen.values, "id": student_id, column.name: value},
            version=seen.version,
            actor=actor(),
            reason="form",
        )
    except Problem as problem:
        return jsonify(sentence=problem.sentence(column.label)), 422
    except Clash as clash:
        return _overtaken(student_id, column, clash), 409
    except Conflict:
        return jsonify(sentence=_("Someone deleted this student. The record is in the history.")), 409
    return _saved(column, saved)


def _saved(column: StudentColumn, saved: Saved) -> Response:
    """Give the row as it now is, since others may have saved more of it than the list shows, and what undoes the save."""
    student = saved.student
    cells = {cell.name: cell.write(getattr(student, cell.name)) for cell in COLUMNS}
    text = cells[column.name]
    sentence = _("%(column)s of %(name)s is saved: %(value)s.", column=column.label, name=student.name, value=text or _("blank"))
    change_id = change_of_save(student, saved.over)
    undo = {} if change_id is None else {"undo": url_for("changes.undo", change_id=change_id)}
    return jsonify(version=student.version, text=text, cells=cells, sentence=sentence, **undo)


def _overtaken(student_id: int, column: StudentColumn, clash: Clash) -> Any:
    by, now = clash.stand.by[column.name], column.write(clash.stand.theirs[column.name])
    sentence = _(
        "%(actor)s changed it to %(value)s while you were editing. Open the record to decide.",
        actor=called(by.actor),
        value=now or _("blank"),
    )
    return jsonify(sentence=sentence, record=url_for("students.edit", student_id=student_id))
