"""Who may open which page: every view states its rule, or the app does not start."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Flask, abort, current_app, g, redirect, request, session
from flask_security import current_user
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from accounts import ROLES, SCOPES
from models import Change, Import, db
from web.acts import (
    ADD_PASSKEY,
    ANYBODY,
    APPLY_IMPORT,
    BEGIN_OR_TURN_OFF_APP,
    CONFIRM_IDENTITY,
    DELETE_STUDENTS,
    MAKE_RECOVERY_CODES,
    REMOVE_PASSKEY,
    SET_UP_APP,
    SIGN_IN,
    SIGN_OUT,
    UNDO_CHANGE,
    UNDO_FOR_OTHERS,
    UNDO_IMPORT,
    USER,
    Needs,
)
from web.addresses import is_for_machines, page_after_signing_in
from web.factors import PasskeyNameForm, SignInForm
from web.kept_input import Step, StepNeeded, check_declared, keeps, keeps_nothing
from web.refusals import Refusal
from words import _, later

FRESH = timedelta(minutes=15)

View = Callable[..., Any]
Owner = Callable[..., str | None]

SIGNED_OUT = Step(401, later("You are signed out"), later("Nothing was saved."), later("Sign in"), "security.login")
NOT_CONFIRMED = Step(
    403,
    later("Confirm that it is you"),
    later("Nothing was changed yet. Confirm that it is you, then try again."),
    later("Confirm that it is you"),
    "security.verify",
    flashed=["POST"],
)
NO_SECOND_FACTOR = Step(
    403,
    later("Your role requires two-step verification"),
    later("Your role requires two-step verification. Set it up to continue."),
    later("Set up two-step verification"),
    "profile.second_factor",
    flashed=["GET", "POST"],
    comes_back=False,
)


def requires(act: Needs, *, owner: Owner | None = None) -> Callable[[View], View]:
    """Let in users who bring what the act needs; send who is signed out to the login page.

    `owner`, which names whose the thing is from the view's arguments, is for an act that needs more where that is another.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            _check_signed_in()
            if act.role != USER:
                _check_second_factor()
            is_others = owner is not None and may(act) and owner(**kwargs) not in (None, actor())
            check(act.of_others if is_others and act.of_others else act)
            return view(*args, **kwargs)

        return _ruled(view, "public", act) if act.role == ANYBODY else _ruled(guarded, act.role, act)

    return decorate


def requires_token(act: Needs, *, owner: Owner | None = None) -> Callable[[View], View]:
    """Let in who brings a token with a scope of the act's, as far as the role of its user reaches by now.

    With `owner`, only to the user's own: somebody else's takes one who proves who they are, which no token does.
    """
    scopes = act.scopes

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if g.token is None:
                raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "Rollbook"}))
            if not any(token_may(scope) for scope in scopes):
                raise Refusal(403, _("The token may not do this"), _("This needs the scope %(scope)s.", scope=" / ".join(scopes)))
            if current_user.needs_second_factor and not (current_user.has_second_factor or current_user.webauthn):
                sentence = _("The role of the token’s user now requires two-step verification, which is not set up.")
                raise Refusal(403, _("Two-step verification is required"), sentence)
            if owner is not None and owner(**kwargs) not in (None, actor()):
                raise Refusal(
                    403, _("This belongs to another user"), _("With a token, only what its own user has done can be undone.")
                )
            return view(*args, **kwargs)

        return _ruled(guarded, " or ".join(scopes), act)

    return decorate


def check(needs: Needs) -> None:
    """Refuse whoever is let in, but does not bring what this act needs, whether it is a person or another system that asks."""
    if not may(needs):
        abort(403)
    if is_for_machines():
        if not any(map(token_may, needs.scopes)):
            raise Refusal(403, _("The token may not do this"), _("Only a signed-in user can do this."))
    elif needs.fresh and not _is_fresh():
        raise StepNeeded(NOT_CONFIRMED)


def token_may(scope: str) -> bool:
    """Tell whether the request's token has that scope, and its user still the role that goes with it."""
    return scope in g.token.scopes and has_role(SCOPES[scope])


def public(view: View) -> View:
    """Let everybody in."""
    return _ruled(view, "public")


def signed_out(view: View) -> View:
    """Let in who is about to sign in; who has done so already, in another tab perhaps, goes on to where that leads."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return redirect(page_after_signing_in()) if current_user.is_authenticated else view(*args, **kwargs)

    return _ruled(guarded, "signed out", SIGN_IN)


def closed(view: View) -> View:
    """Let nobody in: for what a library opens and Rollbook does not use."""

    @wraps(view)
    def nothing(**_kwargs: Any) -> Any:
        abort(404)

    return _ruled(nothing, "closed")


# What the views of Flask and Flask-Security need, and which of them keep what is typed.
FOREIGN: dict[str, Callable[[View], View]] = {
    "static": public,
    "security.login": requires(SIGN_IN),
    "security.logout": requires(SIGN_OUT),
    "security.tf_select": signed_out,
    "security.two_factor_token_validation": signed_out,
    "security.mf_recovery": signed_out,
    "security.wan_signin": signed_out,
    "security.wan_signin_response": signed_out,
    "security.two_factor_rescue": closed,
    "security.verify": requires(CONFIRM_IDENTITY),
    "security.wan_verify": requires(CONFIRM_IDENTITY),
    "security.wan_verify_response": requires(CONFIRM_IDENTITY),
    "security.two_factor_setup": requires(BEGIN_OR_TURN_OFF_APP),
    "security.two_factor_setup_validate": requires(SET_UP_APP),
    "security.mf_recovery_codes": requires(MAKE_RECOVERY_CODES),
    "security.wan_register": requires(ADD_PASSKEY),
    "security.wan_register_response": requires(ADD_PASSKEY),
    "security.wan_delete": requires(REMOVE_PASSKEY),
}
FOREIGN_FORMS: dict[str, type] = {"security.login": SignInForm, "security.wan_register": PasskeyNameForm}


def is_open_to_all() -> bool:
    """Tell whether this request's page needs nobody to be signed in."""
    return _rule() in ("public", "signed out")


def is_signing_in() -> bool:
    """Tell whether this request is a step of signing in."""
    return _rule() == "signed out" or request.endpoint == "security.login"


def _rule() -> str:
    return str(getattr(current_app.view_functions.get(request.endpoint or ""), "rule", ""))


def may(act: Needs) -> bool:
    """Tell whether the user's role is enough for the act."""
    return act.role == ANYBODY or (bool(current_user.is_authenticated) if act.role == USER else has_role(act.role))


def has_role(role: str) -> bool:
    """Tell whether the user has that role or a higher one."""
    ranks = [ROLES.index(held.name) for held in getattr(current_user, "roles", []) if held.name in ROLES]
    return max(ranks, default=-1) >= ROLES.index(role)


def to_apply(import_: Import) -> Needs:
    """Say what it takes to apply the import: what deletes many students takes the same in every guise."""
    return DELETE_STUDENTS if import_.kind == "delete" else APPLY_IMPORT


def may_undo(import_: Import) -> bool:
    """Tell whether the user may take the import back: their own, or as an administrator anybody's."""
    return may(UNDO_FOR_OTHERS) or (may(UNDO_IMPORT) and _whose(import_) == actor())


def may_undo_change(by: str) -> bool:
    """Tell whether the user may undo what that actor has changed: their own, or as an administrator anybody's."""
    return may(UNDO_FOR_OTHERS) or (may(UNDO_CHANGE) and by == actor())


def change_owner(change_id: int) -> str | None:
    """Name who made the change."""
    change = db.session.get(Change, change_id)
    return change.actor if change else None


def import_owner(import_id: int) -> str | None:
    """Name who applied the import, or else who uploaded it."""
    import_ = db.session.get(Import, import_id)
    return _whose(import_) if import_ else None


def actor() -> str:
    """Name the user, as revisions do."""
    return str(current_user.email)


def user_id() -> int:
    return int(current_user.id)


def check_rules(app: Flask) -> None:
    """Refuse to start with a page whose rule nobody stated."""
    for name, rule in FOREIGN.items():
        kept = keeps(FOREIGN_FORMS[name]) if name in FOREIGN_FORMS else keeps_nothing
        app.view_functions[name] = rule(kept(app.view_functions[name]))
    unruled = [name for name, view in app.view_functions.items() if not hasattr(view, "rule")]
    if unruled:
        raise RuntimeError(f"No rule says who may open: {', '.join(unruled)}")
    check_declared(app)


def _ruled(view: View, rule: str, act: Needs | None = None) -> View:
    view.rule, view.act = rule, act  # type: ignore[attr-defined]
    return view


def _check_signed_in() -> None:
    if not (current_user.is_authenticated and "user_session" in g):
        raise StepNeeded(SIGNED_OUT)


def _check_second_factor() -> None:
    if current_user.needs_second_factor and not g.user_session.two_factors:
        raise StepNeeded(NO_SECOND_FACTOR)


def _is_fresh() -> bool:
    """A form may be sent a while after its page was asked for."""
    patience = 2 * FRESH if request.method == "POST" else FRESH
    return time.time() - float(session.get("fs_paa", 0)) < patience.total_seconds()


def _whose(import_: Import) -> str:
    return import_.applied_by or import_.actor
