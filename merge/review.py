"""Rows whose student somebody has to confirm: held for review, explained, confirmed. Apply passes them by until then."""

from collections.abc import Collection
from enum import StrEnum
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, func, literal, null, or_, select, update
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge.decisions import lock_preview
from merge.door import count_rows
from models import Import, planned_rows
from words import later

HOLDABLE = ("insert", "update")
# How many lines one statement names at most: databases bound the values of a statement.
LINES_AT_ONCE = 10_000


class ReviewReason(StrEnum):
    """Why a row may mean another student than it seems to."""

    NO_NAME = "no-name"
    OTHER_NAME = "other-name"
    OTHER_SPELLING = "other-spelling"
    """The name is the stored one, spelled otherwise: such a row needs no review."""
    OTHER_ACCENTS = "other-accents"
    """The name is the stored one, but for accents or such signs: such a row is held only if somebody else has that very name."""
    OTHER_STUDENT = "other-student"
    OTHER_ROW = "other-row"
    SEVERAL = "several"
    ALIKE = "alike"
    INITIAL = "initial"
    REPEATED = "repeated"
    TAKEN = "taken"
    ADDED_SINCE = "added-since"
    MERGED_SINCE = "merged-since"
    SAME_NAME = "same-name"
    FORMER_ID = "former-id"
    HIGH_ID = "high-id"
    MERGED_ID = "merged-id"


CHOICES = (ReviewReason.SEVERAL, ReviewReason.ALIKE, ReviewReason.REPEATED, ReviewReason.TAKEN)
"""Somebody has to choose which student is meant: to confirm such rows all at once would be a guess."""

SENTENCES = {
    ReviewReason.SEVERAL: later("Several students match. Choose one, or add a new student."),
    ReviewReason.ALIKE: later("Student %(related)s has a similar name. Choose that student or a new one."),
    ReviewReason.INITIAL: later(
        "This name has an initial, so the student may be stored with the whole name. Confirm the row if it is a new student."
    ),
    ReviewReason.REPEATED: later("Line %(related)s can mean the same student. Choose which student each is about."),
    ReviewReason.TAKEN: later(
        "Student %(related)s, who also matches, was added after the preview. Choose the student for this row."
    ),
    ReviewReason.ADDED_SINCE: later(
        "Student %(related)s, who has this name, was added after the preview. Confirm the row if it is about a different person."
    ),
    ReviewReason.MERGED_SINCE: later(
        "This student was merged into student %(related)s after the preview. Confirm the row if it is about that student."
    ),
    ReviewReason.NO_NAME: later("This does not look like a name. Confirm the row if it is a student’s name."),
    **dict.fromkeys((ReviewReason.OTHER_SPELLING, ReviewReason.OTHER_ACCENTS), later("Only the spelling of the name differs.")),
    ReviewReason.OTHER_NAME: later("The sheet has a different name for this student. Confirm the row if it is the same person."),
    ReviewReason.OTHER_STUDENT: later("In Rollbook this is the name of student %(related)s. The IDs may be mixed up."),
    ReviewReason.SAME_NAME: later("Student %(related)s has this name. Confirm the row if it is about a different person."),
    ReviewReason.FORMER_ID: later(
        "This ID was a student's who was deleted. Confirm the row if they are one person. Otherwise, give the row another ID."
    ),
    ReviewReason.MERGED_ID: later(
        "Line %(related)s is about the same student: the sheet has both IDs of records that were merged. Confirm one of the rows."
    ),
    ReviewReason.HIGH_ID: later("This ID is far higher than all others. Confirm the row if it is right."),
}


UNNAMED = {
    ReviewReason.OTHER_STUDENT: later("In Rollbook this is another student’s name. The IDs may be mixed up."),
    ReviewReason.OTHER_ROW: later("Another row of the sheet has this name too. The IDs may be mixed up."),
}


def sentence(reason: str, related: int | None) -> str:
    """Say why a row needs review, naming the other student or line where that is known."""
    said = (UNNAMED if related is None and reason in UNNAMED else SENTENCES)[ReviewReason(reason)]
    return said % {"related": related}


def hold_for_review(
    session: Session,
    import_id: int,
    condition: ColumnElement[bool],
    reason: ReviewReason,
    related: ColumnElement[int] | None = None,
    **more: Any,
) -> int:
    """Keep the planned rows that meet the condition from being applied until somebody has confirmed them, and count them.

    One that needs review already keeps what it does, and gets this reason. Does not commit.
    """
    held = and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict.in_((*HOLDABLE, "review")), condition)
    values = {
        "verdict": literal("review"),
        "action": func.coalesce(planned_rows.c.action, planned_rows.c.verdict),
        "reason": literal(reason.value),
        "related": null() if related is None else related,
        **more,
    }
    return count_rows(session, update(planned_rows).where(held).values(**values))


def confirm(session: Session, import_id: int, lines: Collection[int] | None, actor: str, *, version: int | None) -> int:
    """Let the rows on these lines, or all that need review, be applied as planned; commit and give their number.

    A line that needs no review is passed by, and so is one for which somebody has to choose a student.
    Raises WrongState unless the import is ready as it was shown at that version.
    """
    import_ = lock_preview(session, import_id, version)
    shown = sorted(set(lines or ()))
    parts = [shown[start : start + LINES_AT_ONCE] for start in range(0, len(shown), LINES_AT_ONCE)]
    confirmed = sum(_confirm(session, import_, part) for part in ([None] if lines is None else parts))
    if confirmed:
        audit.add(session, Act.ROWS_CONFIRMED, f"import {import_id}", actor=actor, rows=confirmed)
    session.commit()
    return confirmed


def needs_review(import_id: int) -> ColumnElement[bool]:
    """Keep an import's rows that somebody has to confirm."""
    return and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict == "review")


def is_choice(rows: FromClause = planned_rows) -> ColumnElement[bool]:
    """Keep the rows for which somebody has to choose a student, or has chosen one: they keep their reason."""
    return func.coalesce(rows.c.reason, "").in_([reason.value for reason in CHOICES])


def release(session: Session, import_id: int, lines: Collection[int], reason: ReviewReason) -> None:
    """Let rows be applied that need no review after all, for a reason. Does not commit."""
    released = update(planned_rows).where(needs_review(import_id), planned_rows.c.line.in_(lines))
    values = {"verdict": planned_rows.c.action, "reason": reason.value}
    session.execute(released.values(**values), execution_options={"synchronize_session": False})


def _first_lines(import_id: int, rows: list[ColumnElement[bool]]) -> Select[int]:
    """Select the first of these lines for each student of merged records, unless one that means them is confirmed already."""
    merged = (*rows, planned_rows.c.reason == ReviewReason.MERGED_ID.value)
    confirmed = planned_rows.alias("confirmed")
    done = select(confirmed.c.student_id).where(
        confirmed.c.import_id == import_id,
        confirmed.c.verdict.in_(HOLDABLE),
        confirmed.c.reason == ReviewReason.MERGED_ID.value,
    )
    first = select(func.min(planned_rows.c.line)).where(*merged, planned_rows.c.student_id.not_in(done))
    return first.group_by(planned_rows.c.student_id)


def _confirm(session: Session, import_: Import, lines: Collection[int] | None) -> int:
    rows = [needs_review(import_.id), ~is_choice()]
    if lines is not None:
        rows.append(planned_rows.c.line.in_(lines))
    first = _first_lines(import_.id, rows)
    rows.append(or_(planned_rows.c.reason != ReviewReason.MERGED_ID.value, planned_rows.c.line.in_(first)))
    numbers = select(planned_rows.c.action, func.count()).where(*rows).group_by(planned_rows.c.action)
    confirmed = {action: number for action, number in session.execute(numbers)}
    moved = update(planned_rows).where(*rows).values(verdict=planned_rows.c.action)
    session.execute(moved, execution_options={"synchronize_session": False})
    import_.inserts += confirmed.get("insert", 0)
    import_.updates += confirmed.get("update", 0)
    import_.reviews -= sum(confirmed.values())
    return sum(confirmed.values())
