"""What changed lately across the school, and the way back from each change."""

from urllib.parse import urlsplit

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from merge import changes as lately
from merge import undo_change as undoing
from merge.undo_change import Outcome
from models import db
from web.access import actor, change_owner, requires
from web.acts import READ_CHANGES, UNDO_CHANGE
from web.addresses import leads_within
from web.kept_input import keeps_nothing
from web.messages import flash_change
from web.time_zone import school_zone
from words import _, ngettext

changes = Blueprint("changes", __name__, url_prefix="/changes")

# More names than that make no list to choose from; an address can still name any.
NAMED = 200


@changes.get("")
@requires(READ_CHANGES)
def list_() -> ResponseReturnValue:
    """Show a page of the changes."""
    query = lately.parse_query(request.args)
    page = lately.page(db.session(), query, school_zone())
    asked = {name: text for name, text in request.args.items() if name in ("actor", "import", "from", "to") and text}
    return render_template("changes/list.html", page=page, query=query, asked=asked, actors=lately.actors(db.session(), NAMED))


@changes.post("/<id:change_id>/undo")
@requires(UNDO_CHANGE, owner=change_owner)
@keeps_nothing
def undo(change_id: int) -> ResponseReturnValue:
    """Take a change back, if nobody has changed its students since; never an erasure."""
    if undoing.undoable(db.session(), change_id) is None:
        abort(404)
    try:
        by_change_id = undoing.undo_change(db.session(), change_id, actor=actor())
    except undoing.Repeated as repeated:
        by_change_id = repeated.change_id
    except undoing.Overtaken:
        return render_template("changes/overtaken.html", overtaken=undoing.overtaken(db.session(), change_id)), 409
    outcome = undoing.outcome(db.session(), by_change_id)
    flash_change(_undone(outcome), by_change_id)
    return redirect(_page_after(outcome), 303)


def _undone(outcome: Outcome) -> str:
    if outcome.number > 1:
        return ngettext("Undone: %(num)s student is as before.", "Undone: %(num)s students are as before.", outcome.number)
    if not outcome.is_there:
        return _("Undone: %(name)s is no longer in the list.", name=outcome.name)
    if not outcome.was_there:
        return _("Undone: %(name)s is in the list again.", name=outcome.name)
    return _("Undone: %(name)s is as before.", name=outcome.name)


def _page_after(outcome: Outcome) -> str:
    """Lead back to the page with the button, or to the student where that page is gone with them."""
    record, history = (url_for(page, student_id=outcome.student_id) for page in ("students.edit", "history.show"))
    asked = request.form.get("next", "")
    if not leads_within(asked) or (urlsplit(asked).path == record and not outcome.is_there):
        return record if outcome.is_there else history
    return asked
