"""Do what a compared sheet planned, and nothing else, in one transaction."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, and_, exists, func, literal, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Insert, Update

from merge.columns import VALUES
from merge.compare import count_planned
from merge.ids import keep_ids_ahead
from models import planned_rows, revisions, students

NAMES = [column.name for column in VALUES]
APPLY_LOCK = 0x526F6C6C  # any number that is the same everywhere: "Roll"


@dataclass(frozen=True)
class Applied:
    """How many students were written, and how many rows were held back."""

    inserts: int
    updates: int
    conflicts: int


class UnseenWrite(RuntimeError):
    """A student's version is not that of its newest revision: something wrote to the table past merge/."""


def apply(session: Session, import_id: int, change_id: int) -> Applied:
    """Write the planned rows and their revisions as part of the change. Does not commit.

    A row whose student was changed, made or deleted since the comparison is held back with the verdict "conflict".
    """
    if session.get_bind().dialect.name == "postgresql":
        # Two applies that take the same students in different orders would wait for each other for ever.
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": APPLY_LOCK})
    planned = sum(count_planned(session, import_id).values())
    # The revisions come first: their key decides who has a version, so a row that somebody else
    # has changed in the meantime drops out here, before any student is touched.
    conflicts = planned - _rows(session, _write_revisions(session, import_id, change_id))
    if conflicts:
        session.execute(_hold_back(import_id, change_id))
    left = count_planned(session, import_id)
    applied = Applied(
        _rows(session, _insert_students(session, import_id)), _rows(session, _update_students(import_id)), conflicts
    )
    if (applied.inserts, applied.updates) != (left.get("insert", 0), left.get("update", 0)):
        raise UnseenWrite
    highest = session.scalar(select(func.max(planned_rows.c.student_id)).where(_planned(import_id, "insert")))
    if highest:
        keep_ids_ahead(session, highest)
    return applied


def _planned(import_id: int, *verdicts: str) -> ColumnElement[bool]:
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict.in_(verdicts or ("insert", "update")))


def _write_revisions(session: Session, import_id: int, change_id: int) -> Insert:
    rows = select(
        planned_rows.c.student_id,
        planned_rows.c.base_version + 1,
        literal(change_id),
        *(planned_rows.c[name] for name in NAMES),
    ).where(_planned(import_id))
    return _insert_new(session, revisions, ["student_id", "version", "change_id", *NAMES], rows)


def _insert_students(session: Session, import_id: int) -> Insert:
    rows = select(
        planned_rows.c.student_id,
        planned_rows.c.base_version + 1,
        *(planned_rows.c[name] for name in NAMES),
    ).where(_planned(import_id, "insert"))
    return _insert_new(session, students, ["id", "version", *NAMES], rows)


def _update_students(import_id: int) -> Update:
    return (
        update(students)
        .values(version=planned_rows.c.base_version + 1, **{name: planned_rows.c[name] for name in NAMES})
        .where(
            _planned(import_id, "update"),
            students.c.id == planned_rows.c.student_id,
            students.c.version == planned_rows.c.base_version,
        )
    )


def _hold_back(import_id: int, change_id: int) -> Update:
    ours = exists().where(
        revisions.c.student_id == planned_rows.c.student_id,
        revisions.c.version == planned_rows.c.base_version + 1,
        revisions.c.change_id == change_id,
    )
    return update(planned_rows).values(verdict="conflict").where(_planned(import_id), ~ours)


def _insert_new(session: Session, table: Any, names: list[str], rows: Any) -> Insert:
    insert = postgresql.insert if session.get_bind().dialect.name == "postgresql" else sqlite.insert
    return insert(table).from_select(names, rows).on_conflict_do_nothing()


def _rows(session: Session, statement: Insert | Update) -> int:
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount
