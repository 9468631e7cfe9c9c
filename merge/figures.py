"""The school in figures, counted by the database in one pass over the students' values.

To count a million students takes a second, so what was counted last is kept, with the moment at which it was; a few
students are counted whenever somebody looks.
"""

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from sqlalchemy import CTE, BigInteger, ColumnElement, Executable, Select, cast, func, literal, or_, select, union_all
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from documents import known
from merge import spread
from merge.columns import BY_NAME, COLUMNS, StudentColumn
from merge.duplicates import count_distinct, count_sharing_a_name
from models import Change, KeptFigures, now, revisions, students
from time_zones import day_begins, day_of

FEW = 10_000
DAYS = 30
# Figures that stay right are dated anew now and then.
FRESH = timedelta(minutes=5)
QUARTERS = (1, 2, 3)

NUMBERS = tuple(column for column in COLUMNS if column.bounded)
OPTIONAL = tuple(column for column in COLUMNS if not column.required)


@dataclass(frozen=True)
class Bar:
    """So many students have a value from `low` to under `high`; the last bar of a column holds its `high`, too."""

    low: Any
    high: Any
    number: int = 0
    quarters: Sequence[float] = ()
    """What a quarter, a half and three quarters of these students have at most in another column."""


@dataclass(frozen=True)
class Figures:
    """What was counted; by column, where it is of one."""

    at: datetime
    changes: int
    """How many changes there were by then: as long as there are no more, all is as it was."""
    students: int
    same_name: int
    blanks: dict[str, int]
    outside: dict[str, int]
    bars: dict[str, list[Bar]]
    by: dict[str, list[Bar]]
    """The bars of the column that the model holds this one against, with the quarters of this one."""
    days: list[int]
    """How often a record was changed on each of the last days, today last."""
    zone: str = "UTC"
    """In which those days begin and end."""


def look(session: Session, zone: tzinfo = UTC) -> Figures:
    """Give the figures as they were counted last, if they still hold or the school is too large to be counted at once."""
    kept = _kept(session, zone)
    if kept and (kept.figures["students"] > FEW or kept.figures["changes"] == _count_changes(session)):
        return _read(kept)
    return count(session, zone)


def count(session: Session, zone: tzinfo = UTC) -> Figures:
    """Count everything."""
    at, changes = now(), _count_changes(session)
    edges = {column.name: between for column in NUMBERS if (between := spread.edges(session, column))}
    found: dict[tuple[str, str], dict[int, Bar]] = defaultdict(dict)
    for what, name, place, number, *quarters in session.execute(union_all(*_parts(edges))):
        found[what, name][place] = Bar(None, None, number, quarters)
    return Figures(
        at=at,
        changes=changes,
        students=found["students", ""][0].number,
        same_name=session.scalar(count_sharing_a_name()) or 0,
        blanks={column.name: found["blank", column.name][0].number for column in OPTIONAL},
        outside={column.name: found["outside", column.name][0].number for column in NUMBERS},
        bars={name: _bars(between, found["bar", name]) for name, between in edges.items()},
        by={c.name: _bars(edges[c.by], found["by", c.name]) for c in NUMBERS if found.get(("by", c.name))},
        days=_changes_a_day(session, days(at, zone), zone),
        zone=str(zone),
    )


def renewal(session: Session, zone: tzinfo = UTC) -> Executable | None:
    """Count anew if anything has changed since, and give what keeps it; None where what is kept is still right."""
    kept, at = _kept(session, zone), now()
    if kept is None or kept.figures["changes"] != _count_changes(session) or day_of(kept.at, zone) != day_of(at, zone):
        return _keep(session, count(session, zone))
    return _keep(session, replace(_read(kept), at=at)) if at - kept.at > FRESH else None


def days(at: datetime, zone: tzinfo = UTC) -> list[date]:
    """Give the days that are looked back at."""
    return [day_of(at, zone) - timedelta(days=before) for before in reversed(range(DAYS))]


def _kept(session: Session, zone: tzinfo) -> KeptFigures | None:
    """Give what was counted last; None where that was not all that is counted today, or by the days of another zone."""
    kept = session.get(KeptFigures, 1)
    is_whole = kept is not None and {field.name for field in fields(Figures)} <= {"at", *kept.figures}
    return kept if kept and is_whole and kept.figures["zone"] == str(zone) else None


def _read(kept: KeptFigures) -> Figures:
    figures = dict(kept.figures)
    for name in ("bars", "by"):
        figures[name] = {column: [known(Bar, bar) for bar in bars] for column, bars in figures[name].items()}
    return known(Figures, {**figures, "at": kept.at})


def _keep(session: Session, figures: Figures) -> Executable:
    dialect = postgresql if session.get_bind().dialect.name == "postgresql" else sqlite
    row = {"at": figures.at, "figures": {name: value for name, value in asdict(figures).items() if name != "at"}}
    keep: Executable = dialect.insert(KeptFigures).values(id=1, **row).on_conflict_do_update(index_elements=["id"], set_=row)
    return keep


def _count_changes(session: Session) -> int:
    """Count what may change a figure: every write to a student, and of whom it was said that they are two people."""
    changes = session.scalar(select(func.count()).select_from(Change)) or 0
    return changes + (session.scalar(count_distinct()) or 0)


def _changes_a_day(session: Session, looked_at: Sequence[date], zone: tzinfo) -> list[int]:
    # Moments in UTC, so that the index on them is used.
    mornings = [day_begins(one, zone) for one in looked_at]
    of_a_change = select(Change.at, func.count().label("number")).join(revisions, revisions.c.change_id == Change.id)
    changes = of_a_change.where(Change.at >= mornings[0]).group_by(Change.id, Change.at).subquery()
    placed = select(spread.day(changes.c.at, mornings).label("day"), changes.c.number).subquery()
    counted = session.execute(select(placed.c.day, _sum(placed.c.number)).group_by(placed.c.day))
    found = {day: number for day, number in counted}
    return [found.get(place, 0) for place in range(DAYS)]


def _parts(edges: dict[str, list[Any]]) -> Iterator[Select[Any]]:
    """Ask for all that one pass over the students tells: what was asked, of which column, which bar, how many, and quarters."""
    cells = _cells()
    places = {name: spread.place(cells.c[name], BY_NAME[name], between) for name, between in edges.items()}
    yield _part("students", "", cells.c.number)
    for column in OPTIONAL:
        yield _part("blank", column.name, cells.c.number - cells.c[f"filled_{column.name}"])
    for column in NUMBERS:
        value = cells.c[column.name]
        yield _part("outside", column.name, cells.c.number).where(or_(value < column.minimum, value > column.maximum))
    for name, place in places.items():
        bars = select(place.label("place"), cells.c.number).subquery()
        yield _part("bar", name, bars.c.number, bars.c.place).where(bars.c.place >= 0).group_by(bars.c.place)
    for column in NUMBERS:
        if column.name in places and column.by in places:
            yield _quarters(cells, column, places[column.by])


def _cells() -> CTE:
    """Count the students that are alike in all their numbers: what is asked is then asked of these few rows."""
    # A sum stands in no index: SQLite would follow one, and look up each student by it.
    numbers = [(students.c[column.name] + 0).label(column.name) for column in NUMBERS]
    filled = [func.count(students.c[column.name]).label(f"filled_{column.name}") for column in OPTIONAL]
    alike = select(*numbers, func.count().label("number"), *filled).select_from(students)
    return alike.group_by(*(number.element for number in numbers)).cte("cells").prefix_with("MATERIALIZED")


def _part(what: str, name: str, number: ColumnElement[int], place: Any = None, quarters: Sequence[Any] = ()) -> Select[Any]:
    of = (literal(what), literal(name), literal(0) if place is None else place)
    return select(*of, _sum(number), *(quarters or [literal(0.0) for _ in QUARTERS]))


def _quarters(cells: CTE, column: StudentColumn, place: ColumnElement[int]) -> Select[Any]:
    """Find the first value that so many quarters of a bar's students reach (SQL's percentile_disc, which SQLite lacks)."""
    value = cells.c[column.name]
    fits = value.between(column.minimum, column.maximum)
    placed = select(place.label("place"), value.label("value"), cells.c.number).where(fits).subquery()
    reached = func.sum(placed.c.number).over(partition_by=placed.c.place, order_by=placed.c.value).label("reached")
    whole = func.sum(placed.c.number).over(partition_by=placed.c.place).label("whole")
    ranked = select(*placed.c, reached, whole).where(placed.c.place >= 0).subquery()
    quarters = [func.min(ranked.c.value).filter(ranked.c.reached * 4 >= ranked.c.whole * quarter) for quarter in QUARTERS]
    return _part("by", column.name, ranked.c.number, ranked.c.place, quarters).group_by(ranked.c.place)


def _sum(number: ColumnElement[int]) -> ColumnElement[int]:
    return cast(func.coalesce(func.sum(number), 0), BigInteger)


def _bars(edges: Sequence[Any], found: dict[int, Bar]) -> list[Bar]:
    ends = enumerate(pairwise(edges))
    return [replace(found.get(place, Bar(None, None)), low=low, high=high) for place, (low, high) in ends]
