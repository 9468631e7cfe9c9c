"""Look again, as a sheet is applied, at what its rows' students were found by: since the preview others may have come or gone."""

from datetime import timedelta

from sqlalchemy import ColumnElement, Select, and_, exists, false, func, select
from sqlalchemy.orm import Session

from merge.columns import NAME
from merge.compare import Reading, replan
from merge.find import hold_shared, others_of
from merge.former_ids import hold_reused
from merge.merged_ids import resolve_staged
from merge.review import ReviewReason, hold_for_review
from merge.spellings import hold_added_since
from models import Change, Import, planned_rows, revisions, students

BATCH = 1_000
CLOCKS_DIFFER = timedelta(hours=1)
verdict, noted = planned_rows.c.verdict, planned_rows.c.namesakes


def recheck(session: Session, reading: Reading) -> bool:
    """Hold the planned rows whose match has become doubtful, and tell whether any row's plan has changed. Does not commit.

    Nobody else who changes many students does so meanwhile. What was confirmed stays so, as long as no more students can be
    meant than when it was compared.
    """
    changed = _follow_gone(session, reading)
    if not reading.match.by_id:
        changed |= _hold_ambiguous(session, reading, "update", ReviewReason.SEVERAL)
        changed |= _hold_ambiguous(session, reading, "insert", ReviewReason.TAKEN)
    if NAME.name in reading.columns and reading.match.columns != (NAME,):
        changed |= _hold_ambiguous(session, reading, "insert", ReviewReason.ADDED_SINCE, found=0)
    if reading.match.by_name:
        changed |= hold_added_since(session, reading.import_id, _since_preview(session, reading.import_id))
    return changed


def _follow_gone(session: Session, reading: Reading) -> bool:
    """Plan the rows anew whose student was deleted, erased or merged since: somebody says whether they mean the same person."""
    found = session.scalars(_of_gone(reading.import_id)).all()
    changed = bool(found)
    if changed:
        resolve_staged(session, reading.import_id)
    while found:
        replan(session, reading, found)
        here = planned_rows.c.line.in_(found)
        hold_for_review(
            session, reading.import_id, and_(here, verdict == "update"), ReviewReason.MERGED_SINCE, planned_rows.c.student_id
        )
        hold_reused(session, reading.import_id, here)
        hold_shared(session, reading.import_id, ReviewReason.MERGED_ID, here)
        found = session.scalars(_of_gone(reading.import_id)).all()
    return changed


def _since_preview(session: Session, import_id: int) -> ColumnElement[bool]:
    """Keep the revisions that were written since the sheet was uploaded, and some before: clocks differ."""
    shown = select(Import.at, Import.rest_of)
    at, rest_of = session.execute(shown.where(Import.id == import_id)).one()
    while before := session.execute(shown.where(Import.id == rest_of)).first():
        at, rest_of = before  # what is left of another import goes on with its preview
    first = session.scalar(select(func.min(Change.id)).where(Change.at >= at - CLOCKS_DIFFER))
    return false() if first is None else revisions.c.change_id >= first


def _of_gone(import_id: int) -> Select[int]:
    gone = and_(
        planned_rows.c.import_id == import_id, verdict == "update", ~exists().where(students.c.id == planned_rows.c.student_id)
    )
    return select(planned_rows.c.line).where(gone).order_by(planned_rows.c.line).limit(BATCH)


def _hold_ambiguous(session: Session, reading: Reading, planned: str, reason: ReviewReason, *, found: int = 1) -> bool:
    """Hold planned rows that can mean more students by now than they could, with at least so many found by what they match."""
    named = NAME.name in reading.columns
    others = others_of(session, reading.import_id, reading.match, verdict == planned, named=named)
    more = and_(others.c.number > func.coalesce(noted, 0), others.c.found >= found)
    here = and_(verdict == planned, planned_rows.c.line == others.c.line, more)
    return hold_for_review(session, reading.import_id, here, reason, others.c.last, namesakes=others.c.number) > 0
