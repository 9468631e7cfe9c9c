"""Take a change back by a new one: each student it touched stands as before, unless somebody has edited it since."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, literal, or_, select
from sqlalchemy.orm import Session

from merge.columns import NAME
from merge.door import NAMES, REVISIONS_SHARE, Written, enter_alone, let_students_follow, write_revisions
from merge.lease import Report
from merge.merged_ids import follow_undo
from merge.slices import student_slices
from models import revisions

done = revisions.alias("done")
before = revisions.alias("before")
since = revisions.alias("since")


@dataclass(frozen=True)
class Outlook:
    """What an undo would do now: students restored, removed, put back, and left alone since somebody edited or erased them."""

    restored: int
    removed: int
    returned: int
    skipped: int
    erased: int

    @property
    def left_alone(self) -> int:
        return self.skipped + self.erased


def undo(session: Session, change_id: int, by_change_id: int, report: Report) -> tuple[Written, int]:
    """Undo a change as part of another one; give what was written and how many students were skipped. Does not commit.

    It can be undone in turn. Raises UnseenWrite.
    """
    touched = session.scalar(select(func.count()).select_from(revisions).where(revisions.c.change_id == change_id)) or 0
    if touched > 1:  # a writer of one student waits for at most one other, and so blocks nobody for ever
        enter_alone(session)
    number = 0
    for students_here, share in student_slices(session, change_id, done.c.student_id):
        number += write_revisions(session, _taken_back(change_id, by_change_id).where(students_here))
        report(REVISIONS_SHARE * share)
    written = let_students_follow(session, by_change_id, number, report)
    follow_undo(session, change_id, by_change_id)
    return written, touched - number


def outlook(session: Session, change_id: int) -> Outlook:
    """Count what an undo would do, without doing it."""
    edited = exists().where(since.c.student_id == done.c.student_id, since.c.version == done.c.version + 1)
    is_erased = done.c[NAME.name].is_(None)
    fate = case(
        (is_erased, "erased"), (edited, "skipped"), (done.c.deleted, "returned"), (_was_absent(), "removed"), else_="restored"
    ).label("fate")
    rows = _with_before(select(fate), change_id).subquery()
    counts = {fate: number for fate, number in session.execute(select(rows.c.fate, func.count()).group_by(rows.c.fate))}
    return Outlook(**{name: counts.get(name, 0) for name in ("restored", "removed", "returned", "skipped", "erased")})


def skipped_students(session: Session, change_id: int, by_change_id: int, limit: int) -> list[tuple[int, str | None]]:
    """Name the first students, by id, that the undo left alone: (id, name as the undone change had left it, None if erased)."""
    edited = exists().where(
        since.c.student_id == done.c.student_id, since.c.version == done.c.version + 1, since.c.change_id != by_change_id
    )
    rows = select(done.c.student_id, done.c.name).where(done.c.change_id == change_id, edited)
    return [(student_id, name) for student_id, name in session.execute(rows.order_by(done.c.student_id).limit(limit))]


def _taken_back(change_id: int, by_change_id: int) -> Select[Any]:
    """Select the revisions that follow those of the change: as the student stood before, or deleted if there was none.

    A revision of a deletion keeps the row as it last stood, so one that is made absent again keeps the change's values.
    """
    absent = _was_absent()
    values = [case((absent, done.c[name]), else_=before.c[name]) for name in NAMES]
    return _with_before(select(done.c.student_id, done.c.version + 1, literal(by_change_id), absent, *values), change_id)


def _with_before(columns: Select[Any], change_id: int) -> Select[Any]:
    earlier = and_(before.c.student_id == done.c.student_id, before.c.version == done.c.version - 1)
    return columns.select_from(done.outerjoin(before, earlier)).where(done.c.change_id == change_id)


def _was_absent() -> ColumnElement[bool]:
    return or_(before.c.student_id.is_(None), before.c.deleted)
