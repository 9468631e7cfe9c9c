"""Ids that were somebody's who was deleted or erased: an id is one person's for ever, so whoever uses it again is asked."""

from collections.abc import Iterable

from sqlalchemy import ColumnElement, and_, delete, exists, select, true, update
from sqlalchemy.orm import Session

from merge.columns import KEY, NAME
from merge.history import Entry, newest_version, newest_versions
from merge.ids import unusual_above
from merge.problems import problem_text
from merge.review import ReviewReason, hold_for_review
from models import Change, planned_rows, revisions, staged_rows
from people import called
from words import _, moment

ERASED = "erased_id"


def former_owner(session: Session, student_id: int) -> Entry | None:
    """Give the last version of somebody who was deleted or erased; None for an id that a student has, or nobody had."""
    newest = newest_version(session, student_id)
    return newest if newest and newest.deleted else None


def said(student_id: int, owner: Entry) -> str:
    """Say whose the id was."""
    when = {"id": student_id, "when": moment(owner.at), "actor": called(owner.actor)}
    if owner.erased:
        return _("Student ID %(id)s belonged to a student who was erased %(when)s by %(actor)s. No one else can have it.", **when)
    return _("Student ID %(id)s was %(name)s, deleted %(when)s by %(actor)s.", name=owner.values[NAME.name], **when)


def owners_said(session: Session, student_ids: Iterable[int]) -> dict[int, str]:
    """Say it of several at once."""
    newest = newest_versions(session, student_ids)
    return {student_id: said(student_id, entry) for student_id, entry in newest.items() if entry.deleted}


def hold_reused(session: Session, import_id: int, rows: ColumnElement[bool] | None = None) -> None:
    """Keep planned rows from giving a deleted student's id to somebody unasked, and an erased one's at all. Does not commit.

    Nobody was deleted who only left as an import was undone: its sheet may be uploaded again, with the same names.
    """
    new = and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict == "insert", true() if rows is None else rows)
    reused = and_(new, planned_rows.c.base_version > 0)
    _reject_erased(session, import_id, reused)
    hold_for_review(session, import_id, and_(reused, ~_was_only_undone()), ReviewReason.FORMER_ID)
    if (bound := unusual_above(session, new)) is not None:
        hold_for_review(session, import_id, and_(new, planned_rows.c.student_id > bound), ReviewReason.HIGH_ID)


def _was_only_undone() -> ColumnElement[bool]:
    undone = exists().where(Change.id == revisions.c.change_id, Change.reason == "undo", Change.import_id.is_not(None))
    return exists().where(_last_version(), revisions.c[NAME.name] == planned_rows.c[NAME.name], undone)


def _last_version() -> ColumnElement[bool]:
    """The version of a deletion that a planned row follows."""
    return and_(revisions.c.student_id == planned_rows.c.student_id, revisions.c.version == planned_rows.c.base_version)


def _reject_erased(session: Session, import_id: int, reused: ColumnElement[bool]) -> None:
    """A version without a name is of somebody who was erased."""
    erased = and_(reused, exists().where(_last_version(), revisions.c[NAME.name].is_(None)))
    lines = staged_rows.c.line.in_(select(planned_rows.c.line).where(erased))
    problem = problem_text(KEY.name, ERASED, text=staged_rows.c.student_id)
    rejected = update(staged_rows).values(problems=problem).where(staged_rows.c.import_id == import_id, lines)
    session.execute(rejected, execution_options={"synchronize_session": False})
    session.execute(delete(planned_rows).where(erased), execution_options={"synchronize_session": False})
