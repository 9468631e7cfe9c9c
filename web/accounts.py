"""The two links that let somebody choose a password without being signed in: to set Rollbook up, and to join it."""

import hmac

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import login_user

from accounts import NotFirst, accept_link, add_first, any_users, expired_at, find_by_link, setup_token
from models import db
from web.access import requires
from web.account_forms import NewPasswordForm, SetupForm
from web.acts import CHOOSE_PASSWORD, SEE_OWN_ACCOUNT, SET_UP
from web.kept_input import keeps, keeps_nothing
from web.time_zone import school_zone
from words import _

accounts = Blueprint("accounts", __name__)


@accounts.get("/setup")
@requires(SET_UP)
def welcome() -> ResponseReturnValue:
    """Show the form for the first administrator, to whoever has the link from the console."""
    if not _may_set_up():
        return _void_set_up()
    return render_template("accounts/setup.html", form=_setup_form())


@accounts.post("/setup")
@requires(SET_UP)
@keeps(SetupForm)
def create_first() -> ResponseReturnValue:
    """Make the first administrator and sign them in."""
    if not _may_set_up():
        return _void_set_up()
    form = _setup_form()
    if not form.validate():
        return render_template("accounts/setup.html", form=form), 422
    try:
        zone = form.time_zone.data if form.time_zone else None
        user = add_first(form.email.data, form.password.data, form.name.data, zone)
    except NotFirst:
        return _void_set_up()
    login_user(user, authn_via=["password"])
    db.session.commit()
    flash(_("Welcome. You are the administrator of this Rollbook."), "success")
    return redirect(url_for("dashboard.show"), 303)


@accounts.get("/signed-in")
@requires(SEE_OWN_ACCOUNT)
def signed_in_again() -> ResponseReturnValue:
    """Lead whoever has signed in beside a page that keeps what they typed back to that page."""
    return render_template("accounts/signed_in_again.html")


@accounts.get("/join")
@requires(CHOOSE_PASSWORD)
def join() -> ResponseReturnValue:
    """Show the form for a new password, to whoever has the one-time link that an administrator made."""
    user = find_by_link(request.args.get("token", ""))
    return render_template("accounts/join.html", form=NewPasswordForm(), user=user) if user else _void_link()


@accounts.post("/join")
@requires(CHOOSE_PASSWORD)
@keeps_nothing
def choose_password() -> ResponseReturnValue:
    """Set the password; signing in with it asks for the second factor too, where there is one."""
    user = find_by_link(request.args.get("token", ""))
    if user is None:
        return _void_link()
    form = NewPasswordForm()
    form.owner = user.email
    if not form.validate():
        return render_template("accounts/join.html", form=form, user=user), 422
    if accept_link(request.args.get("token", ""), form.password.data) is None:
        return _void_link()
    flash(_("Your password is set. Sign in with it."), "success")
    return redirect(url_for("security.login"), 303)


def _setup_form() -> SetupForm:
    return SetupForm(school_zone().key, is_fixed=current_app.config["TIME_ZONE"] is not None)


def _may_set_up() -> bool:
    token = setup_token(current_app.config["SECRET_KEY"])
    return not any_users() and hmac.compare_digest(token.encode(), request.args.get("token", "").encode())


def _void_set_up() -> ResponseReturnValue:
    """Say why the link from the console leads nowhere, and how to go on."""
    return render_template("accounts/void_setup.html", is_set_up=any_users()), 404


def _void_link() -> ResponseReturnValue:
    """Say why a one-time link no longer works, and how to get another; one that was used is not told from one never made."""
    return render_template("accounts/void_link.html", expired=expired_at(request.args.get("token", ""))), 404
