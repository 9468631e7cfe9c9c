"""Count what a list holds: exactly where that is quick, and otherwise as near as can be told without holding up the page."""

from dataclasses import dataclass
from math import floor, log10
from typing import Literal

from sqlalchemy import Select, Subquery, func, select, text, true
from sqlalchemy.orm import Session

from merge.conditions import Condition, clauses, looked_at, on_postgresql
from merge.search import count_indexed
from models import students
from words import ngettext

MOST = 10_000
# What an index finds all at once has to be looked up a student at a time to be counted.
MOST_AT_ONCE = 1_000
LOOKED_THROUGH = 4_000
GLANCED_AT = 4_000
# A sample of so many stretches of so many rows tells an estimate, if so many of them match; from a small table none is needed.
STRETCHES, ROWS = 32, 48
ENOUGH = 8
LARGE = 50_000


@dataclass(frozen=True)
class Count:
    """A number of students, and how well it is known."""

    number: int
    kind: Literal["", "about", "more than", "at least"] = ""

    def words(self) -> str:
        number = self.number
        if self.kind == "about":
            return ngettext("about %(num)s student", "about %(num)s students", number)
        if self.kind == "more than":
            return ngettext("more than %(num)s student", "more than %(num)s students", number)
        if self.kind == "at least":
            return ngettext("at least %(num)s student", "at least %(num)s students", number)
        return ngettext("%(num)s student", "%(num)s students", number)


def count_matching(session: Session, asked: list[Condition]) -> Count:
    """Count the students that meet all that is asked."""
    if not asked:
        return _count_all(session)
    indexed = [condition for condition in asked if condition.ids is not None]
    if len(asked) == len(indexed) == 1:
        (condition,) = asked
        number = count_up_to(session, condition, most := _most(condition, MOST))
        return _bounded(number, most, sampled=number == condition.about)
    bounds = [_most(condition, LOOKED_THROUGH) for condition in indexed]
    numbers = [count_up_to(session, condition, most) for condition, most in zip(indexed, bounds, strict=True)]
    few = [place for place, number in enumerate(numbers) if number <= bounds[place]]
    lead = min(few, key=numbers.__getitem__, default=None)
    return _glance(session, asked) if lead is None else _count_among(session, indexed[lead], asked)


def count_up_to(session: Session, condition: Condition, most: int) -> int:
    """Count the students that meet a condition through its index, no further than one more than the most.

    Where the index would have to find them all first, a sample may tell about how many more they are.
    """
    if condition.all_at_once:
        if (about := _estimate(session, condition)) > most:
            return about
        # Whoever asks for less first would have the index find them all twice.
        most = max(most, MOST_AT_ONCE)
    for limit, number in condition.counted.items():
        if limit >= most or number <= limit:
            return number
    assert condition.ids is not None
    condition.counted[most] = number = _count_rows(session, condition.ids, most)
    return number


def _most(condition: Condition, otherwise: int) -> int:
    return MOST_AT_ONCE if condition.all_at_once else otherwise


def _count_among(session: Session, lead: Condition, asked: list[Condition]) -> Count:
    """Count exactly, among the few that meet the one condition."""
    others = [condition for condition in asked if condition is not lead]
    rows = lead.rows(LOOKED_THROUGH, looked_at(others))
    met = func.count().filter(*clauses(others, rows))
    return Count(session.execute(select(met).select_from(rows)).scalar_one())


def _glance(session: Session, asked: list[Condition]) -> Count:
    """Tell about how many they are, or how many there are at least: those among a few."""
    if about := _sample(session, asked):
        return Count(_rounded(about), "about")
    rows = select(students).order_by(students.c.id).limit(GLANCED_AT).subquery("glanced_at")
    met = func.count().filter(*clauses(asked, rows))
    looked_at, number = session.execute(select(func.count(), met).select_from(rows)).one()
    return Count(number, "at least" if looked_at == GLANCED_AT else "")


def _count_all(session: Session) -> Count:
    if not on_postgresql(session):
        return Count(count_indexed(session))
    about = _rows_at_last_analyze(session)
    if about > LARGE:
        return Count(_rounded(about), "about")
    number = _count_rows(session, select(students.c.id).order_by(students.c.id), MOST)
    return _bounded(max(number, about) if number > MOST else number, MOST, sampled=number > MOST)


def _bounded(number: int, most: int, *, sampled: bool) -> Count:
    if number <= most:
        return Count(number)
    return Count(_rounded(number), "about") if sampled else Count(most, "more than")


def _count_rows(session: Session, rows: Select[int], most: int) -> int:
    number: int = session.execute(select(func.count()).select_from(rows.limit(most + 1).subquery())).scalar_one()
    return number


def _estimate(session: Session, condition: Condition) -> int:
    if condition.about is None:
        condition.about = _sample(session, [condition])
    return condition.about


def _sample(session: Session, asked: list[Condition]) -> int:
    """Tell from a sample about how many students meet all that is asked, 0 where too few do or the database takes no samples."""
    everybody = _rows_at_last_analyze(session) if on_postgresql(session) else 0
    if everybody < LARGE:
        return 0
    sample = _stretches(session, asked)
    met = func.count().filter(*clauses(asked, sample))
    looked_at, matched = session.execute(select(func.count(), met).select_from(sample)).one()
    return int(everybody * matched / looked_at) if matched >= ENOUGH else 0


def _stretches(session: Session, asked: list[Condition]) -> Subquery:
    """Take stretches of students from all over the table, the same ones each time, so that a list is told as long on each page.

    PostgreSQL's own samples would look at the number of each block there is.
    """
    first, last = session.execute(select(*(func.coalesce(end(students.c.id), 0) for end in (func.min, func.max)))).one()
    starts = select(func.generate_series(first, last, max(1, (last - first) // STRETCHES)).label("id")).subquery("starts")
    stretch = select(*looked_at(asked)).where(students.c.id >= starts.c.id).order_by(students.c.id).limit(ROWS).lateral("stretch")
    return select(stretch).select_from(starts.join(stretch, true())).subquery("sample")


def _rows_at_last_analyze(session: Session) -> int:
    return int(session.execute(text("SELECT reltuples FROM pg_class WHERE oid = 'students'::regclass")).scalar_one())


def _rounded(number: int) -> int:
    """Round to two digits: 1,234,567 is about 1,200,000."""
    unit: int = 10 ** (floor(log10(number)) - 1)
    return round(number / unit) * unit
