"""The users: who they are, what they may do, and who is shut out. For administrators who have just proven who they are."""

from flask import Blueprint, abort, current_app, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from sqlalchemy import func, select
from sqlalchemy.orm import selectinload

import accounts
from accounts import AddressTaken, LastAdministrator
from database import aside
from forms import EmptyForm
from models import Role, User, db, now
from people import called
from web import mail
from web.access import requires
from web.account_forms import ROLE_NAMES, SCOPES, InviteForm, NameForm, RoleForm, SecondFactorForm, TimeZoneForm
from web.acts import (
    ACTIVATE_USER,
    ASK_SECOND_FACTOR,
    CHANGE_ROLE,
    CHOOSE_TIME_ZONE,
    DEACTIVATE_USER,
    INVITE_USER,
    MAKE_LINK,
    MANAGE_USERS,
    RENAME_USER,
    RESET_SECOND_FACTOR,
    REVOKE_TOKENS,
)
from web.addresses import whole_address
from web.kept_input import acted, keeps, keeps_nothing
from web.limits import takes_several
from web.time_zone import school_zone, spaced
from words import _, later, ngettext

users = Blueprint("users", __name__, url_prefix="/users")

LAST = later("This is the only administrator. Make another user an administrator first.")


@users.get("")
@requires(MANAGE_USERS)
def list_() -> ResponseReturnValue:
    """Show every user, and the form that invites one."""
    return _list(InviteForm())


@users.post("")
@requires(INVITE_USER)
@keeps(InviteForm)
def invite() -> ResponseReturnValue:
    """Make a user without a password, and show the one-time link with which they choose one."""
    form = InviteForm()
    if not form.validate():
        return _list(form), 422
    try:
        user, token = accounts.invite(form.email.data, form.role.data, form.name.data)
    except AddressTaken:
        form.email.errors = [_("There is already a user with this address.")]
        return _list(form), 422
    return _show_link(user, token)


@users.post("/second-factor")
@requires(ASK_SECOND_FACTOR)
@takes_several("roles")
@keeps(SecondFactorForm)
def require_second_factor() -> ResponseReturnValue:
    """Say which roles are let in only with a second factor."""
    form = SecondFactorForm()
    if form.only_shown:
        return _list(InviteForm(formdata=None), form)
    if not form.validate():
        abort(400)
    accounts.require_second_factor(form.roles.data or ())
    flash(_("Saved which roles need two-step verification."), "success")
    return redirect(url_for("users.list_"), 303)


@users.post("/time-zone")
@requires(CHOOSE_TIME_ZONE)
@keeps(TimeZoneForm)
def choose_time_zone() -> ResponseReturnValue:
    """Set the time zone that pages, filters and exports are in."""
    if current_app.config["TIME_ZONE"]:
        abort(404)
    form = TimeZoneForm(school_zone().key)
    if not form.validate():
        return _list(InviteForm(formdata=None), time_zone=form), 422
    accounts.choose_time_zone(form.time_zone.data)
    flash(_("The school’s time zone is now %(zone)s.", zone=spaced(form.time_zone.data)), "success")
    return redirect(url_for("users.list_"), 303)


@users.get("/<id:user_id>")
@requires(MANAGE_USERS)
def show(user_id: int) -> ResponseReturnValue:
    """Show one user, and what can be done about them."""
    user = _user_or_404(user_id)
    return _page(user)


@users.post("/<id:user_id>/name")
@requires(RENAME_USER)
@keeps(NameForm)
def rename(user_id: int) -> ResponseReturnValue:
    """Give the user another name, or none."""
    user = _user_or_404(user_id)
    form = NameForm()
    if not form.validate():
        return _page(user, name_form=form), 422
    accounts.rename(user, form.name.data)
    flash(_("%(email)s is now shown as %(name)s.", email=user.email, name=user.name or user.email), "success")
    return _back_to(user)


@users.post("/<id:user_id>/role")
@requires(CHANGE_ROLE)
@keeps(RoleForm)
def change_role(user_id: int) -> ResponseReturnValue:
    """Give the user another role."""
    user = _user_or_404(user_id)
    form = RoleForm()
    if not form.validate():
        return _page(user, form), 422
    try:
        accounts.change_role(user, form.role.data)
    except LastAdministrator:
        form.role.errors = [LAST]
        return _page(user, form), 422
    flash(_("%(user)s now has the role: %(role)s.", user=called(user.email), role=ROLE_NAMES[user.role]), "success")
    return _back_to(user)


@users.post("/<id:user_id>/link")
@requires(MAKE_LINK)
@keeps_nothing
def make_link(user_id: int) -> ResponseReturnValue:
    """Make a new one-time link for somebody whose link has run out, or who has forgotten their password."""
    user = _user_or_404(user_id)
    try:
        return _show_link(user, accounts.make_link(user))
    except accounts.NotActive:
        flash(_("%(user)s is deactivated. Reactivate the account first.", user=called(user.email)), "warning")
        return _back_to(user)


@users.post("/<id:user_id>/deactivate")
@requires(DEACTIVATE_USER)
@keeps_nothing
def deactivate(user_id: int) -> ResponseReturnValue:
    """Shut the user out, at once and everywhere."""
    user = _user_or_404(user_id)
    try:
        accounts.deactivate(user)
    except LastAdministrator:
        flash(str(LAST), "error")
    else:
        flash(_("%(user)s is signed out everywhere and can’t sign in any more.", user=called(user.email)), "success")
    return _back_to(user)


@users.post("/<id:user_id>/activate")
@requires(ACTIVATE_USER)
@keeps_nothing
def activate(user_id: int) -> ResponseReturnValue:
    """Let the user in again."""
    user = _user_or_404(user_id)
    accounts.activate(user)
    flash(_("%(user)s can sign in again.", user=called(user.email)), "success")
    return _back_to(user)


@users.post("/<id:user_id>/second-factor")
@requires(RESET_SECOND_FACTOR)
@keeps_nothing
def reset_second_factor(user_id: int) -> ResponseReturnValue:
    """Help somebody whose phone or key is gone."""
    user = _user_or_404(user_id)
    accounts.reset_second_factor(user)
    flash(
        _("%(user)s signs in with the password alone until they set up two-step verification again.", user=called(user.email)),
        "success",
    )
    return _back_to(user)


@users.post("/<id:user_id>/tokens/<id:token_id>/revoke")
@requires(REVOKE_TOKENS)
@keeps_nothing
def revoke_token(user_id: int, token_id: int) -> ResponseReturnValue:
    """Revoke one of the user's tokens."""
    user = _user_or_404(user_id)
    name = accounts.revoke_token(user.id, token_id)
    if name is None:
        abort(404)
    flash(_("The token “%(name)s” of %(user)s is revoked.", name=name, user=called(user.email)), "success")
    return _back_to(user)


@users.post("/<id:user_id>/tokens/revoke")
@requires(REVOKE_TOKENS)
@keeps_nothing
def revoke_tokens(user_id: int) -> ResponseReturnValue:
    """Revoke all of the user's tokens."""
    user = _user_or_404(user_id)
    revoked = accounts.revoke_tokens(user)
    sentence = ngettext(
        "%(num)s token of %(user)s is revoked.", "%(num)s tokens of %(user)s are revoked.", revoked, user=called(user.email)
    )
    flash(sentence, "success")
    return _back_to(user)


def _list(form: InviteForm, second_factor: SecondFactorForm | None = None, time_zone: TimeZoneForm | None = None) -> str:
    order = func.lower(func.coalesce(User.name, User.email)), User.email
    everybody = select(User).options(selectinload(User.webauthn)).order_by(*order)
    roles = db.session.scalars(select(Role).where(Role.needs_second_factor))
    return render_template(
        "users/list.html",
        users=db.session.scalars(everybody).unique().all(),
        now=now(),
        form=form,
        second_factor=second_factor or SecondFactorForm(formdata=None, roles=[role.name for role in roles]),
        time_zone=None if current_app.config["TIME_ZONE"] else time_zone or TimeZoneForm(school_zone().key, formdata=None),
    )


def _page(user: User, form: RoleForm | None = None, name_form: NameForm | None = None) -> str:
    return render_template(
        "users/show.html",
        user=user,
        now=now(),
        form=form or RoleForm(formdata=None, role=user.role),
        name_form=name_form or NameForm(formdata=None, name=user.name),
        button_form=EmptyForm(),
        tokens=accounts.tokens_of(user.id),
        scopes=SCOPES,
        revoke_url=lambda token_id: url_for("users.revoke_token", user_id=user.id, token_id=token_id),
    )


def _show_link(user: User, token: str) -> str:
    link = whole_address(url_for("accounts.join", token=token))
    acted()
    email, letter = user.email, render_template("users/letter.txt", link=link, until=user.link_until, name=user.name)
    with aside(db.session()):
        mailed = mail.send(email, _("Your link to Rollbook"), letter)
    return render_template("users/link.html", user=user, link=link, mailed=mailed)


def _back_to(user: User) -> ResponseReturnValue:
    return redirect(url_for("users.show", user_id=user.id), 303)


def _user_or_404(user_id: int) -> User:
    return db.session.get(User, user_id) or abort(404)
