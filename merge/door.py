"""The one door to the table of students: a change is opened, its revisions are written, and the students follow them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import CursorResult, Executable, Select, and_, delete, exists, func, insert, or_, select, text, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from merge.columns import VALUES
from merge.ids import keep_ids_ahead
from models import Change, revisions, students

NAMES = [column.name for column in VALUES]
# Of a change's time, about this share has passed when its revisions are written (measured at a million rows).
REVISIONS_SHARE = 0.3
LOCK = 0x526F6C6C  # any number that is the same everywhere: "Roll"


@dataclass(frozen=True)
class Written:
    """How many students a change inserted, updated and deleted."""

    inserts: int
    updates: int
    deletes: int


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


def let_students_follow(session: Session, change_id: int) -> Written:
    """Bring the students to the change's revisions. Raises UnseenWrite, and then the transaction has to be rolled back."""
    ours = revisions.c.change_id == change_id
    base = and_(students.c.id == revisions.c.student_id, students.c.version == revisions.c.version - 1)
    values = {name: revisions.c[name] for name in NAMES}
    stays = and_(ours, ~revisions.c.deleted)
    # A version 1 is always a new student, so most rows need no look at what is there.
    changed = update(students).values(version=revisions.c.version, **values).where(stays, revisions.c.version > 1, base)
    written = Written(
        updates=count_rows(session, changed),
        inserts=_insert_students(session, change_id),
        deletes=count_rows(session, delete(students).where(exists().where(ours, revisions.c.deleted, base))),
    )
    wanted = session.scalar(select(func.count()).select_from(revisions).where(ours))
    if wanted != written.inserts + written.updates + written.deletes:
        raise UnseenWrite
    return written


def _insert_students(session: Session, change_id: int) -> int:
    new = (
        select(revisions.c.student_id, revisions.c.version, *(revisions.c[name] for name in NAMES))
        .where(revisions.c.change_id == change_id, ~revisions.c.deleted)
        .where(or_(revisions.c.version == 1, ~exists().where(students.c.id == revisions.c.student_id)))
    )
    inserted = count_rows(session, insert(students).from_select(["id", "version", *NAMES], new))
    highest = session.scalar(select(func.max(revisions.c.student_id)).where(revisions.c.change_id == change_id))
    if highest:
        keep_ids_ahead(session, highest)
    return inserted


def count_rows(session: Session, statement: Executable) -> int:
    """Execute a statement that changes rows, and count them."""
    result = session.execute(statement, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount
