"""Who may open which page: every view states its rule, or the app does not start."""

import time
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any

from flask import Flask, abort, flash, g, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_security import current_user
from werkzeug.datastructures import WWWAuthenticate
from werkzeug.exceptions import Unauthorized

from accounts import ROLES, SCOPES
from models import Import, db
from web.addresses import page_before
from web.refusals import Refusal
from words import _

FRESH = timedelta(minutes=15)

View = Callable[..., Any]
Owner = Callable[..., str | None]


def requires(role: str, *, fresh: bool = False, owner: Owner | None = None) -> Callable[[View], View]:
    """Let in users with that role or a higher one; send who is signed out to the login page.

    With `fresh`, only such as have proven lately who they are. With `owner`, which names whose the thing is from
    the view's arguments, what is somebody else's takes an administrator who has proven it lately.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if (refusal := _not_signed_in() or _lacks_second_factor()) is not None:
                return refusal
            others = owner is not None and may(role) and owner(**kwargs) not in (None, actor())
            if not may("admin" if others else role):
                abort(403)
            if (fresh or others) and not _is_fresh():
                return _ask_again()
            return view(*args, **kwargs)

        return _ruled(guarded, role)

    return decorate


def requires_token(*scopes: str, owner: Owner | None = None) -> Callable[[View], View]:
    """Let in who brings a token with one of these scopes, as far as the role of its user reaches by now.

    With `owner`, only to the user's own: somebody else's takes one who proves who they are, which no token does.
    """

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if g.token is None:
                raise Unauthorized(www_authenticate=WWWAuthenticate("bearer", {"realm": "Rollbook"}))
            if not any(scope in g.token.scopes and may(SCOPES[scope]) for scope in scopes):
                raise Refusal(403, _("The token may not do this"), _("It takes the scope %(scope)s.", scope=" / ".join(scopes)))
            if current_user.needs_second_factor and not (current_user.has_second_factor or current_user.webauthn):
                raise Refusal(403, _("A second factor is missing"), _("The role of the token’s user needs one by now."))
            if owner is not None and owner(**kwargs) not in (None, actor()):
                raise Refusal(
                    403, _("This is somebody else’s"), _("With a token, only what its own user has done can be undone.")
                )
            return view(*args, **kwargs)

        return _ruled(guarded, " or ".join(scopes))

    return decorate


def signed_in(view: View) -> View:
    """Let in every user, also one who still has to set up a second factor."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        refusal = _not_signed_in()
        return view(*args, **kwargs) if refusal is None else refusal

    return _ruled(guarded, "signed in")


def public(view: View) -> View:
    """Let everybody in."""
    return _ruled(view, "public")


def signed_out(view: View) -> View:
    """Let in who is about to sign in; who has done so already has no more business there."""

    @wraps(view)
    def guarded(*args: Any, **kwargs: Any) -> Any:
        return redirect(url_for("dashboard.show")) if current_user.is_authenticated else view(*args, **kwargs)

    return _ruled(guarded, "signed out")


def closed(view: View) -> View:
    """Let nobody in: for what a library opens and Rollbook does not use."""

    @wraps(view)
    def nothing(**_kwargs: Any) -> Any:
        abort(404)

    return _ruled(nothing, "closed")


# The views of Flask and Flask-Security, which state no rule themselves.
FOREIGN: dict[str, Callable[[View], View]] = {
    "static": public,
    "security.login": public,
    "security.logout": public,
    "security.tf_select": signed_out,
    "security.two_factor_token_validation": signed_out,
    "security.mf_recovery": signed_out,
    "security.wan_signin": signed_out,
    "security.wan_signin_response": signed_out,
    "security.two_factor_rescue": closed,
    "security.verify": signed_in,
    "security.wan_verify": signed_in,
    "security.wan_verify_response": signed_in,
    "security.two_factor_setup": signed_in,
    "security.two_factor_setup_validate": signed_in,
    "security.mf_recovery_codes": signed_in,
    "security.wan_register": signed_in,
    "security.wan_register_response": signed_in,
    "security.wan_delete": signed_in,
}


def may(role: str) -> bool:
    """Tell whether the user has that role or a higher one."""
    ranks = [ROLES.index(held.name) for held in getattr(current_user, "roles", []) if held.name in ROLES]
    return max(ranks, default=-1) >= ROLES.index(role)


def may_apply(import_: Import) -> bool:
    """Tell whether the user may apply the import: whoever may not delete many students may not do so by an import either."""
    return may("admin" if import_.kind == "delete" else "editor")


def may_undo(import_: Import) -> bool:
    """Tell whether the user may take the import back: their own, or as an administrator anybody's."""
    return may("admin") or (may("editor") and _whose(import_) == actor())


def may_undo_change(by: str) -> bool:
    """Tell whether the user may undo what that actor has changed: their own, or as an administrator anybody's."""
    return may("admin") or (may("editor") and by == actor())


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
        app.view_functions[name] = rule(app.view_functions[name])
    unruled = [name for name, view in app.view_functions.items() if not hasattr(view, "rule")]
    if unruled:
        raise RuntimeError(f"No rule says who may open: {', '.join(unruled)}")


def _ruled(view: View, rule: str) -> View:
    view.rule = rule  # type: ignore[attr-defined]
    return view


def _not_signed_in() -> ResponseReturnValue | None:
    if current_user.is_authenticated and "user_session" in g:
        return None
    return redirect(url_for("security.login", next=_way_back()))


def _lacks_second_factor() -> ResponseReturnValue | None:
    if g.user_session.two_factors or not current_user.needs_second_factor:
        return None
    flash(_("Your role needs a second factor. Set one up before you go on."), "warning")
    return redirect(url_for("profile.second_factor"))


def _is_fresh() -> bool:
    """A form may be sent a while after its page was asked for."""
    patience = 2 * FRESH if request.method == "POST" else FRESH
    return time.time() - float(session.get("fs_paa", 0)) < patience.total_seconds()


def _ask_again() -> ResponseReturnValue:
    if request.method != "GET":
        flash(_("Nothing was changed yet. Confirm that it is you, then do it once more."), "warning")
    return redirect(url_for("security.verify", next=_way_back()))


def _way_back() -> str:
    if request.method == "GET":
        return request.full_path.rstrip("?")
    return page_before() or url_for("dashboard.show")


def _whose(import_: Import) -> str:
    return import_.applied_by or import_.actor
