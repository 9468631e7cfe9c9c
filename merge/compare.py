"""Turn a staged sheet into the changes it would make, without making them. Set-based, and one text for both databases."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Label,
    Select,
    and_,
    case,
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
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from database import analyze
from merge.columns import KEY, NAME, VALUES, StudentColumn, places
from merge.find import find_students, hold_ambiguous, hold_initials, hold_remarks, hold_shared
from merge.former_ids import hold_reused
from merge.match import doubts, hold_of_absent, hold_without_name, judge, reject_repeated_ids
from merge.matching import MATCHES, Match
from merge.merged_ids import resolve_staged
from merge.options import Options
from merge.problems import problem_text
from merge.review import ReviewReason, is_choice
from merge.slices import line_slices
from merge.spellings import settle_spellings
from merge.staged import accepted
from models import Import, planned_rows, revisions, staged_rows, students

Advance = Callable[[float], None]
"""Told what share of the step is done."""
# Of a comparison's time, about this share has passed when the rows are planned (measured at a million rows).
PLANNING_SHARE = 0.9
# Half a unit of the last of 15 digits, at most: what is further apart can't be the same as a spreadsheet shows it.
UNSEEN_SHARE = 5e-15
LEAST_MULTIPLIED = 1e-200
OMITTED = "omitted"
VERDICTS = ("insert", "update", "delete", "review", OMITTED)
# What rows do that are left out where only the other is asked for.
LEAVES_OUT = {"add": "update", "update": "insert"}


@dataclass(frozen=True)
class Counts:
    """How many rows of the sheet got each verdict."""

    inserts: int
    updates: int
    deletes: int
    unchanged: int
    rejected: int
    reviews: int = 0
    omitted: int = 0
    led: int = 0

    @property
    def change_nothing(self) -> bool:
        """Tell whether every row could be read and says what is stored already."""
        return not (self.inserts or self.updates or self.deletes or self.rejected or self.reviews or self.omitted)


class AsShown(FunctionElement[Any]):
    """A number with the 15 digits that spreadsheets show and keep."""

    inherit_cache = True


@compiles(AsShown, "postgresql")
def _as_shown_on_postgresql(element: AsShown, compiler: SQLCompiler, **options: Any) -> str:
    # postgresql.org/docs/current/datatype-numeric.html: a double precision is cast with 15 digits.
    return f"CAST({compiler.process(element.clauses, **options)} AS numeric)"


@compiles(AsShown, "sqlite")
def _as_shown_on_sqlite(element: AsShown, compiler: SQLCompiler, **options: Any) -> str:
    return f"printf('%.15g', {compiler.process(element.clauses, **options)})"


@dataclass(frozen=True)
class Reading:
    """What of an import's staged rows is compared, and how."""

    import_id: int
    columns: frozenset[str]
    match: Match
    blank_clears: bool
    only: str = ""
    named: bool = True
    """Whether a name tells which student a row means, and is no value that somebody wants students to have."""

    @classmethod
    def of(cls, import_: Import) -> "Reading":
        options = Options.from_json(import_.options)
        columns = frozenset(places(import_.sheet["columns"]))
        match = MATCHES.get(options.match, MATCHES[KEY.name])  # the model may no longer declare what was chosen
        return cls(import_.id, columns, match, options.blank_clears, options.only, named=import_.kind == "sheet")

    @property
    def judged(self) -> bool:
        """Whether the rows have names that may speak against the students whom they find."""
        return self.named and not self.match.by_name and NAME.name in self.columns


def compare(session: Session, reading: Reading, *, may_repeat: bool, advance: Advance) -> Counts:
    """Plan the import of the staged rows, and count the verdicts. Does not commit at the end."""
    import_id, match = reading.import_id, reading.match
    discard_plan(session, import_id)
    led = 0
    if match.by_id and may_repeat:
        reject_repeated_ids(session, import_id)
    if match.by_id:
        led = resolve_staged(session, import_id)
    else:
        find_students(session, import_id, match)
    if not reading.columns.issuperset(column.name for column in VALUES if column.required):
        _reject_nameless(session, import_id)
    _plan_all(session, reading, advance)
    if import_id > 0:  # corrected rows, which are kept under the negative of their import's id, are few
        analyze(session, "planned_rows")
    if not match.by_id:
        hold_ambiguous(session, import_id, match)
    if match.by_name:
        _settle_names(session, reading)
    hold_reused(session, import_id)
    if reading.named:
        hold_without_name(session, import_id)
    if reading.judged:
        judge(session, import_id, lambda: advance(PLANNING_SHARE))
    if led:
        hold_shared(session, import_id, ReviewReason.MERGED_ID)
    _leave_out(session, reading)
    return replace(count_verdicts(session, import_id), led=led)


def replan(session: Session, reading: Reading, lines: Collection[int]) -> None:
    """Plan rows anew that mean other students than before. Does not commit."""
    found_by_key = planned_rows.c.verdict.in_((*VERDICTS, "conflict"))
    discarded = and_(planned_rows.c.import_id == reading.import_id, found_by_key, planned_rows.c.line.in_(lines))
    session.execute(delete(planned_rows).where(discarded), execution_options={"synchronize_session": False})
    _insert_plan(session, _plan(reading, doubts(session, judged=reading.judged)).where(staged_rows.c.line.in_(lines)))


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
    """Plan to delete each staged student who still exists. Does not commit."""
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


def _settle_names(session: Session, reading: Reading) -> None:
    """Find whom names mean in other spellings, and hold those that may be no new student's."""
    settle_spellings(session, reading.import_id, reading.match, lambda lines: replan(session, reading, lines))
    if reading.match.columns != (NAME,):
        hold_of_absent(session, reading.import_id, ReviewReason.SEVERAL)
    hold_initials(session, reading.import_id)
    hold_remarks(session, reading.import_id)


def _leave_out(session: Session, reading: Reading) -> None:
    """Keep rows from adding students, or from changing any, where only the other is asked for."""
    if not reading.only:
        return
    does = func.coalesce(planned_rows.c.action, planned_rows.c.verdict)
    left_out = and_(planned_rows.c.import_id == reading.import_id, does == LEAVES_OUT[reading.only], ~is_choice())
    session.execute(
        update(planned_rows).where(left_out).values(verdict=OMITTED), execution_options={"synchronize_session": False}
    )


def _plan_all(session: Session, reading: Reading, advance: Advance) -> None:
    plan = _plan(reading, doubts(session, judged=reading.judged))
    # On SQLite everybody else can write in between; PostgreSQL joins best in large pieces.
    larger = 1 if session.get_bind().dialect.name == "sqlite" else 20
    for lines, share in line_slices(session, reading.import_id, staged_rows.c.line, larger):
        _insert_plan(session, plan.where(lines))
        advance(share * PLANNING_SHARE if reading.judged else share)


def _insert_plan(session: Session, plan: Select[Any]) -> None:
    session.execute(insert(planned_rows).from_select([column.name for column in plan.selected_columns], plan))


def _plan(reading: Reading, verdict: Sequence[Label[Any]]) -> Select[Any]:
    """Select each row that would change a student, as the student will be afterwards, with the version it is based on."""
    after = {column.name: _after(column, reading).label(column.name) for column in VALUES}
    differs = or_(false(), *(after[name].is_distinct_from(students.c[name]) for name in after if name in reading.columns))
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
        .where(accepted(reading.import_id), or_(students.c.id.is_(None), differs))
    )


def _after(column: StudentColumn, reading: Reading) -> ColumnElement[Any]:
    stored: ColumnElement[Any] = students.c[column.name]
    read: ColumnElement[Any] = staged_rows.c[column.name]
    if column.name not in reading.columns:
        return stored
    if column.kind is float:
        # PostgreSQL refuses a product that is too small for a double precision.
        close = case((func.abs(stored) > LEAST_MULTIPLIED, func.abs(stored - read) <= func.abs(stored) * UNSEEN_SHARE))
        read = case((and_(close, AsShown(stored) == AsShown(read)), stored), else_=read)
    if column in reading.match.columns:  # it says who is meant, and is no value that would be written otherwise
        return func.coalesce(stored, read)
    return read if reading.blank_clears and not column.required else func.coalesce(read, stored)


def _gone() -> Any:
    """Give each deleted student's last version: one that comes back goes on from there."""
    return (
        select(revisions.c.student_id, func.max(revisions.c.version).label("version"))
        .where(revisions.c.deleted)
        .group_by(revisions.c.student_id)
        .subquery("gone")
    )


def _reject_nameless(session: Session, import_id: int) -> None:
    known = exists().where(students.c.id == staged_rows.c.student_id)
    problem = problem_text(KEY.name, "nameless", text=staged_rows.c.student_id)
    session.execute(update(staged_rows).values(problems=problem).where(accepted(import_id), ~known))


def count_verdicts(session: Session, import_id: int) -> Counts:
    planned = count_planned(session, import_id)
    usable = session.scalar(select(func.count()).select_from(staged_rows).where(accepted(import_id))) or 0
    rows = session.scalar(select(func.count()).select_from(staged_rows).where(staged_rows.c.import_id == import_id)) or 0
    inserts, updates, deletes, reviews, omitted = (planned.get(verdict, 0) for verdict in VERDICTS)
    return Counts(inserts, updates, deletes, usable - sum(planned.values()), rows - usable, reviews, omitted)
