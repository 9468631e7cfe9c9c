"""The audit log is kept as it was written: the database itself refuses to change it."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, func, insert, select, text, update
from sqlalchemy.exc import DBAPIError

import audit
from audit import Act
from models import AuditEntry, audit_retention, now


@pytest.fixture
def entries(session):
    """Keep an entry of today, and two of a year ago."""
    for days in (400, 365, 0):
        session.execute(insert(AuditEntry).values(act="signed-in", at=now() - timedelta(days=days)))
    session.commit()
    return lambda: session.scalars(select(AuditEntry.act).order_by(AuditEntry.id)).all()


@pytest.mark.parametrize(
    "change",
    [
        update(AuditEntry).values(actor="somebody else"),
        delete(AuditEntry),
        delete(AuditEntry).where(AuditEntry.at < now() - timedelta(days=100)),
    ],
)
def test_no_entry_can_be_changed_or_removed(session, entries, change):
    with pytest.raises(DBAPIError, match="the audit log can't be changed"):
        session.execute(change, execution_options={"synchronize_session": False})
    session.rollback()
    assert len(entries()) == 3


def test_no_entry_can_be_overwritten_or_all_be_dropped_at_once(session, backend, entries):
    around = "TRUNCATE audit" if backend == "postgresql" else "INSERT OR REPLACE INTO audit SELECT * FROM audit"
    with pytest.raises(DBAPIError, match="the audit log can't be changed"):
        session.execute(text(around))
    session.rollback()
    assert len(entries()) == 3


def test_retention_drops_what_is_old_and_says_so(session, entries):
    assert audit.drop_before(session, now() - timedelta(days=100)) == 2
    assert entries() == ["signed-in", "audit-dropped"]
    (details,) = session.scalars(select(AuditEntry.details).where(AuditEntry.act == Act.AUDIT_DROPPED))
    assert details["entries"] == 2
    assert audit.drop_before(session, now() - timedelta(days=100)) == 0
    assert entries() == ["signed-in", "audit-dropped"]


def test_after_retention_the_log_is_as_closed_as_before(session, entries):
    audit.drop_before(session, now() - timedelta(days=100))
    assert session.scalars(select(audit_retention.c.until)).one() is None
    with pytest.raises(DBAPIError, match="the audit log can't be changed"):
        session.execute(delete(AuditEntry))


def test_what_is_noted_holds_if_the_transaction_does(session):
    audit.add(session, Act.STUDENT_ERASED, "student 12", actor="ada@school.example", cells=3)
    session.rollback()
    assert session.scalar(select(func.count()).select_from(AuditEntry)) == 0
    audit.add(session, Act.STUDENT_ERASED, "student 12", actor="ada@school.example", cells=3)
    session.commit()
    entry = session.scalars(select(AuditEntry)).one()
    assert (entry.act, entry.about, entry.actor, entry.details) == (
        *("student-erased", "student 12", "ada@school.example"),
        {"cells": 3},
    )
