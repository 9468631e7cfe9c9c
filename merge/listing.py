"""List students: what a query asks for, sorted, in pages that cost the same however deep they lie.

A page whose filters stand in another order than its students would take a sort of all that match, or a walk past all that
don't. Few matches are quick to sort, and many are soon met; so both are tried in turn, each a little further every time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import FromClause, Select, select
from sqlalchemy.orm import Session, aliased

from merge.columns import COLUMNS
from merge.conditions import by_index, clauses, conditions
from merge.counting import Count, count, count_up_to
from merge.places import END, Place, place_of, read_place, stretches, whole_order, write_place
from merge.query import DIGITS, BadQuery, Query, parse_query, read_query
from models import Student, students

__all__ = ["END", "BadQuery", "Count", "Query", "count", "parse_query", "read_query"]

BATCH = 1_000
FIRST_WALK = 2_000
FIRST_IDS = 5_000
FURTHER = 8
# One or two letters have no index: a page may end early then, and the next one goes on from there.
LONGEST_WALK = 50_000


@dataclass(frozen=True)
class Page:
    """A page of students, and the places of its neighbours where there are any."""

    students: list[Student]
    before: str | None
    after: str | None
    unfinished: bool = False
    """The look for students was long enough; the neighbour goes on with it."""

    @property
    def whole(self) -> bool:
        return not (self.before or self.after)


def page(session: Session, query: Query) -> Page:
    """Read one page of the list. Raises BadQuery for a place that this list did not give out."""
    start = read_place(query)
    with by_index(session):
        found, reached = _Reading(session, query).read(start, query.per_page + 1)
    backwards = query.before is not None
    shown = found[: query.per_page]
    more = len(found) > query.per_page or reached is not None
    edge = reached if reached and len(found) <= query.per_page else (place_of(query, shown[-1]) if shown else None)
    onward = write_place(query, edge) if more and edge else None
    origin = place_of(query, shown[0]) if shown else reached
    back = write_place(query, origin) if start and origin else None
    if backwards:
        shown.reverse()
    return Page(shown, *((onward, back) if backwards else (back, onward)), unfinished=reached is not None)


def named_id(session: Session, query: Query) -> int | None:
    """Give the id that is all the query asks for, if a student has it."""
    if query.filters or not (query.q.isascii() and query.q.isdecimal() and len(query.q) <= DIGITS):
        return None
    return session.scalar(select(Student.id).where(Student.id == int(query.q)))


def matching(session: Session, statement: Select[Any], query: Query) -> Select[Any]:
    """Keep all students that the query asks for, on whatever page and in no order, in a statement that selects students."""
    for condition in conditions(session, query):
        statement = statement.where(condition.clause(students))
        # An index that is no part of the table has to be named.
        if condition.ids is not None and condition.beside:
            statement = statement.where(students.c.id.in_(condition.ids))
    return statement


def stream(session: Session, query: Query, ids: Sequence[int] = ()) -> Iterator[list[dict[str, Any]]]:
    """Give all students of the list, or only some of them, a part at a time, in flat memory."""
    rows = matching(session, select(*(students.c[column.name] for column in COLUMNS)), query).order_by(*whole_order(query))
    rows = rows.where(students.c.id.in_(ids)) if ids else rows
    for part in session.execute(rows, execution_options={"yield_per": BATCH}).partitions():
        yield [dict(row._mapping) for row in part]


def neighbours(session: Session, query: Query, student: Student) -> tuple[int | None, int | None]:
    """Give the ids of the students before and after this one in the list, whether or not it is itself in it."""
    here = write_place(query, place_of(query, student))
    before = page(session, replace(query, before=here, after=None, per_page=1)).students
    after = page(session, replace(query, after=here, before=None, per_page=1)).students
    return (before[0].id if before else None), (after[0].id if after else None)


class _Reading:
    """The reading of one page: how far the walk through the list has come, and what it has met."""

    def __init__(self, session: Session, query: Query) -> None:
        self.session = session
        self.query = query
        asked = conditions(session, query)
        # What bounds the column that the list is sorted by only makes the list shorter.
        self.along = [condition for condition in asked if condition.column == query.sort]
        self.across = [condition for condition in asked if condition.column != query.sort]

    def read(self, start: Place | None, number: int) -> tuple[list[Student], Place | None]:
        """Read so many students from the start, and give the place where the look stopped short of the list's end, if it did."""
        if not self.across:
            return self._sorted(start, number), None
        found: list[Student] = []
        walk, most, walked = FIRST_WALK, FIRST_IDS, 0
        while True:
            met, start = self._walk(start, walk, number - len(found))
            found += met
            walked += walk
            if len(found) >= number or start is None:
                return found, None
            if (narrowed := self._narrowest(most)) is not None:
                return found + self._sorted(start, number - len(found), narrowed), None
            if walked >= LONGEST_WALK and not any(condition.ids is not None for condition in self.across):
                return found, start
            walk, most = walk * FURTHER, most * FURTHER

    def _walk(self, start: Place | None, length: int, number: int) -> tuple[list[Student], Place | None]:
        """Look at so many students in the list's order; give those that match, and where the look ended, None at the end."""
        found: list[Student] = []
        for stretch in stretches(self.query, start):
            inside = [*stretch.clause(students), *clauses(self.along, students)]
            looked = select(students).where(*inside).order_by(*stretch.order(students)).limit(length).subquery("looked")
            matches = select(aliased(Student, looked)).where(*clauses(self.across, looked)).order_by(*stretch.order(looked))
            found += self.session.scalars(matches.limit(number - len(found)))
            if len(found) >= number:
                return found, None
            sorted_by = students.c[self.query.sort]
            last = select(sorted_by, students.c.id).where(*inside).order_by(*stretch.order(students)).offset(length - 1).limit(1)
            if reached := self.session.execute(last).first():
                return found, Place(*reached)
        return found, None

    def _narrowest(self, most: int) -> FromClause | None:
        """Give all that match, unsorted, by the index of the condition that the fewest meet, if those are no more than that."""
        indexed = [condition for condition in self.across if condition.ids is not None]
        numbers = [count_up_to(self.session, condition, most) for condition in indexed]
        if min(numbers, default=most + 1) > most:
            return None
        ids = indexed[numbers.index(min(numbers))].ids
        assert ids is not None
        rows = select(students).where(students.c.id.in_(ids.limit(most)), *clauses([*self.along, *self.across], students))
        # Without a limit the database may think it quicker to walk in the list's order after all.
        return rows.limit(most).subquery("narrowed")

    def _sorted(self, start: Place | None, number: int, narrowed: FromClause | None = None) -> list[Student]:
        rows = students if narrowed is None else narrowed
        found: list[Student] = []
        for stretch in stretches(self.query, start):
            entity = Student if narrowed is None else aliased(Student, narrowed)
            inside = [*stretch.clause(rows), *([] if narrowed is not None else clauses(self.along, rows))]
            read = select(entity).where(*inside).order_by(*stretch.order(rows)).limit(number - len(found))
            found += self.session.scalars(read)
            if len(found) >= number:
                break
        return found
