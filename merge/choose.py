"""Choose which student a row means that can mean several, or that it means somebody new."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import ColumnElement, Row, Subquery, and_, select, update
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.columns import NAME
from merge.compare import LEAVES_OUT, OMITTED, Reading, replan
from merge.decisions import WrongState, lock_preview
from merge.find import note_namesakes, others_of
from merge.ids import give_ids
from merge.review import HOLDABLE, is_choice, needs_review
from merge.spellings import spelled_otherwise
from merge.staged import accepted, same_line
from models import Import, Student, planned_rows, staged_rows, students

SHOWN = 20
COUNTED = {"insert": "inserts", "update": "updates", OMITTED: "omitted", None: "unchanged"}


class NoCandidate(LookupError):
    """This row can’t be about this student."""


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

    Raises WrongState unless the import is as it was shown at that version, the row needs a choice, and no more students can be
    meant than were shown; NoCandidate; and Taken.
    """
    import_ = lock_preview(session, import_id, version)
    row = session.execute(_choosable(import_id).where(planned_rows.c.line == line)).first()
    if row is None:
        session.rollback()
        raise WrongState
    if _others(session, import_, line) > (row.namesakes or 0):
        _note_others(session, import_, line)
        session.commit()  # the import has another version now, and shows all of them
        raise WrongState
    try:
        _check(session, import_, line, student_id)
    except LookupError:
        session.rollback()
        raise
    _mean(session, import_, row, student_id)
    _note_others(session, import_, line)
    audit.add(session, Act.ROWS_CONFIRMED, f"import {import_id}", actor=actor, rows=1)
    session.commit()


def _choosable(import_id: int) -> Any:
    """Select the rows that somebody has to choose for, with their names as the sheet has them."""
    columns = (planned_rows.c.line, staged_rows.c[NAME.name], planned_rows.c.verdict, planned_rows.c.student_id)
    rows = select(*columns, planned_rows.c.reason, planned_rows.c.action, planned_rows.c.namesakes).join(staged_rows, same_line())
    return rows.where(needs_review(import_id), is_choice())


def _shown(session: Session, found: dict[int, set[int]]) -> dict[int, list[Student]]:
    ids = {line: sorted(some)[:SHOWN] for line, some in found.items()}
    wanted = set().union(*ids.values())
    known = {student.id: student for student in session.scalars(select(Student).where(Student.id.in_(wanted)))}
    return {line: [known[one] for one in some if one in known] for line, some in ids.items()}


def _others(session: Session, import_: Import, line: int) -> int:
    """Count the other students whom the row can mean by now."""
    return session.scalar(select(_others_of(session, import_, line).c.number)) or 0


def _note_others(session: Session, import_: Import, line: int) -> None:
    """Keep that number: when the sheet is applied, the row is held again if there are more by then."""
    session.execute(update(planned_rows).where(_planned(import_.id, line)).values(namesakes=None))
    note_namesakes(session, import_.id, _others_of(session, import_, line))


def _others_of(session: Session, import_: Import, line: int) -> Subquery:
    reading, row = Reading.of(import_), _planned(import_.id, line)
    return others_of(session, import_.id, reading.match, row, named=NAME.name in reading.columns)


def _planned(import_id: int, line: int) -> ColumnElement[bool]:
    verdicts = planned_rows.c.verdict.in_((*HOLDABLE, "review"))
    return and_(planned_rows.c.import_id == import_id, verdicts, planned_rows.c.line == line)


def _check(session: Session, import_: Import, line: int, student_id: int | None) -> None:
    """Raise NoCandidate and Taken."""
    if student_id is None:
        return
    if student_id not in {student.id for student in candidates(session, import_, [line])[line]}:
        raise NoCandidate(student_id)
    other = select(staged_rows.c.line).where(
        accepted(import_.id), staged_rows.c.student_id == student_id, staged_rows.c.line != line
    )
    if (taken := session.scalar(other.limit(1))) is not None:
        raise Taken(taken)


def _mean(session: Session, import_: Import, row: Row[Any], student_id: int | None) -> None:
    """Plan the row for the student, or for somebody new, and count it so."""
    if student_id is not None or row.action != "insert":
        here = and_(staged_rows.c.import_id == import_.id, staged_rows.c.line == row.line)
        session.execute(update(staged_rows).where(here).values(student_id=student_id))
        give_ids(session, import_.id)
        replan(session, Reading.of(import_), [row.line])
    planned = _planned(import_.id, row.line)
    after = session.execute(select(planned_rows.c.verdict, planned_rows.c.action).where(planned)).first()
    verdict = (after.action or after.verdict) if after else None
    if verdict and verdict == LEAVES_OUT.get(Reading.of(import_).only):
        verdict = OMITTED
    session.execute(update(planned_rows).where(planned).values(verdict=verdict, reason=row.reason))
    import_.reviews -= 1
    setattr(import_, COUNTED[verdict], getattr(import_, COUNTED[verdict]) + 1)
