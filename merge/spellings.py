"""Find the students whom names mean that are spelled otherwise, and hold what only may be another spelling."""

from collections import defaultdict
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, exists, func, or_, select
from sqlalchemy.orm import Session

from merge.columns import NAME
from merge.find import NEW, NEW_ONCE_CONFIRMED, hold_related, hold_shared, other_line, pairs, update_staged
from merge.fold import HYPHENS, UNSEEN
from merge.identity import UMLAUTS, alike_keys, same_person, spelling_keys
from merge.matching import Match
from merge.review import ReviewReason, hold_for_review, is_choice
from merge.search import folded, has_sign
from merge.slices import row_batches
from merge.staged import of_sheet, same_line
from models import planned_rows, revisions, staged_rows, students

Replan = Callable[[Collection[int]], None]
"""Plan the rows on these lines anew, since they mean other students now."""
BATCH = 1_000


def settle_spellings(session: Session, import_id: int, match: Match, replan: Replan) -> None:
    """Find the students of rows whose name is written in other parts, such as Anna Lena for Anna-Lena. Does not commit.

    A new one whose name may only be another spelling of a stored one waits until somebody chooses.
    """
    settled, any_new = 0, import_id < 0
    for batch in _respellable(session, import_id, planned_rows.c.verdict.in_(("insert", "update"))):
        same, alike = spelled_otherwise(session, batch)
        clear = {line: min(ids) for line, ids in same.items() if len(ids) == 1 and match.columns == (NAME,)}
        if clear:
            _set_students(session, import_id, clear)
            replan(clear)
        unclear = {line: min(ids) for line, ids in same.items() if line not in clear}
        hold_related(session, import_id, unclear, ReviewReason.SEVERAL)
        hold_related(session, import_id, {line: min(ids) for line, ids in alike.items()}, ReviewReason.ALIKE)
        settled += len(clear)
        any_new = any_new or any(row.verdict == "insert" for row in batch)
    if settled or import_id < 0:  # a row that is compared again with a corrected one has its student already
        hold_shared(session, import_id, ReviewReason.REPEATED)
    if any_new:
        _hold_repeated(session, import_id)


def hold_added_since(session: Session, import_id: int, since: ColumnElement[bool]) -> bool:
    """Hold new rows whose name may be another spelling of a student's who was added or renamed by such changes; tell if any was.

    A row that somebody has chosen to be somebody new is left: they have seen who there was. Does not commit.
    """
    changed = _changed(since)
    number = func.length(_letters(students.c.name_key))
    named = select(number).join(revisions, revisions.c.student_id == students.c.id).where(changed)
    numbers = session.scalars(named.distinct()).all()
    if not numbers:
        return False
    shorter = {number - 1 for number in numbers}  # Håkon, whose key is hakon, may be stored as Haakon
    alike_long = func.length(_letters(staged_rows.c.name_key)).in_({*numbers, *shorter})
    held = 0
    for batch in _respellable(session, import_id, and_(NEW, ~is_choice(), alike_long)):
        of_changed = exists().where(revisions.c.student_id == students.c.id, changed)
        for doubted in spelled_otherwise(session, batch, of_changed):
            held += hold_related(session, import_id, {line: max(ids) for line, ids in doubted.items()}, ReviewReason.TAKEN)
    return held > 0


def spelled_otherwise(
    session: Session, batch: Sequence[Any], among: ColumnElement[bool] | None = None
) -> tuple[dict[int, set[int]], dict[int, set[int]]]:
    """Give by line the students whom a name can mean, and those whose name looks like it; nothing where it means its own."""
    keys = {row.line: spelling_keys(row.name) for row in batch}
    looks = {row.line: alike_keys(row.name) for row in batch}
    stored = _stored_under(session, set().union(*keys.values(), *looks.values()), among)
    same: dict[int, set[int]] = {}
    alike: dict[int, set[int]] = {}
    for row in batch:
        near = [about for key in keys[row.line] for about in stored.get(key, ())]
        ids = {student_id for student_id, name in near if same_person(name, row.name, by_id=False)}
        own = {row.student_id} if row.verdict == "update" else set()
        if ids - own:
            same[row.line] = ids | own
            continue
        seeming = {student_id for key in looks[row.line] for student_id, _ in stored.get(key, ())}
        if not own:  # Anna Lena is not Annalena, but may be stored so
            seeming |= {student_id for student_id, _ in near}
        if seeming - own:
            alike[row.line] = seeming | own
    return same, alike


def _stored_under(
    session: Session, keys: Collection[str], among: ColumnElement[bool] | None
) -> Mapping[str, Sequence[tuple[int, str]]]:
    """Give by key the students whose names have it: id and name."""
    found = select(students.c.id, students.c.name, students.c.name_key).where(students.c.name_key.in_(keys))
    stored = defaultdict[str, list[tuple[int, str]]](list)
    for student_id, name, key in session.execute(found if among is None else found.where(among)):
        stored[key].append((student_id, name))
    return stored


def _set_students(session: Session, import_id: int, clear: Mapping[int, int]) -> None:
    """Let the rows on these lines mean these students."""
    found = pairs(clear)
    here = and_(staged_rows.c.import_id == import_id, staged_rows.c.line == found.c.line)
    update_staged(session, here, student_id=found.c.student_id)


def _respellable(session: Session, import_id: int, planned: ColumnElement[bool]) -> Iterator[Sequence[Any]]:
    """Give the planned rows whose name can be spelled otherwise, a batch at a time: line, name, verdict, student's id."""
    name, key = staged_rows.c[NAME.name], staged_rows.c.name_key
    signs = has_sign(session, name, f"'’‘ʼʻ`´.‐–{UNSEEN}{HYPHENS}{UMLAUTS}{UMLAUTS.upper()}-")
    parted = or_(name.like("% % %"), signs, *(key.contains(letters) for letters in ("ae", "oe", "ue")))
    rows = (
        select(planned_rows.c.line, staged_rows.c[NAME.name], planned_rows.c.verdict, planned_rows.c.student_id)
        .join(staged_rows, same_line())
        .where(planned_rows.c.import_id == import_id, planned, parted)
    )
    return row_batches(session, rows, BATCH)


def _hold_repeated(session: Session, import_id: int) -> None:
    """Hold a new row whose name differs only in spelling from that of a new row before it."""
    written = folded(session, planned_rows.c.name)
    name = _letters(written, ".", ",", "-", "'")
    repeated = (
        select(name.label("name"), func.min(planned_rows.c.line).label("first"), func.max(planned_rows.c.line).label("last"))
        .where(of_sheet(planned_rows, import_id), or_(NEW, NEW_ONCE_CONFIRMED))
        .group_by(name)
        .having(func.min(written) != func.max(written))
        .subquery("repeated")
    )
    # A row that is compared again with a corrected one is held though it comes first.
    later = planned_rows.c.line > (0 if import_id < 0 else repeated.c.first)
    hold_for_review(session, import_id, and_(NEW, name == repeated.c.name, later), ReviewReason.REPEATED, other_line(repeated))


def _letters(name: ColumnElement[str], *signs: str) -> ColumnElement[str]:
    """Give a folded name without blanks and such signs, and with an umlaut that is written as two letters as one."""
    for sign in (" ", *signs):
        name = func.replace(name, sign, "")
    for umlaut in ("ae", "oe", "ue"):
        name = func.replace(name, umlaut, umlaut[0])
    return name


def _changed(since: ColumnElement[bool]) -> ColumnElement[bool]:
    """Keep the revisions by such changes that gave a student a name, or another one."""
    before = revisions.alias("before")
    same = and_(before.c.student_id == revisions.c.student_id, before.c.version == revisions.c.version - 1)
    unchanged = exists().where(same, ~before.c.deleted, before.c[NAME.name] == revisions.c[NAME.name])
    return and_(since, ~revisions.c.deleted, ~unchanged)
