"""The first administrator, and the house style for Flask-Security's own pages, which sign people in and out."""

import hmac
from typing import Any

from flask import Blueprint, abort, current_app, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_security import login_user

from accounts import add_user, any_users, setup_token
from forms import SetupForm
from models import db
from web.access import public

accounts = Blueprint("accounts", __name__)


def security_settings(secret_key: str) -> dict[str, Any]:
    """Give Flask-Security's settings: what is named here is on, and everything else it can do is off."""
    return {
        "SECURITY_PASSWORD_SALT": secret_key,
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2"],
        "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [],
        "SECURITY_TRACKABLE": True,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_MSG_GENERIC_AUTHN_FAILED": ("That address and password don't belong together. Try again.", "error"),
        "SECURITY_MSG_INVALID_PASSWORD": ("That is not your password. Try again.", "error"),
        "SECURITY_MSG_PASSWORD_NOT_PROVIDED": ("Enter your password.", "error"),
        "SECURITY_API_ENABLED_METHODS": ["session"],
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_LOGOUT_CSRF": True,
        "SECURITY_POST_LOGOUT_VIEW": "/login",
        "SECURITY_FLASH_MESSAGES": False,
        "SECURITY_STATIC_FOLDER": None,
        # A school's own mail domain need not be one that the world can reach.
        "SECURITY_EMAIL_VALIDATOR_ARGS": {"check_deliverability": False, "globally_deliverable": False, "test_environment": True},
    }


def render(template: str, **context: Any) -> Any:
    """Render Flask-Security's pages; one that shows a form again after a failure says so in its status."""
    return render_template(template, **context), 422 if request.method == "POST" else 200


@accounts.get("/setup")
@public
def welcome() -> ResponseReturnValue:
    """Show the form for the first administrator, to whoever has the link from the console."""
    _check_link()
    return render_template("accounts/setup.html", form=SetupForm())


@accounts.post("/setup")
@public
def create_first() -> ResponseReturnValue:
    """Make the first administrator and sign them in."""
    _check_link()
    form = SetupForm()
    if not form.validate():
        return render_template("accounts/setup.html", form=form), 422
    login_user(add_user(form.email.data, "admin", form.password.data), authn_via=["password"])
    db.session.commit()
    flash("Welcome. You are the administrator of this Rollbook.", "success")
    return redirect(url_for("dashboard.show"), 303)


def _check_link() -> None:
    token = setup_token(current_app.config["SECRET_KEY"])
    if any_users() or not hmac.compare_digest(token.encode(), request.args.get("token", "").encode()):
        abort(404)
