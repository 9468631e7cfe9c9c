"""The one door to the table of students: a change is opened, its revisions are written, and the students follow them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, CursorResult, Executable, Select, and_, delete, exists, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Delete, Insert

from merge import search
from merge.columns import VALUES
from merge.lease import Report
from merge.slices import student_slices
from models import Change, revisions, students

NAMES = [column.name for column in VALUES]
# Of a change's time, about this share has passed when its revisions are written (measured at a million rows).
REVISIONS_SHARE = 0.3
# A failure ends the transaction in any case, so SQLite need not keep in memory how each page was before the statement.
WHOLE = "OR ROLLBACK"
LOCK = 0x526F6C6C  # any number that is the same everywhere: "Roll"


@dataclass(frozen=True)
class Written:
    """How many students a change inserted, updated and deleted."""

    inserts: int
    updates: int
    deletes: int

    def __add__(self, other: "Written") -> "Written":
        return Written(self.inserts + other.inserts, self.updates + other.updates, self.deletes + other.deletes)


class UnseenWrite(RuntimeError):
    """A student's version is not that of its newest revision: something wrote to the table past merge/."""


def open_change(session: Session, actor: str, reason: str, import_id: int | None = None) -> int:
    """Begin a change, to which revisions then belong, and give its id."""
    change = insert(Change).values(actor=actor, reason=reason, import_id=import_id).returning(Change.id)
    with session.no_autoflush:
        return session.execute(change).scalar_one()


def enter_alone(session: Session) -> None:
    """Wait until no other change of many students is under way: two in different orders would block each other for ever."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": LOCK})


def write_revisions(session: Session, rows: Select[Any]) -> int:
    """Write many revisions, given as (student_id, version, change_id, deleted, values…), and count those that were written.

    A version that somebody else has written already is left out: the revision's key decides between two writers,
    and a row that was changed in the meantime drops out here, before any student is touched.
    """
    names = ["student_id", "version", "change_id", "deleted", *NAMES]
    try:
        with session.begin_nested():
            return count_rows(session, insert(revisions).from_select(names, rows))
    except IntegrityError:
        # To be ready for clashes costs a fifth of the time, and most changes have none.
        dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
        return count_rows(session, dialect.insert(revisions).from_select(names, rows).on_conflict_do_nothing())


def let_students_follow(session: Session, change_id: int, number: int, report: Report) -> Written:
    """Bring the students to the change's revisions, so many. Raises UnseenWrite; the transaction has to be rolled back then."""
    ours = revisions.c.change_id == change_id
    written = Written(0, 0, 0)
    for students_here, share in student_slices(session, change_id, revisions.c.student_id):
        written += _follow(session, and_(ours, students_here))
        report(REVISIONS_SHARE + share * (1 - REVISIONS_SHARE))
    if number != written.inserts + written.updates + written.deletes:
        raise UnseenWrite
    return written


def _follow(session: Session, ours: ColumnElement[bool]) -> Written:
    search.follow(session, ours)
    base = and_(students.c.id == revisions.c.student_id, students.c.version == revisions.c.version - 1)
    stays = and_(ours, ~revisions.c.deleted)
    # A version 1 is always a new student, so most rows need no look at what is there.
    changed = update(students).prefix_with(WHOLE, dialect="sqlite").where(stays, revisions.c.version > 1, base)
    values = {name: revisions.c[name] for name in ("version", *NAMES)} | search.kept_beside(session, unchanged=True)
    return Written(
        updates=count_rows(session, changed.values(**values)),
        inserts=count_rows(session, _insert_new(stays, search.kept_beside(session))),
        deletes=count_rows(session, _delete_gone(and_(ours, revisions.c.deleted), base)),
    )


def _insert_new(stays: ColumnElement[bool], beside: dict[str, ColumnElement[Any]]) -> Insert:
    values = [revisions.c.student_id, revisions.c.version, *(revisions.c[name] for name in NAMES), *beside.values()]
    new = select(*values).where(stays, or_(revisions.c.version == 1, ~exists().where(students.c.id == revisions.c.student_id)))
    return insert(students).prefix_with(WHOLE, dialect="sqlite").from_select(["id", "version", *NAMES, *beside], new)


def _delete_gone(gone: ColumnElement[bool], base: ColumnElement[bool]) -> Delete:
    # The first condition finds the students, or SQLite would look at all that there are; the second guards each.
    return delete(students).where(students.c.id.in_(select(revisions.c.student_id).where(gone)), exists().where(gone, base))


def count_rows(session: Session, statement: Executable) -> int:
    """Execute a statement that changes rows, and count them."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount
