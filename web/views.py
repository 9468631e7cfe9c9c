"""Lists of students that a user keeps under a name."""

from urllib.parse import parse_qsl, urlencode

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from forms import ViewForm
from merge import listing
from merge import views as kept
from models import View, db
from web.access import requires, user_id
from web.acts import MANAGE_VIEWS
from web.kept_input import keeps, keeps_nothing
from web.list import list_page
from web.time_zone import school_zone
from words import _

views = Blueprint("views", __name__, url_prefix="/students/views")


@views.get("")
@requires(MANAGE_VIEWS)
def list_() -> ResponseReturnValue:
    """Show the views that the user keeps, each with what can be changed about it."""
    return _page()


@views.post("")
@requires(MANAGE_VIEWS)
@keeps(ViewForm)
def keep() -> ResponseReturnValue:
    """Keep a list under a name."""
    form = ViewForm()
    query = listing.parse_query(dict(parse_qsl(form.address.data or "")), school_zone())
    if not form.validate():
        return list_page(query, form), 422
    view = View(user_id=user_id(), name=form.name.data, address=urlencode(query.address), shared=form.shared.data)
    try:
        kept.add(db.session(), view)
    except kept.TooMany:
        form.name.errors = [_("You have %(most)s saved views. Delete one before you save another.", most=kept.MOST_KEPT)]
        return list_page(query, form), 422
    except kept.TooLong:
        form.name.errors = [_("This list searches for too much to be saved. Remove some of it, then save the view.")]
        return list_page(query, form), 422
    flash(_("Saved the view “%(name)s”.", name=view.name), "success")
    return redirect(_list_of(view), 303)


@views.post("/<id:view_id>")
@requires(MANAGE_VIEWS)
@keeps(ViewForm)
def change(view_id: int) -> ResponseReturnValue:
    """Give a view another name, share it, or keep it for oneself."""
    view = _own_or_404(view_id)
    form = ViewForm(prefix=str(view_id))
    if not form.validate():
        return _page(form), 422
    view.name, view.shared = form.name.data, form.shared.data
    db.session.commit()
    flash(_("“%(name)s” is saved.", name=form.name.data), "success")
    return redirect(url_for("views.list_"), 303)


@views.post("/<id:view_id>/delete")
@requires(MANAGE_VIEWS)
@keeps_nothing
def delete(view_id: int) -> ResponseReturnValue:
    """Drop a view; no student is touched by that."""
    view = _own_or_404(view_id)
    name = view.name
    kept.drop(db.session(), view)
    flash(_("Deleted the view “%(name)s”. Its students are unchanged.", name=name), "success")
    return redirect(url_for("views.list_"), 303)


def _page(sent: ViewForm | None = None) -> str:
    own = [view for view in kept.visible(db.session(), user_id()) if view.user_id == user_id()]
    forms = {view.id: ViewForm(formdata=None, obj=view, prefix=str(view.id)) for view in own}
    if sent:
        forms[int(sent.prefix)] = sent
    return render_template("views/list.html", views=[(view, forms[view.id], _list_of(view)) for view in own], sent=sent)


def _list_of(view: View) -> str:
    return url_for("students.list_") + (f"?{view.address}" if view.address else "")


def _own_or_404(view_id: int) -> View:
    return kept.own(db.session(), view_id, user_id()) or abort(404)
