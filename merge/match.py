"""Doubt which student a row means that has found one by ID, but has another name; or that is new, and has a stored one."""

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Label, and_, case, exists, func, null, or_, select, update
from sqlalchemy.orm import Session

from merge.accents import differing, hold_accented, hold_named_as_others
from merge.columns import KEY
from merge.find import NEW, NEW_ONCE_CONFIRMED, namesakes_of, note_namesakes
from merge.fold import fold_name
from merge.identity import same_person, turned
from merge.problems import problem_text
from merge.review import ReviewReason, hold_for_review, needs_review, release
from merge.search import folded, key_of
from merge.staged import accepted, of_sheet
from models import planned_rows, staged_rows, students

Report = Callable[[], None]
others = students.alias("others")
# What people type into the cell of a name where there is none: a word for nothing, or no letter at all.
NOTHING = ("null", "nil", "none", "n/a", "na", "n.a.", "nan", "tba", "tbd", "unknown", "undefined", "x", "xx", "xxx")
SIGNS = "-–—?!.,;:_*#/+=~ 0123456789"


def reject_repeated_ids(session: Session, import_id: int) -> None:
    """Reject each row whose ID another row has too, also where that one has a problem of its own."""
    key = staged_rows.c.student_id
    twice = (
        select(key.label("key"), func.min(staged_rows.c.line).label("first"), func.max(staged_rows.c.line).label("last"))
        .where(staged_rows.c.import_id == import_id, key.is_not(None))
        .group_by(key)
        .having(func.count() > 1)
        .subquery("twice")
    )
    text = problem_text(KEY.name, "twice", text=key, first=twice.c.first, last=twice.c.last)
    session.execute(update(staged_rows).values(problems=text).where(accepted(import_id), key == twice.c.key))


def doubts(session: Session, *, judged: bool) -> list[Label[Any]]:
    """Give a planned row's verdict, and why it needs review: reason, action and related.

    Where the rows are judged, they have found their students by ID, and have names: one that is not the stored name,
    but for case and accents, or that is another student's to the letter, needs review.
    """
    is_new = students.c.id.is_(None)
    reason = case((is_new, null()), else_=_doubt_of_stored(session)) if judged else null()
    action = case((is_new, "insert"), else_="update")
    doubted = reason != ReviewReason.OTHER_ACCENTS.value
    return [
        case((doubted, "review"), else_=action).label("verdict"),
        reason.label("reason"),
        case((doubted, action)).label("action"),
        (case((students.c.name != staged_rows.c.name, _other_of_the_name())) if judged else null()).label("related"),
    ]


def hold_without_name(session: Session, import_id: int) -> None:
    """Hold new students who have for a name what people type where there is none. Does not commit."""
    name = planned_rows.c.name
    nothing = or_(func.lower(name).in_(NOTHING), func.trim(name, SIGNS) == "")
    hold_for_review(session, import_id, and_(planned_rows.c.verdict == "insert", nothing), ReviewReason.NO_NAME)


def judge(session: Session, import_id: int, report: Report) -> None:
    """Settle the doubts that the plan was made with, and find those that show only beside other rows. Does not commit.

    Rows that differ in spelling only need no review, unless their name is another student's but for case and accents,
    or another row's. A new student with the name of one who is not in the sheet may be that one, under another number.
    """
    another = and_(needs_review(import_id), planned_rows.c.reason == ReviewReason.OTHER_NAME.value)
    spelled = sum(_release_spellings(session, import_id, batch, report) for batch in differing(session, another))
    if spelled:
        _hold_of_others(session, import_id)
    hold_accented(session, import_id)
    hold_of_absent(session, import_id)


def hold_of_absent(session: Session, import_id: int, reason: ReviewReason = ReviewReason.SAME_NAME) -> None:
    """Hold new students who have the name of a student whom no row of the sheet is about without a doubt. Does not commit."""
    found = namesakes_of(session, import_id, or_(NEW, NEW_ONCE_CONFIRMED))
    if not note_namesakes(session, import_id, found):
        return
    key = key_of(session, planned_rows.c.name)
    new = and_(planned_rows.c.import_id == import_id, planned_rows.c.verdict == "insert", planned_rows.c.namesakes > 0)
    row = select(planned_rows.c.line, key.label("name_key")).where(new).subquery("row")
    rows = select(staged_rows.c.student_id).where(of_sheet(staged_rows, import_id), staged_rows.c.student_id.is_not(None))
    doubted = select(planned_rows.c.student_id).where(needs_review(import_id))
    named = rows.except_(doubted).subquery("named")
    absent = select(others.c.id).where(others.c.name_key.in_(select(row.c.name_key))).except_(select(named.c.student_id))
    of_absent = (
        select(row.c.line, func.min(others.c.id).label("student_id"))
        .where(row.c.name_key == others.c.name_key, others.c.id.in_(absent))
        .group_by(row.c.line)
        .subquery("found")
    )
    hold_for_review(session, import_id, planned_rows.c.line == of_absent.c.line, reason, of_absent.c.student_id)


def _doubt_of_stored(session: Session) -> ColumnElement[str | None]:
    stored, name = students.c.name, staged_rows.c.name
    return case(
        (or_(name.is_(None), stored == name), null()),
        (exists().where(others.c.name == name, others.c.id != students.c.id), ReviewReason.OTHER_STUDENT.value),
        (
            students.c.folded == folded(session, name),
            case((func.lower(stored) != func.lower(name), ReviewReason.OTHER_ACCENTS.value)),
        ),
        else_=ReviewReason.OTHER_NAME.value,
    )


def _other_of_the_name() -> ColumnElement[int | None]:
    same = and_(others.c.name == staged_rows.c.name, others.c.id != students.c.id)
    return select(func.min(others.c.id)).where(same).correlate(students, staged_rows).scalar_subquery()


def _release_spellings(session: Session, import_id: int, batch: Sequence[Any], report: Report) -> int:
    """Let rows be applied whose name is their student's in another spelling, unless it is another student's; count them."""
    same = [(line, stored, name) for line, stored, name in batch if same_person(stored, name, by_id=True)]
    taken = _turned_to_others(session, same)
    of_others = hold_named_as_others(session, import_id, same)
    lines = [line for line, _, name in same if name not in taken and line not in of_others]
    if lines:
        release(session, import_id, lines, ReviewReason.OTHER_SPELLING)
    report()
    return len(lines)


def _turned_to_others(session: Session, rows: Sequence[Any]) -> set[str]:
    """Find the names that are not their own student's turned round, but another one's: of twins with the same parts, say."""
    unlike = [name for _, stored, name in rows if fold_name(stored) not in map(fold_name, turned(name))]
    spellings = {spelling: name for name in unlike for spelling in turned(name)}
    found = session.scalars(select(students.c.name).where(students.c.name.in_(spellings))) if spellings else ()
    return {spellings[name] for name in found}


def _hold_of_others(session: Session, import_id: int) -> None:
    """Hold the rows that differ in spelling, but whose name is another student's but for that, or another row's."""
    row = planned_rows.alias("row")
    spelled = (row.c.import_id == import_id, row.c.verdict == "update", row.c.reason == ReviewReason.OTHER_SPELLING.value)
    fold, names = folded(session, row.c.name), select(row.c.name).where(*spelled)
    # Of their own student it is not the name, or nothing would have been to be settled.
    students_names = select(others.c.folded).where(others.c.folded.in_(select(fold).where(*spelled)))
    # Two students of one name are told apart by their ids, and two whom one spelling fits are not.
    stored = func.coalesce(others.c.folded, "")
    rows_names = (
        select(staged_rows.c.name)
        .outerjoin(others, others.c.id == staged_rows.c.student_id)
        .where(of_sheet(staged_rows, import_id), staged_rows.c.name.in_(names))
        .group_by(staged_rows.c.name)
        .having(func.count(stored.distinct()) > 1)
    )
    for reason, name, taken in (
        (ReviewReason.OTHER_STUDENT, folded(session, planned_rows.c.name), students_names),
        (ReviewReason.OTHER_ROW, planned_rows.c.name, rows_names),
    ):
        held = and_(planned_rows.c.reason == ReviewReason.OTHER_SPELLING.value, name.in_(taken))
        hold_for_review(session, import_id, held, reason)
