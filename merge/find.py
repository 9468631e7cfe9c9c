"""Find the students whom rows mean by what they have in common, such as a name; where several may be meant, somebody chooses."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import CTE, ColumnElement, Subquery, and_, column, func, literal, or_, select, true, union_all, update, values
from sqlalchemy.orm import Session

from merge.columns import NAME
from merge.door import count_rows
from merge.ids import give_ids
from merge.matching import Match
from merge.problems import problem_text
from merge.review import ReviewReason, hold_for_review
from merge.search import key_of
from merge.staged import accepted, of_sheet, same_line
from models import planned_rows, staged_rows, students

KEYLESS = "keyless"
NEW = planned_rows.c.verdict == "insert"
NEW_ONCE_CONFIRMED = and_(planned_rows.c.verdict == "review", planned_rows.c.action == "insert")
others = students.alias("others")


def find_students(session: Session, import_id: int, match: Match) -> None:
    """Give each row the one student whom it can mean, and an id for a new one to each other row. Does not commit.

    A row that shares what it is matched by with another row, or that can mean several students, gets an id of its own, too.
    """
    found = (
        select(staged_rows.c.line, func.min(students.c.id).label("student_id"))
        .join(students, match.finds())
        .where(accepted(import_id))
        .group_by(staged_rows.c.line)
        .having(func.count() == 1)
        .subquery("found")
    )
    _reject_keyless(session, import_id, match)
    mine, twice = accepted(import_id), _repeated(import_id, match)
    update_staged(session, mine, staged_rows.c.line == found.c.line, student_id=found.c.student_id)
    update_staged(session, mine, _is_repeated(match, twice), student_id=None)
    give_ids(session, import_id)


def hold_ambiguous(session: Session, import_id: int, match: Match) -> None:
    """Hold the planned rows that can mean several students, or whose key another row has, until somebody chooses."""
    twice = _repeated(import_id, match)
    lines = select(staged_rows.c.line, twice.c.first, twice.c.last).where(accepted(import_id), _is_repeated(match, twice))
    repeated = lines.subquery("repeated")
    hold_for_review(session, import_id, planned_rows.c.line == repeated.c.line, ReviewReason.REPEATED, other_line(repeated))
    found = candidates_of(import_id, match, or_(NEW, planned_rows.c.verdict == "review"))
    several = and_(NEW, planned_rows.c.line == found.c.line)
    hold_for_review(session, import_id, several, ReviewReason.SEVERAL, found.c.first)
    note_namesakes(session, import_id, found)


def candidates_of(import_id: int, match: Match, rows: ColumnElement[bool]) -> Subquery:
    """Select how many students each of the planned rows can mean beside its own, and the first and the last of them.

    A row that can mean no other is left out.
    """
    return (
        select(
            planned_rows.c.line,
            func.count().label("number"),
            func.min(students.c.id).label("first"),
            func.max(students.c.id).label("last"),
        )
        .join(staged_rows, same_line())
        .join(students, and_(match.finds(), students.c.id != planned_rows.c.student_id))
        .where(planned_rows.c.import_id == import_id, rows)
        .group_by(planned_rows.c.line)
        .subquery("candidates")
    )


def namesakes_of(session: Session, import_id: int, rows: ColumnElement[bool]) -> Subquery:
    """Select how many students have the name that each of the planned rows has, and the first and the last of them.

    A row whose name no other student has is left out.
    """
    new = (
        select(planned_rows.c.line, planned_rows.c.student_id, key_of(session, planned_rows.c[NAME.name]).label("name_key"))
        .where(planned_rows.c.import_id == import_id, rows)
        .subquery("new")
    )
    return (
        select(
            new.c.line, func.count().label("number"), func.min(others.c.id).label("first"), func.max(others.c.id).label("last")
        )
        .join(others, and_(others.c.name_key == new.c.name_key, others.c.id != new.c.student_id))
        .group_by(new.c.line)
        .subquery("namesakes")
    )


def others_of(session: Session, import_id: int, match: Match, rows: ColumnElement[bool], *, named: bool) -> Subquery:
    """Select how many other students each of the planned rows can mean: by what it is matched by, and by its name if it is new.

    These are the very students that are noted when rows are compared; `found` of them are found by what rows are matched by.
    """
    kinds = []
    if not match.by_id:
        by_key = candidates_of(import_id, match, rows)
        kinds.append(select(by_key, by_key.c.number.label("found")))
    if named and match.columns != (NAME,):
        by_name = namesakes_of(session, import_id, and_(rows, or_(NEW, NEW_ONCE_CONFIRMED)))
        kinds.append(select(by_name, literal(0).label("found")))
    each = union_all(*kinds).subquery("each")
    number, first, last = func.sum(each.c.number), func.min(each.c.first), func.max(each.c.last)
    labelled = (number.label("number"), first.label("first"), last.label("last"), func.sum(each.c.found).label("found"))
    return select(each.c.line, *labelled).group_by(each.c.line).subquery("others_of")


def note_namesakes(session: Session, import_id: int, found: Subquery) -> int:
    """Add to how many other students rows could mean when they were compared, and count those rows. Does not commit."""
    mine = and_(planned_rows.c.import_id == import_id, planned_rows.c.line == found.c.line)
    number = func.coalesce(planned_rows.c.namesakes, 0) + found.c.number
    return count_rows(session, update(planned_rows).where(mine).values(namesakes=number))


def hold_shared(session: Session, import_id: int, reason: ReviewReason, rows: ColumnElement[bool] | None = None) -> None:
    """Hold the rows that mean the same student, or only some of them. Does not commit."""
    shared = (
        select(staged_rows.c.student_id, func.min(staged_rows.c.line).label("first"), func.max(staged_rows.c.line).label("last"))
        .where(accepted(import_id))
        .group_by(staged_rows.c.student_id)
        .having(func.count() > 1)
        .subquery("shared")
    )
    mine = and_(planned_rows.c.student_id == shared.c.student_id, true() if rows is None else rows)
    hold_for_review(session, import_id, mine, reason, other_line(shared))


def hold_initials(session: Session, import_id: int) -> None:
    """Hold new students whose name has an initial: they may be stored with the whole name. Does not commit."""
    initial = or_(*(staged_rows.c.name_key.like(pattern) for pattern in ("_ %", "% _", "% _ %")))
    lines = select(staged_rows.c.line).where(accepted(import_id), initial)
    hold_for_review(session, import_id, and_(NEW, planned_rows.c.line.in_(lines)), ReviewReason.INITIAL)


def hold_remarks(session: Session, import_id: int) -> None:
    """Hold new students whose name has a digit or such a sign: it may be a line about the sheet. Does not commit."""
    remark = or_(*(planned_rows.c[NAME.name].contains(sign, autoescape=True) for sign in "0123456789_:@"))
    hold_for_review(session, import_id, and_(NEW, remark), ReviewReason.NO_NAME)


def hold_related(session: Session, import_id: int, related: Mapping[int, int], reason: ReviewReason) -> int:
    """Hold the rows on these lines, each with the student whom it may mean, and count them. Does not commit."""
    if not related:
        return 0
    found = pairs(related)
    return hold_for_review(session, import_id, planned_rows.c.line == found.c.line, reason, found.c.student_id)


def other_line(shared: Subquery) -> ColumnElement[int]:
    """Give the first of the lines that have something in common, or the last for the planned row that is the first itself."""
    return func.coalesce(func.nullif(shared.c.first, planned_rows.c.line), shared.c.last)


def pairs(found: Mapping[int, int]) -> CTE:
    """Give lines with students' ids to one statement, which a batch of rows then needs instead of one each."""
    columns = (column("line", staged_rows.c.line.type), column("student_id", staged_rows.c.student_id.type))
    return values(*columns, name="pairs").data(list(found.items())).cte("found")


def update_staged(session: Session, *rows: ColumnElement[bool], **values: Any) -> None:
    """Set what of staged rows is found out about them. Does not commit."""
    session.execute(update(staged_rows).where(*rows).values(**values), execution_options={"synchronize_session": False})


def _reject_keyless(session: Session, import_id: int, match: Match) -> None:
    for matched, key in zip(match.columns, match.of_rows(), strict=True):
        update_staged(session, accepted(import_id), key.is_(None), problems=problem_text(matched.name, KEYLESS))


def _repeated(import_id: int, match: Match) -> Subquery:
    """Select what several rows of the sheet have in common, also where one of them has a problem, with the lines."""
    keys = [key.label(f"key_{place}") for place, key in enumerate(match.of_rows())]
    lines = (func.min(staged_rows.c.line).label("first"), func.max(staged_rows.c.line).label("last"))
    known = (key.is_not(None) for key in match.of_rows())
    repeated = (
        select(*keys, *lines).where(of_sheet(staged_rows, import_id), *known).group_by(*match.of_rows()).having(func.count() > 1)
    )
    return repeated.subquery("twice")


def _is_repeated(match: Match, twice: Subquery) -> ColumnElement[bool]:
    return and_(*(key == twice.c[f"key_{place}"] for place, key in enumerate(match.of_rows())))
