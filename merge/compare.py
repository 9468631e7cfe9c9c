"""Turn a staged sheet into the changes it would make, without making them. Set-based, and one text for both databases."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Label,
    Select,
    and_,
    delete,
    exists,
    false,
    func,
    insert,
    literal,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Session

from merge.columns import KEY, NAME, VALUES
from merge.former_ids import hold_reused
from merge.match import accepted, doubts, find_by_name, hold_without_name, judge, reject_repeated_ids
from merge.merged_ids import resolve_staged
from merge.problems import problem_text
from merge.review import ReviewReason, hold_for_review
from merge.slices import line_slices
from models import merged_ids, planned_rows, revisions, staged_rows, students

Advance = Callable[[float], None]
"""Told what share of the step is done."""
# Of a comparison's time, about this share has passed when the rows are planned (measured at a million rows).
PLANNING_SHARE = 0.9


@dataclass(frozen=True)
class Counts:
    """How many rows of the sheet got each verdict."""

    inserts: int
    updates: int
    deletes: int
    unchanged: int
    rejected: int
    reviews: int = 0

    @property
    def change_nothing(self) -> bool:
        """Tell whether every row could be read and says what is stored already."""
        return not (self.inserts or self.updates or self.deletes or self.rejected or self.reviews)


def compare(
    session: Session,
    import_id: int,
    columns: set[str],
    *,
    blank_clears: bool,
    by_name: bool,
    may_repeat: bool,
    advance: Advance,
    named: bool = True,
) -> Counts:
    """Plan the import of the staged rows from the sheet's columns, and count the verdicts. Does not commit at the end.

    `named` says that a name tells which student a row means, and is no value that somebody wants students to have.
    """
    discard_plan(session, import_id)
    merged = False
    if by_name:
        find_by_name(session, import_id)
    elif may_repeat:
        reject_repeated_ids(session, import_id)
    if not by_name:
        merged = resolve_staged(session, import_id)
    if not columns.issuperset(column.name for column in VALUES if column.required):
        _reject_nameless(session, import_id)
    judged = named and not by_name and NAME.name in columns
    verdict = doubts(session, judged=judged)
    # On SQLite everybody else can write in between; PostgreSQL joins best in large pieces.
    larger = 1 if session.get_bind().dialect.name == "sqlite" else 20
    for lines, share in line_slices(session, import_id, staged_rows.c.line, larger):
        plan = _plan(import_id, columns, verdict, blank_clears=blank_clears).where(lines)
        session.execute(insert(planned_rows).from_select([c.name for c in plan.selected_columns], plan))
        advance(share * PLANNING_SHARE if judged else share)
    hold_reused(session, import_id)
    if named:
        hold_without_name(session, import_id)
    if judged:
        judge(session, import_id, lambda: advance(PLANNING_SHARE))
    if merged:
        _hold_both(session, import_id)
    return count_verdicts(session, import_id)


def count_planned(session: Session, import_id: int) -> dict[str, int]:
    """Count the rows that are still to be written or need review, by verdict."""
    counts = (
        select(planned_rows.c.verdict, func.count())
        .where(planned_rows.c.import_id == import_id, planned_rows.c.verdict != "conflict")
        .group_by(planned_rows.c.verdict)
    )
    return {verdict: number for verdict, number in session.execute(counts)}


def discard_plan(session: Session, import_id: int) -> None:
    session.execute(delete(planned_rows).where(planned_rows.c.import_id == import_id))


def plan_deletions(session: Session, import_id: int) -> Counts:
    """Plan to delete each staged student who is still there, as they now stand. Does not commit."""
    discard_plan(session, import_id)
    plan = (
        select(
            staged_rows.c.import_id,
            literal("delete").label("verdict"),
            staged_rows.c.line,
            staged_rows.c.student_id,
            students.c.version.label("base_version"),
            *(students.c[column.name] for column in VALUES),
        )
        .join(students, students.c.id == staged_rows.c.student_id)
        .where(accepted(import_id))
    )
    session.execute(insert(planned_rows).from_select([c.name for c in plan.selected_columns], plan))
    return count_verdicts(session, import_id)


def _plan(import_id: int, columns: set[str], verdict: Sequence[Label[Any]], *, blank_clears: bool) -> Select[Any]:
    """Select each row that would change a student, as the student will stand afterwards, with the version it is based on."""
    after = {
        column.name: _after(column.name, columns, clears=blank_clears and not column.required).label(column.name)
        for column in VALUES
    }
    differs = or_(false(), *(after[name].is_distinct_from(students.c[name]) for name in after if name in columns))
    gone = _gone()
    return (
        select(
            staged_rows.c.import_id,
            *verdict,
            staged_rows.c.line,
            staged_rows.c.student_id,
            func.coalesce(students.c.version, gone.c.version, 0).label("base_version"),
            *after.values(),
        )
        .select_from(staged_rows)
        .outerjoin(students, students.c.id == staged_rows.c.student_id)
        .outerjoin(gone, gone.c.student_id == staged_rows.c.student_id)
        .where(accepted(import_id), or_(students.c.id.is_(None), differs))
    )


def _after(name: str, columns: set[str], *, clears: bool) -> ColumnElement[Any]:
    if name not in columns:
        return students.c[name]
    return staged_rows.c[name] if clears else func.coalesce(staged_rows.c[name], students.c[name])


def _gone() -> Any:
    """Give each deleted student's last version: one that comes back goes on from there."""
    return (
        select(revisions.c.student_id, func.max(revisions.c.version).label("version"))
        .where(revisions.c.deleted)
        .group_by(revisions.c.student_id)
        .subquery("gone")
    )


def _hold_both(session: Session, import_id: int) -> None:
    """Let somebody say which row is right where two have the ids of records that were merged."""
    other = staged_rows.alias("other")
    same = (other.c.import_id == import_id, other.c.student_id == planned_rows.c.student_id, other.c.problems.is_(None))
    line = select(func.min(other.c.line)).where(*same, other.c.line != planned_rows.c.line).scalar_subquery()
    survivors = select(merged_ids.c.survivor_id).where(merged_ids.c.split_by.is_(None))
    both = and_(planned_rows.c.student_id.in_(survivors), line.is_not(None))
    hold_for_review(session, import_id, both, ReviewReason.MERGED_ID, line)


def _reject_nameless(session: Session, import_id: int) -> None:
    known = exists().where(students.c.id == staged_rows.c.student_id)
    problem = problem_text(KEY.name, "nameless", text=staged_rows.c.student_id)
    session.execute(update(staged_rows).values(problems=problem).where(accepted(import_id), ~known))


def count_verdicts(session: Session, import_id: int) -> Counts:
    planned = count_planned(session, import_id)
    usable = session.scalar(select(func.count()).select_from(staged_rows).where(accepted(import_id))) or 0
    rows = session.scalar(select(func.count()).select_from(staged_rows).where(staged_rows.c.import_id == import_id)) or 0
    inserts, updates, deletes, reviews = (planned.get(verdict, 0) for verdict in ("insert", "update", "delete", "review"))
    return Counts(inserts, updates, deletes, usable - sum(planned.values()), rows - usable, reviews)
