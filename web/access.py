"""Who may open which page: every view states its rule, or the app does not start."""

from collections.abc import Callable
from functools import wraps
from typing import Any

from flask import Flask, abort, redirect, request, url_for
from flask_security import current_user

ROLES = ("viewer", "editor", "admin")
# These come from Flask and Flask-Security, and say themselves whom they let in.
FOREIGN = {"static", "security.login", "security.logout", "security.verify"}

View = Callable[..., Any]


def requires(role: str) -> Callable[[View], View]:
    """Let in users with that role or a higher one; send who is signed out to the login page."""

    def decorate(view: View) -> View:
        @wraps(view)
        def guarded(*args: Any, **kwargs: Any) -> Any:
            if not current_user.is_authenticated:
                return redirect(url_for("security.login", next=_way_back()))
            if not may(role):
                abort(403)
            return view(*args, **kwargs)

        return _ruled(guarded, role)

    return decorate


def public(view: View) -> View:
    """Let everybody in."""
    return _ruled(view, "public")


def may(role: str) -> bool:
    """Tell whether the user has that role or a higher one."""
    ranks = [ROLES.index(held.name) for held in getattr(current_user, "roles", []) if held.name in ROLES]
    return max(ranks, default=-1) >= ROLES.index(role)


def actor() -> str:
    """Name the user, as revisions do."""
    return str(current_user.email)


def user_id() -> int:
    return int(current_user.id)


def check_rules(app: Flask) -> None:
    """Refuse to start with a page whose rule nobody stated."""
    unruled = [name for name, view in app.view_functions.items() if not hasattr(view, "rule") and name not in FOREIGN]
    if unruled:
        raise RuntimeError(f"No rule says who may open: {', '.join(unruled)}")


def _ruled(view: View, rule: str) -> View:
    view.rule = rule  # type: ignore[attr-defined]
    return view


def _way_back() -> str:
    return request.full_path.rstrip("?") if request.method == "GET" else url_for("dashboard.show")
