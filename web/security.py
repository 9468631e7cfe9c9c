"""Flask-Security as Rollbook uses it: what is on, in which words, and what it leaves to the house."""

import ipaddress
from hashlib import sha256
from typing import Any

from flask import Flask, current_app, render_template, request
from flask_security import Security, SQLAlchemyUserDatastore, tf_code_confirmed
from passlib.hash import argon2
from passlib.utils.handlers import PrefixWrapper
from werkzeug.datastructures import ImmutableMultiDict, MultiDict
from wtforms.form import BaseForm

import mailboxes
from models import Passkey, Role, User, db
from web.access import FRESH, NOT_CONFIRMED
from web.addresses import leads_within
from web.factors import (
    NOT_TOGETHER,
    NOT_VERIFIED,
    RECOVERY_CODES,
    SOMEBODY_ELSES,
    AuthenticatorApp,
    CodeForm,
    ConfirmForm,
    Mailboxes,
    NewPasskeyForm,
    PasskeyForm,
    PasskeyNameForm,
    PasskeyRemovalForm,
    Passkeys,
    RecoveryCodeForm,
    RecoveryCodes,
    SignInForm,
)
from web.kept_input import StepNeeded
from words import later

SEASONED = PrefixWrapper("seasoned_argon2", argon2, prefix="{seasoned}")

NO_CODE = later(
    "This code is wrong or was used already. Enter the code that the app shows now. If that is refused too, check that "
    "the phone’s clock is right."
)

MESSAGES = {
    "GENERIC_AUTHN_FAILED": (NOT_TOGETHER, "error"),
    "INVALID_PASSWORD": (later("Incorrect password. Try again."), "error"),
    "PASSWORD_NOT_PROVIDED": (later("Enter your password."), "error"),
    "REAUTHENTICATION_REQUIRED": (later("Confirm that it is you to continue."), "warning"),
    "REAUTHENTICATION_SUCCESSFUL": (later("Confirmed. You can continue."), "success"),
    "TWO_FACTOR_INVALID_TOKEN": (NO_CODE, "error"),
    "TWO_FACTOR_LOGIN_SUCCESSFUL": (later("You are signed in."), "success"),
    "TWO_FACTOR_CHANGE_METHOD_SUCCESSFUL": (
        later("The authenticator app is set up. From now on, you sign in with its codes too."),
        "success",
    ),
    "TWO_FACTOR_PERMISSION_DENIED": (later("Signing in took too long or was started elsewhere. Start again."), "warning"),
    "TWO_FACTOR_METHOD_NOT_AVAILABLE": (later("Your role requires two-step verification, so you can’t turn it off."), "error"),
    "TWO_FACTOR_DISABLED": (later("The authenticator app is turned off."), "success"),
    "TWO_FACTOR_SETUP_EXPIRED": (later("Setting up took longer than %(within)s. Start over."), "warning"),
    "INVALID_RECOVERY_CODE": (later("This isn’t one of your unused recovery codes. Check it and try again."), "error"),
    "WEBAUTHN_EXPIRED": (later("That took longer than %(within)s. Try again."), "warning"),
    "WEBAUTHN_NAME_REQUIRED": (later("Enter a name for the passkey."), "error"),
    "WEBAUTHN_NAME_INUSE": (later("You have a passkey named %(name)s already. Choose another name."), "error"),
    "WEBAUTHN_NAME_NOT_FOUND": (later("You have no passkey named %(name)s."), "error"),
    "WEBAUTHN_NAME_DISALLOWED_CHARACTERS": (later("Name can contain only letters, digits, spaces and hyphens."), "error"),
    "WEBAUTHN_CREDENTIAL_DELETED": (later("The passkey %(name)s is removed."), "success"),
    "WEBAUTHN_REGISTER_SUCCESSFUL": (later("The passkey %(name)s is added."), "success"),
    "WEBAUTHN_CREDENTIAL_ID_INUSE": (later("This passkey is in use already."), "error"),
    "WEBAUTHN_UNKNOWN_CREDENTIAL_ID": (
        later("Rollbook does not know this passkey. Sign in with your password instead."),
        "error",
    ),
    "WEBAUTHN_NO_VERIFY": (NOT_VERIFIED, "error"),
    "WEBAUTHN_CREDENTIAL_WRONG_USAGE": (
        later("This passkey was not added for this use. Sign in with your password first."),
        "error",
    ),
    "WEBAUTHN_MISMATCH_USER_HANDLE": (SOMEBODY_ELSES, "error"),
    "API_ERROR": (later("The passkey gave an invalid answer. Try again."), "error"),
    "DISABLED_ACCOUNT": (NOT_TOGETHER, "error"),
    "INVALID_INPUT_LENGTH": (later("Enter at most %(length)s characters."), "error"),
}


def security_settings(keys: list[str]) -> dict[str, Any]:
    """Give Flask-Security's settings: what is named here is on, and everything else it can do is off."""
    return {
        "SECURITY_PASSWORD_HASH": "argon2",
        "SECURITY_PASSWORD_SCHEMES": ["argon2", SEASONED],
        # A hash that is seasoned with the secret key hinders changing the key, so it is made anew at the next sign-in.
        "SECURITY_DEPRECATED_PASSWORD_SCHEMES": [SEASONED.name],
        "SECURITY_PASSWORD_SINGLE_HASH": ["argon2"],
        "SECURITY_PASSWORD_SALT": keys[-1],
        "SECURITY_TRACKABLE": True,
        "SECURITY_RETURN_GENERIC_RESPONSES": True,
        "SECURITY_API_ENABLED_METHODS": ["session"],
        "SECURITY_LOGOUT_METHODS": ["POST"],
        "SECURITY_LOGOUT_CSRF": True,
        "SECURITY_POST_LOGIN_VIEW": "dashboard.show",
        "SECURITY_POST_LOGOUT_VIEW": "security.login",
        "SECURITY_STATIC_FOLDER": None,
        "SECURITY_FRESHNESS": FRESH,
        "SECURITY_FRESHNESS_GRACE_PERIOD": FRESH,
        "SECURITY_TWO_FACTOR": True,
        "SECURITY_TWO_FACTOR_ENABLED_METHODS": ["authenticator"],
        "SECURITY_TWO_FACTOR_AUTHENTICATOR_VALIDITY": 30,
        "SECURITY_TWO_FACTOR_RESCUE_EMAIL": False,
        "SECURITY_TWO_FACTOR_SETUP_URL": "/profile/authenticator",
        "SECURITY_TWO_FACTOR_POST_SETUP_VIEW": "profile.second_factor",
        "SECURITY_TWO_FACTOR_TOKEN_VALIDATION_URL": "/login/code",
        "SECURITY_TWO_FACTOR_SELECT_URL": "/login/second-factor",
        "SECURITY_TWO_FACTOR_RESCUE_URL": "/login/rescue",
        # Encrypts the secrets of authenticator apps; the key in force comes first.
        "SECURITY_TOTP_SECRETS": {sha256(key.encode()).hexdigest()[:16]: f"rollbook: authenticator apps {key}" for key in keys},
        "SECURITY_TOTP_ISSUER": "Rollbook",
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES": True,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_N": RECOVERY_CODES,
        "SECURITY_MULTI_FACTOR_RECOVERY_CODES_URL": "/profile/recovery-codes",
        "SECURITY_MULTI_FACTOR_RECOVERY_URL": "/login/recovery",
        "SECURITY_WEBAUTHN": True,
        "SECURITY_WAN_RP_NAME": "Rollbook",
        "SECURITY_WAN_ALLOW_USER_HINTS": False,
        "SECURITY_WAN_REGISTER_URL": "/profile/passkeys",
        "SECURITY_WAN_POST_REGISTER_VIEW": "profile.second_factor",
        "SECURITY_WAN_DELETE_URL": "/profile/passkeys/delete",
        "SECURITY_WAN_SIGNIN_URL": "/login/passkey",
        "SECURITY_WAN_VERIFY_URL": "/verify/passkey",
        "SECURITY_EMAIL_VALIDATOR_ARGS": dict(mailboxes.RULES),
        **{f"SECURITY_MSG_{name}": message for name, message in MESSAGES.items()},
    }


def register_security(app: Flask) -> None:
    """Sign people in and out with Flask-Security, in the house style."""
    security = Security(
        app,
        SQLAlchemyUserDatastore(db, User, Role, Passkey),
        render_template=_render,
        login_form=SignInForm,
        verify_form=ConfirmForm,
        mail_util_cls=Mailboxes,
        two_factor_verify_code_form=CodeForm,
        mf_recovery_form=RecoveryCodeForm,
        wan_register_form=PasskeyNameForm,
        wan_register_response_form=NewPasskeyForm,
        wan_signin_response_form=PasskeyForm,
        wan_delete_form=PasskeyRemovalForm,
        totp_cls=AuthenticatorApp,
        mf_recovery_codes_util_cls=RecoveryCodes,
        webauthn_util_cls=Passkeys,
    )
    security.want_json(lambda _request: False)
    security.reauthn_handler(_ask_to_confirm)
    app.before_request(_stay_within)
    tf_code_confirmed.connect(_encrypt_anew, app)
    app.jinja_env.globals["can_have_passkeys"] = _can_have_passkeys


def _stay_within() -> None:
    """Drop a way back that leads out of the site; nobody has to be told, they sign in all the same."""
    if request.blueprint == "security":
        request.args, request.form = _leading_within(request.args), _leading_within(request.form)


def _leading_within(sent: MultiDict[str, str]) -> ImmutableMultiDict[str, str]:
    kept = [(name, text) for name, text in sent.items(multi=True) if name != "next" or leads_within(text)]
    return ImmutableMultiDict(kept)


def _render(template: str, **context: Any) -> Any:
    """Render one of its pages; one that shows a form again after a failure says so in its status."""
    failed = request.method == "POST" and any(isinstance(value, BaseForm) and value.errors for value in context.values())
    return render_template(template, **context), 422 if failed else 200


def _ask_to_confirm(*_asked: Any, **_more: Any) -> Any:
    raise StepNeeded(NOT_CONFIRMED)


def _encrypt_anew(_app: Flask, user: User, **_more: Any) -> None:
    user.tf_totp_secret = current_app.extensions["security"].totp_factory.encrypt_anew(user.tf_totp_secret)


def _can_have_passkeys() -> bool:
    """Browsers tie a passkey to a name, so there are none where Rollbook is opened by a bare address."""
    try:
        ipaddress.ip_address(request.host.rsplit(":", 1)[0].strip("[]"))
    except ValueError:
        return True
    return False
