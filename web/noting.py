"""Tell the audit log where a request comes from, and what Flask-Security says of it."""

from collections.abc import Callable
from typing import Any

from flask import Flask, g, request
from flask_login import user_logged_out
from flask_security import (
    current_user,
    tf_disabled,
    tf_profile_changed,
    user_authenticated,
    wan_deleted,
    wan_registered,
)

import audit
from audit import AT_THE_CONSOLE, Act, Source
from models import User, db
from web.handing_out import note_handed_out


def register_noting(app: Flask) -> None:
    """Have each request name its source, and note how people sign in and out and what they prove themselves with."""
    app.before_request(_name_source)
    app.teardown_request(_forget_source)
    user_authenticated.connect(_note_sign_in, app)
    user_logged_out.connect(_note_sign_out, app)
    for signal, note in SECOND_FACTORS.items():
        signal.connect(note, app)


def note_view(student_id: int) -> None:
    """Note that somebody looks at a student's history; who only reads does not wait for who writes."""
    note_handed_out(Act.HISTORY_VIEWED, f"student {student_id}")


def _name_source() -> None:
    audit.source.set(Source(_actor, request.remote_addr, g.get("request_id")))


def _forget_source(_error: BaseException | None) -> None:
    audit.source.set(AT_THE_CONSOLE)


def _actor() -> str | None:
    return str(current_user.email) if current_user.is_authenticated else None


def _note_sign_in(_app: Flask, user: User, authn_via: list[str] | None = None, **_more: Any) -> None:
    # After a second factor Flask-Security names nothing here; a passkey alone has also verified its user.
    audit.add(db.session(), Act.SIGNED_IN, actor=user.email, factors=1 if authn_via == ["password"] else 2)


def _note_sign_out(_app: Flask, user: User, **_more: Any) -> None:
    if user.is_authenticated:
        audit.add(db.session(), Act.SIGNED_OUT, actor=user.email)
        db.session.commit()


def _note_of(act: Act) -> Callable[..., None]:
    """Make a listener that notes what a user did about their own second factor."""

    def note(_app: Flask, user: User, **_more: Any) -> None:
        audit.add(db.session(), act, user.email)

    return note


# A signal does not keep those alive who listen to it.
SECOND_FACTORS = {
    tf_profile_changed: _note_of(Act.APP_SET_UP),
    tf_disabled: _note_of(Act.APP_TURNED_OFF),
    wan_registered: _note_of(Act.PASSKEY_ADDED),
    wan_deleted: _note_of(Act.PASSKEY_REMOVED),
}
