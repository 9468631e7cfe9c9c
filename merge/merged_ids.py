"""Ids of records that were merged into another student's: where each leads, in one step, until the merge is undone."""

from sqlalchemy import ColumnElement, CursorResult, Select, delete, exists, insert, literal, select, union_all, update
from sqlalchemy.orm import Session

from merge.columns import NAME
from models import merged_ids, revisions, staged_rows, students

IN_FORCE = merged_ids.c.split_by.is_(None)
others, kept = merged_ids.alias("others"), revisions.alias("kept")


def survivor_of(session: Session, student_id: int) -> int | None:
    """Give the student that an id leads to since its record was merged; None for an id that leads nowhere else."""
    with session.no_autoflush:
        return session.scalar(select(merged_ids.c.survivor_id).where(merged_ids.c.student_id == student_id, IN_FORCE))


def ids_of(session: Session, student_id: int) -> list[int]:
    """Give the ids that lead to a student, lowest first."""
    leading = select(merged_ids.c.student_id).where(merged_ids.c.survivor_id == student_id, IN_FORCE)
    return list(session.scalars(leading.order_by(merged_ids.c.student_id)))


def all_ids(student_id: int) -> Select[int]:
    """Select a student's own id and those that lead to it."""
    leading = select(merged_ids.c.student_id).where(merged_ids.c.survivor_id == student_id, IN_FORCE)
    ids = union_all(select(literal(student_id, merged_ids.c.student_id.type).label("id")), leading).subquery("all_ids")
    return select(ids.c.id)


def leads_elsewhere(student_id: ColumnElement[int]) -> ColumnElement[bool]:
    """Tell an id of a record that was merged into a student of whom something is kept."""
    named = exists().where(kept.c.student_id == merged_ids.c.survivor_id, kept.c[NAME.name].is_not(None))
    return exists().where(merged_ids.c.student_id == student_id, IN_FORCE, named)


def lead(session: Session, student_id: int, into_id: int, change_id: int) -> None:
    """Have a record's id, and all that led to it, lead to another student. Does not commit."""
    session.execute(insert(merged_ids).values(change_id=change_id, student_id=student_id, into_id=into_id, survivor_id=into_id))
    _flatten(session, student_id, into_id)


def follow_undo(session: Session, change_id: int, by_change_id: int) -> None:
    """Have ids lead where they did before a change that is undone, if it was a merge or the undo of one. Does not commit."""
    merged = session.execute(select(merged_ids).where(merged_ids.c.change_id == change_id, IN_FORCE)).first()
    split = session.execute(select(merged_ids).where(merged_ids.c.split_by == change_id)).first()
    if merged:
        session.execute(update(merged_ids).where(merged_ids.c.change_id == change_id).values(split_by=by_change_id))
        _resolve(session, merged.survivor_id)
    if split:
        again = {"change_id": by_change_id, "survivor_id": split.into_id, "split_by": None}
        session.execute(update(merged_ids).where(merged_ids.c.split_by == change_id).values(**again))
        _flatten(session, split.student_id, split.into_id)


def forget(session: Session, student_id: int) -> None:
    """Drop what leads to a student who is erased with all of their records. Does not commit."""
    session.execute(delete(merged_ids).where(merged_ids.c.survivor_id == student_id))


def resolve_staged(session: Session, import_id: int) -> int:
    """Have a sheet's rows mean the students that their ids lead to, and count those rows. Does not commit."""
    if session.execute(select(merged_ids.c.student_id).where(IN_FORCE).limit(1)).first() is None:
        return 0
    led = update(staged_rows).values(student_id=merged_ids.c.survivor_id)
    led = led.where(staged_rows.c.import_id == import_id, staged_rows.c.student_id == merged_ids.c.student_id, IN_FORCE)
    result = session.execute(led, execution_options={"synchronize_session": False})
    assert isinstance(result, CursorResult)
    return result.rowcount


def unsound() -> Select[int]:
    """Select ids that lead nowhere, to themselves, or to one that leads on; and those of students who are there."""
    nowhere = ~exists().where(revisions.c.student_id == merged_ids.c.survivor_id)
    leads_on = exists().where(others.c.student_id == merged_ids.c.survivor_id, others.c.split_by.is_(None))
    is_there = exists().where(students.c.id == merged_ids.c.student_id)
    return select(merged_ids.c.student_id).where(IN_FORCE, nowhere | leads_on | is_there)


def _flatten(session: Session, student_id: int, survivor_id: int) -> None:
    led_here = update(merged_ids).where(merged_ids.c.survivor_id == student_id, IN_FORCE)
    session.execute(led_here.values(survivor_id=survivor_id))


def _resolve(session: Session, survivor_id: int) -> None:
    """Find anew where the ids lead that led to a student, of which one no longer does."""
    rows = session.execute(select(merged_ids).where(merged_ids.c.survivor_id == survivor_id, IN_FORCE)).all()
    into = {row.student_id: row.into_id for row in rows}
    for row in rows:
        end = row.into_id
        while end in into:
            end = into[end]
        session.execute(update(merged_ids).where(merged_ids.c.change_id == row.change_id).values(survivor_id=end))
