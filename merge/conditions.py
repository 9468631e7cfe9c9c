"""What a query asks of a student: as a clause for a row at hand, and as the ids that an index gives for it."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, ColumnElement, FromClause, Select, Subquery, and_, exists, or_, select, text, union_all
from sqlalchemy.orm import Session

from merge.columns import BY_NAME, NAME, StudentColumn
from merge.duplicates import shares_a_name
from merge.query import SIDES, Query
from merge.search import find_ids, has_words
from models import Change, revisions, students

Clause = Callable[[FromClause], ColumnElement[bool]]


@dataclass
class Condition:
    """One thing that is asked of a student, and what is found out meanwhile about how many meet it."""

    clause: Clause
    """Given `students` or a part of it, keeps the rows that meet the condition."""
    ids: Select[Any] | None
    """Selects exactly those students through an index, each once; None where no index serves."""
    columns: tuple[str, ...] = ()
    """The columns that the clause looks at."""
    column: str = ""
    """The column that it bounds: a list that is sorted by it has those students side by side."""
    beside: bool = False
    """Whether the index is a table of its own, which the database doesn't know to be one."""
    all_at_once: bool = False
    """Whether the index finds all of them before it gives the first, so that many take long."""
    counted: dict[int, int] = field(default_factory=dict)
    """How many students meet it, counted no further than one more than so many."""
    about: int | None = None
    """How many they are by a sample; 0 where too few of them were in it."""

    @property
    def steps(self) -> int:
        """How many steps of a walk take as long as to find one by the index; more where each is looked up in the table then."""
        return 4 if self.column else 16

    def rows(self, most: int, columns: Iterable[Column[Any]]) -> Subquery:
        """Select those students, so many at most. Behind the limit the database can't think it quicker to begin elsewhere."""
        rows = select(*columns)
        if self.beside and self.ids is not None:
            return rows.where(students.c.id.in_(self.ids.limit(most))).limit(most).subquery("narrowed")
        rows = rows.where(self.clause(students)).order_by(*([students.c[self.column], students.c.id] if self.column else []))
        return rows.limit(most).subquery("narrowed")


def conditions(session: Session, query: Query) -> list[Condition]:
    """Give all that the query asks for."""
    return [*_of_columns(query), *_of_names(query), *_of_revisions(query), *_of_words(session, query)]


def clauses(asked: list[Condition], rows: FromClause) -> list[ColumnElement[bool]]:
    return [condition.clause(rows) for condition in asked]


def looked_at(asked: list[Condition], *names: str) -> list[Column[Any]]:
    """Give the columns that are looked at: where one index has them all, the table itself is not."""
    return [students.c[name] for name in dict.fromkeys(("id", *names, *(name for each in asked for name in each.columns)))]


def on_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"


@contextmanager
def by_index(session: Session) -> Iterator[None]:
    """Have PostgreSQL read through indexes, a row at a time: it can't know that a page never needs many."""
    if not on_postgresql(session):
        yield
        return
    switch = "SET LOCAL enable_seqscan = {0}; SET LOCAL enable_hashjoin = {0}; SET LOCAL enable_mergejoin = {0}"
    session.execute(text(switch.format("off")))
    yield
    session.execute(text(switch.format("on")))


def _of_columns(query: Query) -> Iterator[Condition]:
    for name in dict.fromkeys(parameter.partition("_")[2] for parameter in query.bounds):
        yield _of_column(name, _between(name, *(query.bounds.get(f"{side}_{name}") for side in SIDES)))
    for name, blank in query.blanks.items():
        yield _of_column(name, _blank(name, blank=blank))
    for name, outside in query.outside.items():
        yield _outside(BY_NAME[name]) if outside else Condition(_inside_or_blank(BY_NAME[name]), None, (name,))


def _of_column(name: str, clause: Clause) -> Condition:
    column = students.c[name]
    return Condition(clause, select(students.c.id).where(clause(students)).order_by(column, students.c.id), (name,), name)


def _between(name: str, low: Any, high: Any, under: Any = None) -> Clause:
    def clause(rows: FromClause) -> ColumnElement[bool]:
        column = rows.c[name]
        least = [] if low is None else [column >= low]
        most = [] if high is None else [column <= high]
        return and_(*least, *most, *([] if under is None else [column < under]))

    return clause


def _blank(name: str, *, blank: bool) -> Clause:
    return lambda rows: rows.c[name].is_(None) if blank else rows.c[name].is_not(None)


def _outside(column: StudentColumn) -> Condition:
    """Find what is too small and what is too large each by the index: the two lie at its ends, with all else between them."""
    low, high = students.c[column.name] < column.minimum, students.c[column.name] > column.maximum
    ids = union_all(*(select(students.c.id).where(part) for part in (low, high))).subquery("outside")

    def clause(rows: FromClause) -> ColumnElement[bool]:
        return or_(rows.c[column.name] < column.minimum, rows.c[column.name] > column.maximum)

    return Condition(clause, select(ids.c.id), (column.name,), beside=True)


def _inside_or_blank(column: StudentColumn) -> Clause:
    inside = _between(column.name, column.minimum, column.maximum)
    return lambda rows: or_(inside(rows), rows.c[column.name].is_(None))


def _of_names(query: Query) -> Iterator[Condition]:
    """Ask the index by name about each student that is looked at; it can't tell beforehand who they are that share one."""
    if query.same_name is not None:
        shared = query.same_name

        def clause(rows: FromClause) -> ColumnElement[bool]:
            return shares_a_name(rows) if shared else ~shares_a_name(rows)

        yield Condition(clause, None, (NAME.name,))


def _of_revisions(query: Query) -> Iterator[Condition]:
    """Look at who wrote: the newest revision for "changed since", one change's revisions for "touched by an import"."""
    if query.since:
        since = select(Change.id).where(Change.at >= query.since)
        yield _of_changes(since, newest=True)
    if query.import_id:
        yield _of_changes(select(Change.id).where(Change.import_id == query.import_id, Change.reason == "import"), newest=False)


def _of_changes(changes: Select[int], *, newest: bool) -> Condition:
    def wrote(rows: FromClause) -> ColumnElement[bool]:
        version = [revisions.c.version == rows.c.version] if newest else []
        return and_(revisions.c.student_id == rows.c.id, revisions.c.change_id.in_(changes), *version)

    ids = select(revisions.c.student_id).select_from(revisions).join(students, wrote(students))
    return Condition(
        lambda rows: exists(select(1).select_from(revisions).where(wrote(rows))), ids, ("version",) if newest else (), beside=True
    )


def _of_words(session: Session, query: Query) -> Iterator[Condition]:
    if query.words:
        ids = find_ids(session, query.words)
        beside = not on_postgresql(session)
        yield Condition(lambda rows: has_words(rows, query.words), ids, ("folded",), beside=beside, all_at_once=True)
