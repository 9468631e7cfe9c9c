"""Members of staff as users: made by the set-up page and by the command alike."""

import hmac
import uuid

from flask_security import hash_password
from sqlalchemy import exists, select
from sqlalchemy.exc import IntegrityError

from models import Role, User, db

ROLES = ("viewer", "editor", "admin")


class AddressTaken(ValueError):
    """A user with that e-mail address exists already."""


def add_user(email: str, role: str, password: str) -> User:
    """Make a user and commit. Raises AddressTaken."""
    user = User(
        email=email.strip().lower(),
        password=hash_password(password),
        fs_uniquifier=uuid.uuid4().hex,
        roles=list(db.session.scalars(select(Role).where(Role.name == role))),
    )
    db.session.add(user)
    try:
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise AddressTaken(email) from None
    return user


def any_users() -> bool:
    return bool(db.session.scalar(select(exists(User))))


def setup_token(secret_key: str) -> str:
    """Give the secret in the one-time link of the first start. It is void as soon as there is a user."""
    return hmac.digest(secret_key.encode(), b"rollbook: first administrator", "sha256").hex()
