"""Check on a living database that every promise is kept: the rows, their revisions, the changes and the imports agree."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from merge.columns import NAME, VALUES
from merge.imports.claims import is_emptied
from merge.merged_ids import unsound
from merge.search import count_indexed
from models import Change, Import, planned_rows, revisions, students

SHOWN = 10
STATES = ("uploaded", "reading", "ready", "applying", "applied", "undoing", "undone", "failed", "cancelled")
later = revisions.alias("later")


@dataclass(frozen=True)
class Finding:
    """A promise, in how many places it is broken, and the first of those: ids of students, or else of imports."""

    promise: str
    broken: int
    first: list[int]


def verify(session: Session) -> Iterator[Finding]:
    """Check one promise after the other, each by one statement over the table; none is changed."""
    for promise, broken in PROMISES.items():
        rows = broken().subquery()
        number = session.scalar(select(func.count()).select_from(rows)) or 0
        first = session.scalars(select(rows.c[0]).order_by(rows.c[0]).limit(SHOWN)) if number else ()
        yield Finding(promise, number, list(first))
    yield Finding("search knows everybody by their name", *_unknown_to_search(session))


def _unlike_their_revision() -> Select[Any]:
    equal = [students.c[column.name].is_not_distinct_from(revisions.c[column.name]) for column in VALUES]
    same = and_(revisions.c.student_id == students.c.id, revisions.c.version == students.c.version, ~revisions.c.deleted, *equal)
    return select(students.c.id).outerjoin(revisions, same).where(revisions.c.student_id.is_(None))


def _behind_their_revisions() -> Select[Any]:
    newer = and_(later.c.student_id == students.c.id, later.c.version == students.c.version + 1)
    return select(students.c.id).join(later, newer)


def _without_a_student() -> Select[Any]:
    next_ = and_(later.c.student_id == revisions.c.student_id, later.c.version == revisions.c.version + 1)
    sources = revisions.outerjoin(later, next_).outerjoin(students, students.c.id == revisions.c.student_id)
    newest = and_(later.c.student_id.is_(None), ~revisions.c.deleted)
    return select(revisions.c.student_id).select_from(sources).where(newest, students.c.id.is_(None))


def _with_gaps() -> Select[Any]:
    first, last = func.min(revisions.c.version), func.max(revisions.c.version)
    gap = or_(first != 1, last != func.count())
    return select(revisions.c.student_id).group_by(revisions.c.student_id).having(gap)


def _of_no_change() -> Select[Any]:
    changes = Change.__table__
    return select(revisions.c.student_id).outerjoin(changes, changes.c.id == revisions.c.change_id).where(changes.c.id.is_(None))


def _in_no_state() -> Select[Any]:
    done = Import.state.in_(("applied", "undone"))
    without_change = ~select(Change.id).where(Change.id == Import.change_id).exists()
    counted = _planned() + Import.unchanged + Import.rejected + Import.conflicts + Import.reviews + Import.omitted
    miscounted = and_(Import.state.in_(("ready", "applied")), counted != Import.rows)
    changed = _planned() > 0
    return select(Import.id).where(or_(Import.state.not_in(STATES), and_(done, changed, without_change), miscounted))


def _without_their_plan() -> Select[Any]:
    plans = select(planned_rows.c.import_id, func.count().label("number")).group_by(planned_rows.c.import_id).subquery("plans")
    planned = func.coalesce(plans.c.number, 0)
    return (
        select(Import.id)
        .outerjoin(plans, plans.c.import_id == Import.id)
        .where(Import.state == "ready", _planned() + Import.reviews + Import.omitted != planned, ~is_emptied())
    )


def _erased_in_part() -> Select[Any]:
    """Every student has a name; who was erased has no value at all, in no version."""
    filled = or_(~revisions.c.deleted, *(revisions.c[column.name].is_not(None) for column in VALUES))
    return select(revisions.c.student_id).where(revisions.c[NAME.name].is_(None), filled)


def _planned() -> ColumnElement[int]:
    return Import.inserts + Import.updates + Import.deletes


PROMISES = {
    "every student stands as the revision of the same version says": _unlike_their_revision,
    "no student is behind a newer revision": _behind_their_revisions,
    "whoever was not deleted is there": _without_a_student,
    "the versions of each student have no gap": _with_gaps,
    "every revision belongs to a change that says who made it": _of_no_change,
    "every import is in a state that it can be in": _in_no_state,
    "every preview has the rows that it counts": _without_their_plan,
    "of whoever was erased nothing is left": _erased_in_part,
    "every merged ID leads to one student": unsound,
}


def _unknown_to_search(session: Session) -> tuple[int, list[int]]:
    """SQLite's index holds no names that could be read: it tells how many it has, not of whom."""
    missing = 0
    if session.get_bind().dialect.name == "sqlite":
        missing = abs((session.scalar(select(func.count()).select_from(students)) or 0) - count_indexed(session))
    folded = func.fold_name(students.c[NAME.name])
    outdated = or_(students.c.folded.is_distinct_from(folded), students.c.name_key.is_distinct_from(func.name_key(folded)))
    unknown = session.scalars(select(students.c.id).where(outdated).order_by(students.c.id)).all()
    return len(unknown) + missing, list(unknown[:SHOWN])
