"""The audit log: who did what that has to be accounted for, and when. The database lets nobody change or remove an entry.

`add` notes something in a transaction, `noting` gives the statement that does, and `drop_before` is the one way in which
old entries go.
"""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, delete, insert, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Insert

from models import AuditEntry, audit_retention


class Act(StrEnum):
    """What is noted."""

    SIGNED_IN = "signed-in"
    SIGN_IN_FAILED = "sign-in-failed"
    NOT_CONFIRMED = "not-confirmed"
    SIGNED_OUT = "signed-out"
    SESSIONS_ENDED = "sessions-ended"
    USER_ADDED = "user-added"
    USER_INVITED = "user-invited"
    LINK_MADE = "link-made"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105  no password
    ROLE_CHANGED = "role-changed"
    USER_RENAMED = "user-renamed"
    USER_SHUT_OUT = "user-shut-out"
    USER_LET_IN = "user-let-in"
    APP_SET_UP = "app-set-up"
    APP_TURNED_OFF = "app-turned-off"
    RECOVERY_CODES_MADE = "recovery-codes-made"
    PASSKEY_ADDED = "passkey-added"
    PASSKEY_REMOVED = "passkey-removed"
    SECOND_FACTOR_RESET = "second-factor-reset"
    SECOND_FACTOR_ASKED = "second-factor-asked"
    TOKEN_MADE = "token-made"  # noqa: S105  no token
    TOKEN_REVOKED = "token-revoked"  # noqa: S105  no token
    SHEET_UPLOADED = "sheet-uploaded"
    BULK_PREPARED = "bulk-prepared"
    QUESTION_ANSWERED = "question-answered"
    IMPORT_APPLIED = "import-applied"
    IMPORT_UNDONE = "import-undone"
    ROWS_CONFIRMED = "rows-confirmed"
    IMPORT_CANCELLED = "import-cancelled"
    STUDENTS_EXPORTED = "students-exported"
    REJECTS_EXPORTED = "rejects-exported"
    HISTORY_VIEWED = "history-viewed"
    STUDENT_ERASED = "student-erased"
    STUDENTS_MERGED = "students-merged"
    STUDENTS_DISTINCT = "students-distinct"
    AUDIT_EXPORTED = "audit-exported"
    AUDIT_DROPPED = "audit-dropped"
    TIME_ZONE_CHOSEN = "time-zone-chosen"


@dataclass(frozen=True)
class Source:
    """Where what happens now comes from."""

    actor: Callable[[], str | None]
    """Names who is at work; None where nobody is signed in."""
    address: str | None = None
    request_id: str | None = None


AT_THE_CONSOLE = Source(lambda: "flask")
source: ContextVar[Source] = ContextVar("source", default=AT_THE_CONSOLE)


def add(
    session: Session, act: Act, about: str | None = None, *, actor: str | ColumnElement[str] | None = None, **details: str | int
) -> None:
    """Note what somebody does, in the session's transaction: add(session, Act.STUDENT_ERASED, "student 12"). Does not commit.

    The actor is who is signed in, unless another one is named. Details are counts, words of our own and users' names, never
    a cell's text.
    """
    session.execute(noting(act, about, actor=actor, **details))


def noting(act: Act, about: str | None = None, *, actor: str | ColumnElement[str] | None = None, **details: str | int) -> Insert:
    """Give the statement that notes it, for whoever has no session to write with."""
    return insert(AuditEntry.__table__).values(entry(act, about, actor=actor, **details))  # type: ignore[arg-type]


def entry(
    act: Act, about: str | None = None, *, actor: str | ColumnElement[str] | None = None, **details: str | int
) -> dict[str, Any]:
    """Give the values of the entry that notes it, without its time."""
    origin = source.get()
    return {
        "act": act.value,
        "actor": origin.actor() if actor is None else actor,
        "about": about,
        "details": details,
        "address": origin.address,
        "request_id": origin.request_id,
    }


def drop_before(session: Session, moment: datetime) -> int:
    """Drop the entries from before a moment, note how many that were and the day of that moment's zone, and commit."""
    session.execute(update(audit_retention).values(until=moment))
    old: Any = session.execute(delete(AuditEntry).where(AuditEntry.at < moment), execution_options={"synchronize_session": False})
    assert isinstance(old, CursorResult)
    if old.rowcount:
        add(session, Act.AUDIT_DROPPED, entries=old.rowcount, before=moment.date().isoformat())
    # Nobody else ever sees the permission, which lasts as long as this transaction.
    session.execute(update(audit_retention).values(until=None))
    session.commit()
    return int(old.rowcount)
