"""What users see to for themselves: the password, the second factor, and where they are signed in."""

from flask import Blueprint, abort, flash, g, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user, login_user
from sqlalchemy import select

import accounts
import audit
from audit import Act
from models import User, UserSession, db
from web import throttle
from web.access import requires
from web.account_forms import ChangePasswordForm, NameForm
from web.acts import CHANGE_OWN_NAME, CHANGE_OWN_PASSWORD, END_OWN_SESSIONS, SEE_OWN_ACCOUNT
from web.devices import name_device
from web.kept_input import keeps, keeps_nothing
from words import _, later

profile = Blueprint("profile", __name__, url_prefix="/profile")

NOT_PRESENT = later("That isn’t your current password. Try again.")


@profile.get("")
@requires(SEE_OWN_ACCOUNT)
def show() -> ResponseReturnValue:
    """Show the user's own account."""
    return _page(ChangePasswordForm())


@profile.post("/name")
@requires(CHANGE_OWN_NAME)
@keeps(NameForm)
def change_name() -> ResponseReturnValue:
    """Give the user the name that they want to be called by."""
    form = NameForm()
    if not form.validate():
        return _page(ChangePasswordForm(formdata=None), form), 422
    accounts.rename(db.session.get_one(User, current_user.id), form.name.data)
    flash(_("Your name is saved.") if form.name.data else _("Your e-mail address is shown from now on."), "success")
    return redirect(url_for("profile.show"), 303)


@profile.post("/password")
@requires(CHANGE_OWN_PASSWORD)
@keeps_nothing
def change_password() -> ResponseReturnValue:
    """Set a new password; every other session ends, and this one goes on under a new secret."""
    form = ChangePasswordForm()
    form.owner = current_user.email
    valid = form.validate()
    if not (_is_present(form) and valid):
        return _page(form), 422
    user = db.session.get_one(User, current_user.id)
    two_factors = g.user_session.two_factors
    try:
        accounts.change_password(user, form.password.data)
    except accounts.WrongPassword:
        form.current.errors = [NOT_PRESENT]
        return _page(form), 422
    login_user(user, authn_via=None if two_factors else ["password"])
    db.session.commit()
    flash(_("Your password is changed. Everywhere else you have been signed out."), "success")
    return redirect(url_for("profile.show"), 303)


@profile.post("/sessions/<id:session_id>/end")
@requires(END_OWN_SESSIONS)
@keeps_nothing
def end_session(session_id: int) -> ResponseReturnValue:
    """Sign out one of the user's own sessions."""
    if not accounts.end_session(current_user.id, session_id):
        abort(404)
    audit.add(db.session(), Act.SESSIONS_ENDED, current_user.email, sessions=1)
    db.session.commit()
    flash(_("You are signed out there."), "success")
    return redirect(url_for("profile.show"), 303)


@profile.post("/sessions/end")
@requires(END_OWN_SESSIONS)
@keeps_nothing
def end_other_sessions() -> ResponseReturnValue:
    """Sign out everywhere but here."""
    ended = accounts.end_sessions(current_user.id, but=g.user_session.id)
    audit.add(db.session(), Act.SESSIONS_ENDED, current_user.email, sessions=ended)
    db.session.commit()
    flash(_("You are signed out everywhere else."), "success")
    return redirect(url_for("profile.show"), 303)


@profile.get("/second-factor")
@requires(SEE_OWN_ACCOUNT)
def second_factor() -> ResponseReturnValue:
    """Show what proves, beside the password, that it is the user who signs in."""
    return render_template("profile/second_factor.html")


def _page(form: ChangePasswordForm, name_form: NameForm | None = None) -> str:
    own = select(UserSession).where(UserSession.user_id == current_user.id).order_by(UserSession.used_at.desc())
    return render_template(
        "profile/show.html",
        form=form,
        name_form=name_form or NameForm(formdata=None, name=current_user.name),
        sessions=db.session.scalars(own).all(),
        here=g.user_session.id,
        name_device=name_device,
    )


def _is_present(form: ChangePasswordForm) -> bool:
    if not form.current.data:
        return False
    if not current_user.verify_and_update_password(form.current.data):
        form.current.errors = [NOT_PRESENT]
        return False
    throttle.note_right(current_user.email)
    return True
