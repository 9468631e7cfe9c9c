"""Members of staff as users: made, invited, given a role, shut out. The pages and the commands do it here alike."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

from flask_security import hash_password
from sqlalchemy import Select, delete, exists, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload
from zxcvbn import zxcvbn

import audit
import database
import school
from audit import Act
from mailboxes import spell, spell_any
from models import Passkey, Role, Token, User, UserSession, db, now
from people import spell_name
from words import _

ROLES = ("viewer", "editor", "admin")
LINK_HOLDS = timedelta(days=7)
# What decides over all users, such as who is the last administrator, is locked by this name.
USERS = "users"
SCOPES = {"read": "viewer", "write": "editor", "import": "editor"}
"""What a token may be for, and the lowest role that may do it."""
# Programs that look for secrets in code that was published know them by how they begin.
TOKEN_BEGINS = "rollbook_"  # noqa: S105  what each begins with is no secret
SHORTEST_PASSWORD = 12
LONGEST_PASSWORD = 128
ZXCVBN_READS = 72
HARD_TO_GUESS = 3  # of zxcvbn's 0 to 4: it takes 100 million guesses or more


class AddressTaken(ValueError):
    """A user with that e-mail address exists already."""


class LastAdministrator(ValueError):
    """Nobody would be left who can manage users."""


class NotFirst(ValueError):
    """There is a user already, so the set-up link is void."""


class NotActive(ValueError):
    """The user is deactivated, and gets nothing to sign in with."""


class WrongPassword(ValueError):
    """The password is not the user's present one, or no longer."""


def password_problem(password: str, email: str) -> str | None:
    """Say why a password is too weak for the user with this address, or give None."""
    if not SHORTEST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        return _("Password must be between %(least)s and %(most)s characters.", least=SHORTEST_PASSWORD, most=LONGEST_PASSWORD)
    own = [email, *email.split("@"), "".join(filter(str.isalnum, email)), "rollbook"]
    # What follows the characters that zxcvbn reads at most only makes a password harder to guess.
    if zxcvbn(password[:ZXCVBN_READS], user_inputs=own)["score"] < HARD_TO_GUESS:
        return _("This password is easy to guess: it is a common one, a simple pattern, or close to the e-mail address.")
    return None


def add_user(email: str, role: str, password: str, name: str | None = None) -> User:
    """Make a user and commit. Raises AddressTaken, NoAddress, and BadName."""
    user = _new_user(email, role, password, name)
    _commit_new(user, Act.USER_ADDED)
    return user


def add_first(email: str, password: str, name: str | None = None, time_zone: str | None = None) -> User:
    """Make the first administrator, keep the time zone they chose, and commit.

    Raises NotFirst where there is a user by now, NoAddress, and BadName.
    """
    user = _new_user(email, "admin", password, name)
    database.lock(db.session(), USERS)
    if any_users():
        db.session.rollback()
        raise NotFirst
    if time_zone:
        school.choose_time_zone(db.session(), time_zone)
    _commit_new(user, Act.USER_ADDED, **({"zone": time_zone} if time_zone else {}))
    return user


def invite(email: str, role: str, name: str | None = None) -> tuple[User, str]:
    """Make a user who has no password yet, and commit; give the secret of their one-time link. Raises AddressTaken."""
    user = _new_user(email, role, secrets.token_urlsafe(), name)
    user.invited = True
    token = _renew_link(user)
    _commit_new(user, Act.USER_INVITED)
    return user, token


def make_link(user: User) -> str:
    """Give the secret of a new one-time link with which the user chooses a password, and commit.

    The link before is void, and tokens made with the password that is given up are revoked. Raises NotActive.
    """
    _lock_active(user)
    _drop_tokens(user)
    token = _renew_link(user)
    _note(Act.LINK_MADE, user)
    db.session.commit()
    return token


def find_by_link(token: str) -> User | None:
    """Find whom a one-time link was made for, while it holds."""
    return db.session.scalars(_by_link(token)).unique().one_or_none()


def expired_at(token: str) -> datetime | None:
    """Tell when the one-time link expired; None for one that has not, or that was used, replaced, or never made."""
    return db.session.scalar(
        select(User.link_until).where(User.link_hash == hash_token(token), User.link_until <= now(), User.active)
    )


def accept_link(token: str, password: str) -> User | None:
    """Set the password with a one-time link, which is spent by that, and commit; None where the link is void by now."""
    hashed = _hash(password)
    found = _by_link(token).with_for_update(of=User).execution_options(populate_existing=True)
    user = db.session.scalars(found).unique().one_or_none()
    if user is not None:
        _drop_tokens(user)  # such as were made since the link was
        _set_password(user, hashed)
    return user


def find_by_address(email: str) -> User | None:
    """Find the user with that address, however it is spelt."""
    return db.session.scalars(select(User).where(User.email == spell_any(email))).unique().one_or_none()


def change_password(user: User, password: str) -> None:
    """Set the password of a user who has just proven the present one, void links, end every session, and commit.

    Raises WrongPassword where somebody else has changed it in the meantime.
    """
    proven, hashed = user.password, _hash(password)
    lock(user)
    if user.password != proven or not user.active:
        db.session.rollback()
        raise WrongPassword
    _set_password(user, hashed)


def change_role(user: User, role: str) -> None:
    """Give the user this role, and commit. Raises LastAdministrator."""
    if role != "admin":
        _keep_an_administrator(user)
    lock(user)
    if role != user.role:
        _note(Act.ROLE_CHANGED, user, before=user.role, role=role)
        user.roles = [_role(role)]
    db.session.commit()


def rename(user: User, name: str | None) -> None:
    """Give the user this name, or none, and commit. Raises BadName."""
    name = spell_name(name)
    lock(user)
    if name != user.name:
        named = {"former_name": user.name, "name": name}
        _note(Act.USER_RENAMED, user, **{detail: text for detail, text in named.items() if text})
        user.name = name
    db.session.commit()


def deactivate(user: User) -> None:
    """Shut the user out at once, revoke their tokens, and commit. Raises LastAdministrator."""
    _keep_an_administrator(user)
    lock(user)
    if user.active:
        user.active = False
        user.link_hash = user.link_until = None
        user.fs_uniquifier = uuid.uuid4().hex
        end_sessions(user.id)
        _drop_tokens(user)
        _note(Act.USER_SHUT_OUT, user)
    db.session.commit()


def activate(user: User) -> None:
    """Let the user in again, and commit."""
    lock(user)
    if not user.active:
        user.active = True
        _note(Act.USER_LET_IN, user)
    db.session.commit()


def reset_second_factor(user: User) -> None:
    """Forget the user's authenticator app, recovery codes and passkeys, end their sessions, revoke their tokens, and commit."""
    lock(user)
    user.tf_primary_method = user.tf_totp_secret = user.totp_counter = user.mf_recovery_codes = None
    db.session.execute(delete(Passkey).where(Passkey.user_id == user.id))
    end_sessions(user.id)
    _drop_tokens(user)
    _note(Act.SECOND_FACTOR_RESET, user)
    db.session.commit()


def require_second_factor(roles: Collection[str]) -> None:
    """Let users with these roles, and no others, in only with a second factor, and commit."""
    db.session.execute(update(Role).values(needs_second_factor=Role.name.in_(roles)))
    audit.add(db.session(), Act.SECOND_FACTOR_ASKED, roles=", ".join(sorted(roles)))
    db.session.commit()


def choose_time_zone(name: str) -> None:
    """Set the school's time zone, and commit."""
    school.choose_time_zone(db.session(), name)
    audit.add(db.session(), Act.TIME_ZONE_CHOSEN, zone=name)
    db.session.commit()


def end_sessions(user_id: int, *, but: int | None = None) -> int:
    """Sign the user out everywhere, or everywhere but in that session, and count the sessions that ended. Does not commit."""
    others = delete(UserSession).where(UserSession.user_id == user_id, UserSession.id.is_distinct_from(but))
    ended: Any = db.session.execute(others)
    return int(ended.rowcount)


def end_session(user_id: int, session_id: int) -> bool:
    """Sign the user out in one session of theirs, and tell whether there was one. Does not commit."""
    one = delete(UserSession).where(UserSession.user_id == user_id, UserSession.id == session_id)
    ended: Any = db.session.execute(one)
    return bool(ended.rowcount)


def make_token(user_id: int, name: str, scopes: Collection[str], until: datetime) -> tuple[Token, str]:
    """Let another system in as the user until then, and commit; give the secret that it has to bring. Raises NotActive."""
    _lock_active(db.session.get_one(User, user_id))
    secret = TOKEN_BEGINS + secrets.token_urlsafe(32)
    token = Token(user_id=user_id, name=name, token_hash=hash_token(secret), scopes=list(scopes), until=until)
    db.session.add(token)
    db.session.flush()
    audit.add(db.session(), Act.TOKEN_MADE, f"token {token.id}", scopes=", ".join(scopes))
    db.session.commit()
    return token, secret


def find_token(secret: str) -> tuple[Token, User] | None:
    """Find the token with this secret and whose it is, while it holds and its user is let in."""
    found = select(Token, User).join(User, User.id == Token.user_id)
    held = found.options(selectinload(User.webauthn))
    held = held.where(Token.token_hash == hash_token(secret), Token.until > now(), User.active)
    row = db.session.execute(held).unique().one_or_none()
    return None if row is None else (row[0], row[1])


def tokens_of(user_id: int) -> Sequence[Token]:
    """Give the user's tokens, newest first, also those that have ended."""
    return db.session.scalars(select(Token).where(Token.user_id == user_id).order_by(Token.id.desc())).all()


def revoke_token(user_id: int, token_id: int) -> str | None:
    """Take the user's token out of force, and commit; give its name, or None if they have no such token."""
    gone = delete(Token).where(Token.id == token_id, Token.user_id == user_id).returning(Token.name)
    name = db.session.scalar(gone)
    if name is not None:
        audit.add(db.session(), Act.TOKEN_REVOKED, f"token {token_id}")
    db.session.commit()
    return name


def revoke_tokens(user: User) -> int:
    """Take all tokens of the user out of force, and commit; give how many that were."""
    lock(user)
    revoked = _drop_tokens(user)
    db.session.commit()
    return revoked


def lock(user: User) -> None:
    """Let nobody else change the user until the next commit, and see them as they are now."""
    db.session.execute(select(User.id).where(User.id == user.id).with_for_update())
    # In a statement of its own: what another has committed while this one waited for the lock is seen only by the next.
    db.session.refresh(user)


def allowed(actor: str, role: str) -> bool:
    """Tell whether an actor has that role or a higher one at this moment. Who is no user is a command, and may do everything."""
    if "@" not in actor:
        return True
    user = find_by_address(actor)
    return user is not None and user.active and ROLES.index(user.role) >= ROLES.index(role)


def any_users() -> bool:
    return bool(db.session.scalar(select(exists(User))))


def setup_token(secret_key: str) -> str:
    """Give the secret in the one-time link of the first start. It is void as soon as there is a user."""
    return hmac.digest(secret_key.encode(), b"rollbook: first administrator", "sha256").hex()


def hash_token(token: str) -> str:
    """Hash a secret that is too long to guess, so that who reads the database can't use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _hash(password: str) -> str:
    """Hash a password, which is meant to take long, before anything is written."""
    with database.aside(db.session()):
        return str(hash_password(password))


def _by_link(token: str) -> Select[User]:
    return select(User).where(User.link_hash == hash_token(token), User.link_until > now(), User.active)


def _set_password(user: User, hashed: str) -> None:
    """Set the password of a locked user, end every session of theirs and every sign-in that is half done, and commit."""
    user.password = hashed
    user.invited = False
    user.link_hash = user.link_until = None
    user.fs_uniquifier = uuid.uuid4().hex
    end_sessions(user.id)
    _note(Act.PASSWORD_CHANGED, user)
    db.session.commit()


def _drop_tokens(user: User) -> int:
    """Drop the user's tokens and note each. Does not commit."""
    gone = db.session.scalars(delete(Token).where(Token.user_id == user.id).returning(Token.id)).all()
    for token_id in gone:
        audit.add(db.session(), Act.TOKEN_REVOKED, f"token {token_id}")
    return len(gone)


def _new_user(email: str, role: str, password: str, name: str | None) -> User:
    spelt = {"email": spell(email), "name": spell_name(name)}
    return User(**spelt, password=_hash(password), fs_uniquifier=uuid.uuid4().hex, roles=[_role(role)])


def _commit_new(user: User, act: Act, **details: str) -> None:
    database.lock(db.session(), USERS)
    db.session.add(user)
    try:
        db.session.flush()
        _note(act, user, role=user.role, **({"name": user.name} if user.name else {}), **details)
        db.session.commit()
    except IntegrityError:
        db.session.rollback()
        raise AddressTaken(user.email) from None


def _note(act: Act, user: User, **details: str) -> None:
    audit.add(db.session(), act, user.email, **details)


def _lock_active(user: User) -> None:
    lock(user)
    if not user.active:
        db.session.rollback()
        raise NotActive(user.email)


def _renew_link(user: User) -> str:
    token = secrets.token_urlsafe(32)
    user.link_hash, user.link_until = hash_token(token), now() + LINK_HOLDS
    return token


def _role(name: str) -> Role:
    return db.session.scalars(select(Role).where(Role.name == name)).one()


def _keep_an_administrator(user: User) -> None:
    # Administrators who demote each other at the same moment queue up here, and the last one is refused.
    database.lock(db.session(), USERS)
    others = select(func.count()).select_from(User).join(User.roles)
    others = others.where(Role.name == "admin", User.active, ~User.invited, User.id != user.id)
    if not db.session.scalar(others):
        db.session.rollback()
        raise LastAdministrator(user.email)
