"""Choose which student a row means that can mean several, or that it means somebody new."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Row, and_, select, update
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.columns import NAME
from merge.compare import LEAVES_OUT, OMITTED, Reading, replan
from merge.decisions import WrongState, lock_preview
from merge.find import spelled_otherwise
from merge.ids import give_ids
from merge.review import CHOICES, HOLDABLE, needs_review
from merge.staged import accepted
from models import Import, Student, planned_rows, staged_rows, students

SHOWN = 20
COUNTED = {"insert": "inserts", "update": "updates", OMITTED: "omitted", None: "unchanged"}


class NoCandidate(LookupError):
    """The row can't mean this student."""


class Taken(LookupError):
    """Another line of the sheet means this student already."""

    def __init__(self, line: int) -> None:
        super().__init__(line)
        self.line = line


def candidates(session: Session, import_: Import, lines: Collection[int]) -> dict[int, list[Student]]:
    """Give by line the students whom rows can mean that somebody has to choose for."""
    reading = Reading.of(import_)
    rows = session.execute(_choosable(reading.import_id).where(planned_rows.c.line.in_(lines))).all() if lines else []
    found: dict[int, set[int]] = {row.line: set() for row in rows}
    if not rows:
        return {}
    same = select(staged_rows.c.line, students.c.id).join(students, reading.match.finds())
    for line, student_id in session.execute(same.where(accepted(reading.import_id), staged_rows.c.line.in_(found))):
        found[line].add(student_id)
    if reading.match.by_name:
        for spelled in spelled_otherwise(session, rows):
            for line, ids in spelled.items():
                found[line] |= ids
    return _shown(session, found)


def choose(session: Session, import_id: int, line: int, student_id: int | None, actor: str, *, version: int | None) -> None:
    """Let the row on a line mean a student, or somebody new where none is named, and commit.

    Raises WrongState unless the import is as it was shown at that version and the row needs a choice; NoCandidate; and Taken.
    """
    import_ = lock_preview(session, import_id, version)
    row = session.execute(_choosable(import_id).where(planned_rows.c.line == line)).first()
    if row is None:
        session.rollback()
        raise WrongState
    try:
        number = _check(session, import_, line, student_id)
    except LookupError:
        session.rollback()
        raise
    _mean(session, import_, row, student_id, number)
    audit.add(session, Act.ROWS_CONFIRMED, f"import {import_id}", actor=actor, rows=1)
    session.commit()


def _choosable(import_id: int) -> Any:
    """Select the rows that somebody has to choose for, with their names as the sheet has them."""
    row = and_(staged_rows.c.import_id == planned_rows.c.import_id, staged_rows.c.line == planned_rows.c.line)
    columns = (planned_rows.c.line, staged_rows.c[NAME.name], planned_rows.c.verdict, planned_rows.c.student_id)
    rows = select(*columns, planned_rows.c.reason, planned_rows.c.action).join(staged_rows, row)
    return rows.where(needs_review(import_id), planned_rows.c.reason.in_([reason.value for reason in CHOICES]))


def _shown(session: Session, found: dict[int, set[int]]) -> dict[int, list[Student]]:
    ids = {line: sorted(some)[:SHOWN] for line, some in found.items()}
    wanted = set().union(*ids.values())
    known = {student.id: student for student in session.scalars(select(Student).where(Student.id.in_(wanted)))}
    return {line: [known[one] for one in some if one in known] for line, some in ids.items()}


def _check(session: Session, import_: Import, line: int, student_id: int | None) -> int:
    """Count whom the row can mean. Raises NoCandidate and Taken."""
    can_mean = candidates(session, import_, [line])[line]
    if student_id is None:
        return len(can_mean)
    if student_id not in {student.id for student in can_mean}:
        raise NoCandidate(student_id)
    other = select(staged_rows.c.line).where(
        accepted(import_.id), staged_rows.c.student_id == student_id, staged_rows.c.line != line
    )
    if (taken := session.scalar(other.limit(1))) is not None:
        raise Taken(taken)
    return len(can_mean)


def _mean(session: Session, import_: Import, row: Row[Any], student_id: int | None, number: int) -> None:
    """Plan the row for the student, or for somebody new, and count it so."""
    if student_id is not None or row.action != "insert":
        here = and_(staged_rows.c.import_id == import_.id, staged_rows.c.line == row.line)
        session.execute(update(staged_rows).where(here).values(student_id=student_id))
        give_ids(session, import_.id)
        replan(session, Reading.of(import_), [row.line])
    planned = and_(
        planned_rows.c.import_id == import_.id, planned_rows.c.line == row.line, planned_rows.c.verdict.in_((*HOLDABLE, "review"))
    )
    after = session.execute(select(planned_rows.c.verdict, planned_rows.c.action).where(planned)).first()
    verdict = (after.action or after.verdict) if after else None
    if verdict and verdict == LEAVES_OUT.get(Reading.of(import_).only):
        verdict = OMITTED
    session.execute(update(planned_rows).where(planned).values(verdict=verdict, reason=row.reason, namesakes=number))
    import_.reviews -= 1
    setattr(import_, COUNTED[verdict], getattr(import_, COUNTED[verdict]) + 1)
