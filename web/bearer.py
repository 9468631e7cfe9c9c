"""Who asks by the API: whoever made the token that the request brings. Cookies count for nothing there."""

import threading
from datetime import datetime, timedelta

from flask import Flask, current_app, g, request
from sqlalchemy import case, or_, update

import accounts
import database
from models import Token, User, db, now
from web.addresses import is_for_machines
from web.head_check import head_alone
from web.refusals import Refusal
from words import _

A_MINUTE = timedelta(minutes=1)
PER_MINUTE = 600
# A process asks the database for leave for so many requests at a time, so that not every look becomes a write.
GRANTED = 20


class Allowance:
    """How many requests each token may still make before the database has to be asked, as one process sees it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._left: dict[str, tuple[int, datetime]] = {}

    def take(self, token: Token) -> datetime | None:
        """Let one request pass; give until when it has to wait, if it has to."""
        with self._lock:
            left, until = self._left.get(token.token_hash, (0, now()))
            if until <= now() or left == 0:
                left, until = _ask(token.id)
            self._left[token.token_hash] = (left - (left > 0), until)
        return until if left < 0 else None


def register_bearer(app: Flask) -> None:
    """Look up the token before each request to the API."""
    app.extensions["allowance"] = Allowance()
    app.before_request(_identify)


def _identify() -> None:
    if not is_for_machines():
        return
    g.token, user = _find(_secret())
    # Where Flask-Login keeps who asks, once it has looked at the session's cookie. Here nobody looks at that.
    g._login_user = user or current_app.login_manager.anonymous_user()  # type: ignore[attr-defined]
    if g.token and head_alone() is None and (until := current_app.extensions["allowance"].take(g.token)):
        seconds = max(1, round((until - now()).total_seconds()))
        sentence = _(
            "A token may make %(number)d requests a minute. Wait %(seconds)d seconds.", number=PER_MINUTE, seconds=seconds
        )
        raise Refusal(429, _("Too many requests"), sentence, {"Retry-After": str(seconds)})


def _find(secret: str) -> tuple[Token, User] | tuple[None, None]:
    with database.only_reading():
        found = accounts.find_token(secret)
        # They are looked at to the end of the request, whatever becomes of the transaction.
        db.session.expunge_all()
        db.session.rollback()
    return found or (None, None)


def _secret() -> str:
    # Werkzeug would take every other kind apart, too, and some of what is no such header is a fault to it.
    kind, _blank, secret = request.headers.get("Authorization", "").partition(" ")
    return secret.strip() if kind.lower() == "bearer" else ""


def _ask(token_id: int) -> tuple[int, datetime]:
    """Ask for leave for some requests; give how many, none below zero, and until when that holds."""
    over = or_(Token.window_at.is_(None), ~Token.window_at.between(now() - A_MINUTE, now() + A_MINUTE))
    asked = update(Token).where(Token.id == token_id).returning(Token.spent, Token.window_at)
    values = {
        "spent": case((over, GRANTED), else_=Token.spent + GRANTED),
        "window_at": case((over, now()), else_=Token.window_at),
        "used_at": now(),
    }
    row = database.write_if_free(db.engine, asked.values(**values))
    if row is None:
        # Somebody else writes, and a look must not wait for that.
        return GRANTED, now() + A_MINUTE
    return (GRANTED if row.spent <= PER_MINUTE else -1), row.window_at + A_MINUTE
