"""Do what a compared sheet planned, and nothing else, in one transaction."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, exists, literal, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import Update

from merge.door import NAMES, REVISIONS_SHARE, enter_alone, let_students_follow, write_revisions
from merge.lease import Report
from merge.slices import line_slices
from models import planned_rows, revisions


@dataclass(frozen=True)
class Applied:
    """How many students were written, and how many rows were held back."""

    inserts: int
    updates: int
    deletes: int
    conflicts: int


def apply(session: Session, import_id: int, change_id: int, planned: int, report: Report) -> Applied:
    """Write the so many planned rows and their revisions as part of the change. Does not commit. Raises UnseenWrite.

    A row whose student was changed, made or deleted since the comparison is held back with the verdict "conflict".
    """
    enter_alone(session)
    rows = select(
        planned_rows.c.student_id,
        planned_rows.c.base_version + 1,
        literal(change_id),
        planned_rows.c.verdict == "delete",
        *(planned_rows.c[name] for name in NAMES),
    ).where(_to_write(import_id))
    number = 0
    for lines, share in line_slices(session, import_id, planned_rows.c.line):
        number += write_revisions(session, rows.where(lines))
        report(REVISIONS_SHARE * share)
    if number < planned:
        session.execute(_hold_back(import_id, change_id), execution_options={"synchronize_session": False})
    written = let_students_follow(session, change_id, number, report)
    return Applied(written.inserts, written.updates, written.deletes, planned - number)


def _to_write(import_id: int) -> ColumnElement[bool]:
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict.in_(("insert", "update", "delete")))


def _hold_back(import_id: int, change_id: int) -> Update:
    ours = exists().where(
        revisions.c.student_id == planned_rows.c.student_id,
        revisions.c.version == planned_rows.c.base_version + 1,
        revisions.c.change_id == change_id,
    )
    return update(planned_rows).values(verdict="conflict").where(_to_write(import_id), ~ours)
