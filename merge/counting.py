"""Count what a list holds: exactly where that is quick, and otherwise as near as can be told without holding up the page."""

from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from sqlalchemy import FromClause, Select, func, select, text
from sqlalchemy.orm import Session

from merge.conditions import Condition, by_index, clauses, conditions, on_postgresql
from merge.query import Query
from merge.search import count_indexed
from models import students

MOST = 10_000
LOOKED_THROUGH = 20_000
# A sample of so many rows tells an estimate, if so many of them match; from a small table none is needed.
SAMPLE = 3_000
ENOUGH = 20
LARGE = 50_000


@dataclass(frozen=True)
class Count:
    """A number of students, and how well it is known."""

    number: int
    kind: Literal["", "about", "more than"] = ""

    def words(self, one: str = "student", many: str = "students") -> str:
        known = f"{self.kind} {self.number:,} ".lstrip()
        return known + (one if self.number == 1 and not self.kind else many)


def count(session: Session, query: Query) -> Count:
    """Count the students that the query asks for."""
    asked = conditions(session, query)
    with by_index(session):
        return _count_matching(session, asked) if asked else _count_all(session)


def count_up_to(session: Session, condition: Condition, most: int) -> int:
    """Count the students that meet a condition through its index, no further than one more than the most."""
    assert condition.ids is not None
    if condition.all_at_once and (about := _estimate(session, condition)) > most:
        return about
    return _count_rows(session, condition.ids, most)


def _count_matching(session: Session, asked: list[Condition]) -> Count:
    indexed = [condition for condition in asked if condition.ids is not None]
    numbers = [count_up_to(session, condition, MOST) for condition in indexed]
    fewest = min(numbers, default=MOST + 1)
    if len(asked) == len(indexed) == 1:
        return _bounded(fewest, sampled=asked[0].all_at_once and fewest > MOST + 1)
    lead = indexed[numbers.index(fewest)] if indexed else None
    if lead is None or (lead.all_at_once and fewest > MOST):
        return _count_among(session, select(students.c.id).order_by(students.c.id), asked)
    assert lead.ids is not None
    return _count_among(session, lead.ids, asked)


def _count_among(session: Session, ids: Select[int], asked: list[Condition]) -> Count:
    """Count exactly if those are few; otherwise look through the first of them, and tell how many there are at least."""
    looked = ids.limit(LOOKED_THROUGH)
    found = select(students.c.id).where(students.c.id.in_(looked), *clauses(asked, students))
    number = _count_rows(session, found, MOST)
    everything = number <= MOST and _count_rows(session, ids, LOOKED_THROUGH) <= LOOKED_THROUGH
    return Count(number) if everything else Count(min(number, MOST), "more than")


def _count_all(session: Session) -> Count:
    if not on_postgresql(session):
        return Count(count_indexed(session))
    number = _count_rows(session, select(students.c.id).order_by(students.c.id), MOST)
    return _bounded(max(number, _rows_at_last_analyze(session)) if number > MOST else number, sampled=number > MOST)


def _bounded(number: int, *, sampled: bool) -> Count:
    if number <= MOST:
        return Count(number)
    return Count(_rounded(number), "about") if sampled and number > MOST + 1 else Count(MOST, "more than")


def _count_rows(session: Session, rows: Select[int], most: int) -> int:
    number: int = session.execute(select(func.count()).select_from(rows.limit(most + 1).subquery())).scalar_one()
    return number


def _estimate(session: Session, condition: Condition) -> int:
    """Tell from a sample about how many students meet the condition, 0 where too few of them do."""
    everybody = _rows_at_last_analyze(session)
    if everybody < LARGE:
        return 0
    sample: FromClause = students.tablesample(func.system(100 * SAMPLE / everybody), name="sample")
    met = func.count().filter(condition.clause(sample))
    looked_at, matched = session.execute(select(func.count(), met).select_from(sample)).one()
    return int(everybody * matched / looked_at) if matched >= ENOUGH else 0


def _rows_at_last_analyze(session: Session) -> int:
    return int(session.execute(text("SELECT reltuples FROM pg_class WHERE oid = 'students'::regclass")).scalar_one())


def _rounded(number: int) -> int:
    """Round to two digits: 1,234,567 is about 1,200,000."""
    unit: int = 10 ** (floor(log10(number)) - 1)
    return round(number / unit) * unit
