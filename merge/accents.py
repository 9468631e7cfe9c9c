"""Tell apart students whose names are one but for accents: Rene and René may be two people, whose IDs are mixed up."""

from collections.abc import Iterator, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from merge.find import hold_related
from merge.fold import fold_name, name_key
from merge.identity import accented_key
from merge.review import ReviewReason, hold_for_review
from merge.slices import row_batches
from merge.staged import of_sheet
from models import planned_rows, students

BATCH = 5_000
others = students.alias("others")


def hold_accented(session: Session, import_id: int) -> None:
    """Hold the rows whose name is the stored one but for accents, and with these another student's, or another row's."""
    accented = and_(
        planned_rows.c.import_id == import_id,
        planned_rows.c.verdict == "update",
        planned_rows.c.reason == ReviewReason.OTHER_ACCENTS.value,
    )
    if not session.scalar(select(exists().where(accented))):
        return
    twin = exists().where(others.c.name_key == students.c.name_key, others.c.name != students.c.name)
    for batch in differing(session, and_(accented, twin)):
        hold_named_as_others(session, import_id, batch)
    shared = func.lower(planned_rows.c.name).in_(_names_of_several(import_id))
    for batch in differing(session, and_(accented, shared)):
        lines = [line for line, stored, name in batch if accented_key(stored) != accented_key(name)]
        if lines:
            hold_for_review(session, import_id, planned_rows.c.line.in_(lines), ReviewReason.OTHER_ROW)


def hold_named_as_others(session: Session, import_id: int, batch: Sequence[Any]) -> dict[int, int]:
    """Hold the rows that have another student's name, accents and all, and not their own student's; give those by line."""
    unlike = {line: name for line, stored, name in batch if accented_key(stored) != accented_key(name)}
    keys = {name_key(fold_name(name)) for name in unlike.values()}
    named = select(students.c.name, students.c.id).where(students.c.name_key.in_(keys)).order_by(students.c.id.desc())
    ids = {accented_key(name): student_id for name, student_id in session.execute(named)} if keys else {}
    held = {line: ids[key] for line, name in unlike.items() if (key := accented_key(name)) in ids}
    hold_related(session, import_id, held, ReviewReason.OTHER_STUDENT)
    return held


def differing(session: Session, condition: ColumnElement[bool]) -> Iterator[Sequence[Any]]:
    """Give planned rows whose name is not the stored one, a batch at a time: line, stored name, sheet's name."""
    rows = (
        select(planned_rows.c.line, students.c.name, planned_rows.c.name)
        .join(students, students.c.id == planned_rows.c.student_id)
        .where(condition)
    )
    return row_batches(session, rows, BATCH)


def _names_of_several(import_id: int) -> Select[str]:
    """Select the names, without case, that rows have whose students have different names, or are new."""
    row = planned_rows.alias("row")
    doubtful = or_(row.c.reason.is_not(None), row.c.verdict == "insert")
    stored = func.coalesce(func.lower(students.c.name), "")
    return (
        select(func.lower(row.c.name))
        .outerjoin(students, students.c.id == row.c.student_id)
        .where(of_sheet(row, import_id), doubtful)
        .group_by(func.lower(row.c.name))
        .having(func.count(stored.distinct()) > 1)
    )
