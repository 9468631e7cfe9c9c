"""What a query asks of a student: as a clause for a row at hand, and as the ids that an index gives for it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, Select, and_, exists, select, text
from sqlalchemy.orm import Session

from merge.query import SIDES, Query
from merge.search import find_ids, has_words
from models import Change, revisions, students

Clause = Callable[[FromClause], ColumnElement[bool]]


@dataclass(frozen=True)
class Condition:
    """One thing that is asked of a student."""

    clause: Clause
    """Given `students` or a part of it, keeps the rows that meet the condition."""
    ids: Select[Any] | None
    """Selects exactly those students through an index, each once; None where no index serves."""
    column: str = ""
    """The column that it bounds: a list that is sorted by it has those students side by side."""
    beside: bool = False
    """Whether the index is a table of its own, which the database doesn't know to be one."""
    all_at_once: bool = False
    """Whether the index finds all of them before it gives the first, so that many take long."""


def conditions(session: Session, query: Query) -> list[Condition]:
    """Give all that the query asks for."""
    return [*_of_columns(query), *_of_revisions(query), *_of_words(session, query)]


def clauses(asked: list[Condition], rows: FromClause) -> list[ColumnElement[bool]]:
    return [condition.clause(rows) for condition in asked]


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
    for name in dict.fromkeys(parameter.removeprefix("min_").removeprefix("max_") for parameter in query.bounds):
        yield _of_column(name, _between(name, *(query.bounds.get(f"{side}_{name}") for side in SIDES)))
    for name, blank in query.blanks.items():
        yield _of_column(name, _blank(name, blank=blank))


def _of_column(name: str, clause: Clause) -> Condition:
    column = students.c[name]
    return Condition(clause, select(students.c.id).where(clause(students)).order_by(column, students.c.id), name)


def _between(name: str, low: Any, high: Any) -> Clause:
    def clause(rows: FromClause) -> ColumnElement[bool]:
        column = rows.c[name]
        return and_(*([] if low is None else [column >= low]), *([] if high is None else [column <= high]))

    return clause


def _blank(name: str, *, blank: bool) -> Clause:
    return lambda rows: rows.c[name].is_(None) if blank else rows.c[name].is_not(None)


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
    return Condition(lambda rows: exists(select(1).select_from(revisions).where(wrote(rows))), ids, beside=True)


def _of_words(session: Session, query: Query) -> Iterator[Condition]:
    if query.words:
        ids = find_ids(session, query.words)
        inside = on_postgresql(session)
        yield Condition(lambda rows: has_words(rows, query.words), ids, beside=not inside, all_at_once=inside)
