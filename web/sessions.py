"""Sessions of signed-in users, one row each: listed, timed out and ended there. Without its row a cookie is worth nothing.

What a page needs for a moment, such as its form token and its notices, stays in the signed cookie, so that no page
has to write to the database in order to be read.
"""

import secrets
import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, current_app, flash, g, request, session
from flask_login import user_logged_out
from flask_security import tf_profile_changed, user_authenticated, wan_registered
from sqlalchemy import Row, and_, bindparam, delete, or_, select, update

import database
import school
from accounts import hash_token
from models import User, UserSession, db, now
from web.addresses import is_for_machines
from web.limits import endpoint_is
from words import _

NOTED_EVERY = timedelta(minutes=1)
LONGEST_DEVICE = 300
# Between the password and the second factor.
HALF_SIGNED_IN_S = 600
HALF = ("tf_user_id", "tf_state", "tf_select", "tf_at")
WHOLE = ("_user_id", "_fresh", "_id", "token", "fs_paa", "fs_gexp")

# Stands in addresses that a page opens by itself, without anybody having asked for it.
UNATTENDED = "unattended"

# Built once: every page asks.
IS_ALIVE = and_(UserSession.used_at >= bindparam("used"), UserSession.at >= bindparam("begun"))
LIVING = (
    select(UserSession.id, UserSession.used_at, UserSession.two_factors, UserSession.user_id, User.email, User.language)
    .add_columns(school.kept_time_zone().label("time_zone"))
    .join(User, User.id == UserSession.user_id)
    .where(UserSession.token_hash == bindparam("token_hash"), IS_ALIVE)
)


def polled(view: Callable[..., Any]) -> Callable[..., Any]:
    """Mark what an open page asks for again and again by itself: nobody uses a session by that."""
    view.polled = True  # type: ignore[attr-defined]
    return view


def register_sessions(app: Flask) -> None:
    """Look up who is signed in before each request, and keep the rows as people sign in and out."""
    app.before_request(_look_up)
    app.after_request(_note_half)
    user_authenticated.connect(_begin, app)
    user_logged_out.connect(_end, app)
    tf_profile_changed.connect(_strengthen, app)
    wan_registered.connect(_strengthen, app)


def _look_up() -> None:
    if request.endpoint == "static" or is_for_machines():
        return
    if time.time() - session.get("tf_at", 0) > HALF_SIGNED_IN_S:
        _forget(HALF)
    if "_user_id" not in session:
        return
    row = _find(hash_token(session.get("token", "")))
    if row is None:
        g.was_signed_in = session["_user_id"]
        _forget(WHOLE)
        flash(_("You have been signed out. Sign in again to continue."), "warning")
        return
    g.user_session = row
    if now() - row.used_at > NOTED_EVERY and not _is_automatic():
        note = update(UserSession).where(UserSession.id == row.id).values(used_at=now())
        database.write_if_free(db.engine, note)


def _is_automatic() -> bool:
    """Tell whether a page or the browser asks for this by itself, so that nobody uses the session by it."""
    is_ahead = request.headers.get("Sec-Purpose", "").startswith("prefetch")
    return endpoint_is("polled") or UNATTENDED in request.args or is_ahead


def _find(token_hash: str) -> Row[Any] | None:
    with database.only_reading():
        found = db.session.execute(LIVING, {"token_hash": token_hash, **_limits()}).one_or_none()
    if request.method not in ("GET", "HEAD"):
        db.session.rollback()  # what goes on to write has to begin anew, with SQLite's lock
    return found


def _begin(_app: Flask, user: User, authn_via: list[str] | None = None, **_more: Any) -> None:
    """Give the browser a session of its own, under a new secret and with a new form token."""
    before = UserSession.token_hash == hash_token(session.get("token", ""))
    db.session.execute(delete(UserSession).where(or_(before, ~IS_ALIVE)), _limits())
    session["token"] = secrets.token_urlsafe(32)
    # No cookie lets anybody in for longer than the session's row does.
    session.pop("_remember", None)
    for place in (session, g):
        place.pop("csrf_token", None)
    db.session.add(
        UserSession(
            user_id=user.id,
            token_hash=hash_token(session["token"]),
            device=request.user_agent.string[:LONGEST_DEVICE],
            # After a second factor Flask-Security names nothing here; a passkey alone has also verified its user.
            two_factors=authn_via != ["password"],
        )
    )
    db.session.flush()


def _end(_app: Flask, **_more: Any) -> None:
    db.session.execute(delete(UserSession).where(UserSession.token_hash == hash_token(session.pop("token", ""))))
    db.session.commit()


def _strengthen(_app: Flask, user: User, **_more: Any) -> None:
    """Let who has just set up a second factor go on in this session."""
    if user.has_second_factor:
        db.session.execute(update(UserSession).where(UserSession.id == g.user_session.id).values(two_factors=True))


def _note_half(response: Response) -> Response:
    """Keep when the password was right, where a second factor is still to come."""
    begun = request.method == "POST" and request.endpoint in ("security.login", "security.wan_signin_response")
    if begun and "tf_user_id" in session:
        session["tf_at"] = time.time()
    return response


def _limits() -> dict[str, datetime]:
    """Give since when a session must have been used, and since when at most it may last."""
    return {"used": now() - current_app.config["SESSION_IDLE"], "begun": now() - current_app.config["SESSION_LIFETIME"]}


def _forget(names: tuple[str, ...]) -> None:
    for name in names:
        session.pop(name, None)
