"""Slow down who tries secrets in vain, by account and by address, counted in the database for all processes together.

An answer of a passkey is such a try, too: of the user whom the passkey belongs to, or of nobody, by the address alone.
A browser in which the account was signed in before is counted by itself, so that strangers who try an account
can't keep its owner out (OWASP calls it a device cookie).
"""

import secrets
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from flask import Flask, Response, after_this_request, current_app, g, request, session
from flask_security import current_user, user_authenticated
from itsdangerous import BadSignature, URLSafeSerializer
from sqlalchemy import case, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite
from webauthn.helpers import base64url_to_bytes
from werkzeug.exceptions import TooManyRequests

import audit
from accounts import hash_token
from audit import Act
from mailboxes import spell_any
from models import Passkey, Throttle, User, db, now
from web.body_kinds import read_object

# What each form asks for that can be guessed.
PASSKEY = "passkey"
GUARDED = {
    "security.login": "password",
    "security.verify": "password",
    "profile.change_password": "password",
    "security.two_factor_token_validation": "code",
    "security.mf_recovery": "code",
    "security.wan_signin_response": PASSKEY,
    "security.wan_verify_response": PASSKEY,
}
FREE = 5
# A whole school may stand behind one address.
FREE_BY_ADDRESS = 30
LONGEST_WAIT_S = 900
FORGOTTEN_AFTER = timedelta(hours=1)
DEVICE_KEPT = timedelta(days=365)
ACCOUNTS_A_DEVICE = 20


def register_throttle(app: Flask) -> None:
    """Count every try before it is answered, and take it off again when it was right."""
    app.before_request(_count)
    app.after_request(_take_off)
    user_authenticated.connect(_know_device, app)


def wait_after(failures: int, free: int) -> timedelta:
    """Give how long the next try has to wait: nothing at first, then twice as long each time."""
    return timedelta(seconds=min(2 ** (failures - free), LONGEST_WAIT_S) if failures >= free else 0)


def note_right(account: str) -> None:
    """Tell that the account's secret was right, also where the form fails for another reason."""
    g.proven = account


def _count() -> None:
    if request.method != "POST" or request.endpoint not in GUARDED or "kept" in g:
        return
    account = _account()
    if account is None:
        return
    tries = {key: _try(key, free) for key, free in sorted(_keys(account).items())}
    if too_early := [until for counted, until in tries.values() if not counted]:
        db.session.rollback()
        raise TooManyRequests(retry_after=int((max(too_early) - now()).total_seconds()) + 1)
    db.session.commit()
    # In a transaction of its own, so that two tries never wait for each other's counters crosswise.
    db.session.execute(delete(Throttle).where(Throttle.at < now() - FORGOTTEN_AFTER))
    db.session.commit()
    g.tried = account, {key: until for key, (_, until) in tries.items()}


def _take_off(response: Response) -> Response:
    account, counted = g.pop("tried", (None, {}))
    if account is not None and _was_right(account, response):
        _take_back(counted)
    elif account is not None:
        _note_failure(account)
    return response


def _take_back(counted: Mapping[str, datetime]) -> None:
    """Take one try off each counter it went to, and the wait that it began: nothing that others have added."""
    for key, until in sorted(counted.items()):
        kept = case((Throttle.until == until, now()), else_=Throttle.until)
        one_less = update(Throttle).where(Throttle.key == key, Throttle.failures > 0)
        db.session.execute(one_less.values(failures=Throttle.failures - 1, until=kept))
    db.session.commit()


def _note_failure(account: str) -> None:
    """Note a try that was in vain. What was typed is kept only where it is a user's address; to look takes as long either way."""
    db.session.rollback()
    known = select(User.email).where(User.email == account).scalar_subquery()
    act = Act.NOT_CONFIRMED if current_user.is_authenticated else Act.SIGN_IN_FAILED
    audit.add(db.session(), act, actor=known, secret=_purpose())
    db.session.commit()


def _purpose() -> str:
    return GUARDED[request.endpoint or ""]


def _account() -> str | None:
    """Name whose secret is tried, "" if nobody has that passkey; None where none is."""
    if request.endpoint == "security.login":
        return spell_any(request.form.get("email", "")) or None
    if current_user.is_authenticated:
        return str(current_user.email)
    return _half_signed_in() or (_owner_of_passkey() if request.endpoint == "security.wan_signin_response" else None)


def _owner_of_passkey() -> str:
    """Name who has the passkey that the answer says it is from."""
    try:
        passkey = base64url_to_bytes(str(read_object(request.form.get("credential", "")).get("rawId")))
    except ValueError:
        return ""
    owner = select(User.email).join(Passkey, Passkey.user_id == User.id).where(Passkey.credential_id == passkey)
    return db.session.scalar(owner) or ""


def _half_signed_in() -> str:
    owner = select(User.email).where(User.fs_uniquifier == session.get("tf_user_id", ""))
    return db.session.scalar(owner) or ""


def _was_right(account: str, response: Response) -> bool:
    if g.get("proven") == account:
        return True
    if request.endpoint == "security.login":
        return not current_user.is_authenticated and _half_signed_in() == account
    return _purpose() != PASSKEY and current_user.is_authenticated and response.status_code in (302, 303)


def _keys(account: str) -> dict[str, int]:
    """Name the counters that a try at this account goes to, each with its number of free tries."""
    device = _device()
    if hash_token(account) in device["accounts"]:
        return {hash_token(f"{_purpose()} {account} {device['id']}"): FREE}
    of_account = {hash_token(f"{_purpose()} {account}"): FREE} if account else {}
    return {**of_account, _address_key(): FREE_BY_ADDRESS}


def _address_key() -> str:
    return hash_token(f"address {request.remote_addr}")


def _try(key: str, free: int) -> tuple[bool, datetime]:
    """Count a try, unless it comes too early; tell whether it was counted, and until when the next one has to wait."""
    dialect: Any = {"postgresql": postgresql, "sqlite": sqlite}[db.session.get_bind().dialect.name]
    # One statement makes the counter or locks the one there is: between two, another try could remove it.
    locking = dialect.insert(Throttle).values(key=key, at=now(), until=now())
    locking = locking.on_conflict_do_update(index_elements=["key"], set_={"key": locking.excluded.key}).returning(Throttle)
    counter: Throttle = db.session.scalars(locking, execution_options={"populate_existing": True}).one()
    # Nobody has to wait longer than that: a counter that says so was kept by a wrong clock.
    if now() < counter.until <= now() + timedelta(seconds=LONGEST_WAIT_S):
        return False, counter.until
    counter.failures = 1 if abs(now() - counter.at) > FORGOTTEN_AFTER else counter.failures + 1
    counter.at = now()
    counter.until = now() + wait_after(counter.failures, free)
    return True, counter.until


def _know_device(_app: Flask, user: User, **_more: Any) -> None:
    """Remember in the browser that this account was signed in there."""
    note_right(user.email)
    device = _device()
    known = [account for account in device["accounts"] if account != hash_token(user.email)]
    device["accounts"] = [*known, hash_token(user.email)][-ACCOUNTS_A_DEVICE:]

    @after_this_request
    def keep(response: Response) -> Response:
        config = current_app.config
        response.set_cookie(
            config["DEVICE_COOKIE_NAME"],
            _signer().dumps(device),
            max_age=DEVICE_KEPT,
            path=config["SESSION_COOKIE_PATH"],
            secure=config["SESSION_COOKIE_SECURE"],
            httponly=True,
            samesite="Lax",
        )
        return response


def _device() -> dict[str, Any]:
    try:
        known: dict[str, Any] = _signer().loads(request.cookies.get(current_app.config["DEVICE_COOKIE_NAME"], ""))
    except BadSignature:
        return {"id": secrets.token_hex(16), "accounts": []}
    return known


def _signer() -> URLSafeSerializer:
    config = current_app.config
    return URLSafeSerializer([*config["SECRET_KEY_FALLBACKS"], config["SECRET_KEY"]], salt="device")
