"""What a passkey is asked to sign: each challenge is kept on the server and answered once, however often an answer is sent."""

import secrets
from datetime import timedelta
from typing import Any

from sqlalchemy import delete

from accounts import hash_token
from models import Challenge, db, now

HOLDS = timedelta(minutes=10)


def issue(nbytes: int | None = None) -> str:
    """Give a new challenge, and commit; those that nobody has answered in time are forgotten."""
    challenge = secrets.token_urlsafe(nbytes)
    db.session.execute(delete(Challenge).where(Challenge.expires_at <= now()))
    db.session.add(Challenge(challenge_hash=hash_token(challenge), expires_at=now() + HOLDS))
    db.session.commit()
    return challenge


def take(challenge: str) -> bool:
    """Use a challenge up, and commit; tell whether it was there to be answered."""
    waiting = delete(Challenge).where(Challenge.challenge_hash == hash_token(challenge), Challenge.expires_at > now())
    taken: Any = db.session.execute(waiting)
    db.session.commit()
    return bool(taken.rowcount)
