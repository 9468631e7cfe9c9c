"""An import taken back, or put in force again."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from forms import UndoForm
from merge import undo as undoing
from merge.imports import lifecycle
from merge.undo import Outlook
from models import Import, db
from web.access import actor, import_owner, requires
from web.acts import UNDO_IMPORT
from web.imports.blueprint import imports
from web.imports.shared import import_or_404, wait_for_worker
from web.kept_input import keeps_nothing
from words import _


@imports.get("/<id:import_id>/undo")
@requires(UNDO_IMPORT, owner=import_owner)
def confirm_undo(import_id: int) -> ResponseReturnValue:
    """Show what taking the import back, or putting it in force again, would do."""
    import_ = import_or_404(import_id)
    if import_.change_id is None or import_.state not in ("applied", "undone"):
        flash(_("You can’t undo this import now."), "warning")
        return redirect(url_for("imports.show", import_id=import_id), 303)
    return _undo_page(import_, undoing.outlook(db.session(), import_.change_id))


@imports.post("/<id:import_id>/undo")
@requires(UNDO_IMPORT, owner=import_owner)
@keeps_nothing
def undo(import_id: int) -> ResponseReturnValue:
    """Let a worker take the import back, or put it in force again, if that leaves no more students alone than was shown."""
    import_, form = import_or_404(import_id), UndoForm()
    if overtaken := _overtaken_undo(import_, form):
        return _undo_page(import_, overtaken), 409
    lifecycle.start_undo(db.session(), import_id, actor(), version=form.shown)
    wait_for_worker(import_id)
    return redirect(url_for("imports.show", import_id=import_id), 303)


def _overtaken_undo(import_: Import, form: UndoForm) -> Outlook | None:
    """Say what an undo would do, if it would leave more students alone than its button was shown with."""
    if form.most_left_alone is None or import_.change_id is None or form.shown != import_.version:
        return None
    outlook = undoing.outlook(db.session(), import_.change_id)
    return outlook if outlook.left_alone > form.most_left_alone else None


def _undo_page(import_: Import, outlook: Outlook) -> str:
    form = UndoForm(formdata=None, version=import_.version, left_alone=outlook.left_alone)
    return render_template("imports/undo.html", import_=import_, outlook=outlook, form=form)
