"""Merge two records that are one person's: the survivor keeps its id, and the other's leads to it from then on."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.columns import VALUES, StudentColumn
from merge.door import UnseenWrite, let_students_follow, open_change
from merge.merged_ids import lead
from merge.record import Conflict
from models import Student, revisions

REASON = "merge"


@dataclass(frozen=True)
class Choice:
    """A column of two records, as people read it, and whose value is proposed: the survivor's, unless only the other has one."""

    column: StudentColumn
    first: str
    second: str
    proposed: str

    @property
    def differs(self) -> bool:
        return self.first != self.second


def compare_records(first: Student, second: Student) -> list[Choice]:
    """Put two records side by side, column by column; the first one is the survivor that is proposed."""
    return [_choice(column, getattr(first, column.name), getattr(second, column.name)) for column in VALUES]


def merge_students(
    session: Session,
    survivor_id: int,
    other_id: int,
    values: Mapping[str, Any],
    *,
    versions: tuple[int | None, int | None],
    actor: str,
) -> int:
    """Give the survivor these values, delete the other record, commit, and give the change.

    `versions` are those of the two that the writer saw. Raises Conflict.
    """
    survivor, other = _as_seen(session, survivor_id, versions[0]), _as_seen(session, other_id, versions[1])
    change_id = open_change(session, actor, REASON)
    last = {column.name: getattr(other, column.name) for column in VALUES}
    rows = [
        {"student_id": survivor.id, "version": survivor.version + 1, "change_id": change_id, "deleted": False, **values},
        {"student_id": other.id, "version": other.version + 1, "change_id": change_id, "deleted": True, **last},
    ]
    try:
        # Everybody takes two students in the same order, or two who merge them would block each other.
        session.execute(insert(revisions), sorted(rows, key=lambda row: row["student_id"]))
        lead(session, other_id, survivor_id, change_id)
        let_students_follow(session, change_id, len(rows), lambda _share: None)
    except (IntegrityError, UnseenWrite):
        session.rollback()
        raise Conflict(survivor_id) from None
    audit.add(session, Act.STUDENTS_MERGED, f"student {survivor_id}", actor=actor, merged=other_id)
    session.commit()
    return change_id


def _choice(column: StudentColumn, first: Any, second: Any) -> Choice:
    proposed = "second" if first is None and second is not None else "first"
    return Choice(column, column.write(first), column.write(second), proposed)


def _as_seen(session: Session, student_id: int, version: int | None) -> Student:
    student = session.get(Student, student_id, populate_existing=True)
    if student is None or student.version != version:
        session.rollback()
        raise Conflict(student_id)
    return student
