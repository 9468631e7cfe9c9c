"""List students: what a query asks for, sorted, in pages that cost the same however deep they lie.

A page whose filters stand in another order than its students would take a sort of all that match, or a walk past all that
don't. Few matches are quick to sort, and many are soon met; so both are tried in turn, each as far as the walk so far tells.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, Subquery, select
from sqlalchemy.orm import Session

from merge.columns import COLUMNS
from merge.conditions import Condition, by_index, clauses, conditions, looked_at
from merge.counting import Count, count_matching, count_up_to
from merge.merged_ids import survivor_of
from merge.places import END, Place, Stretch, place_of, read_place, stretches, whole_order, write_place
from merge.query import DIGITS, BadQuery, Query, parse_query, read_query
from models import Student, students

__all__ = ["END", "BadQuery", "Count", "Query", "parse_query", "read_query"]

FIRST_WALK = 16_000
FURTHER = 10
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
    with by_index(session):
        return _read_page(session, query, conditions(session, query))


def count(session: Session, query: Query) -> Count:
    """Count the students that the query asks for."""
    with by_index(session):
        return count_matching(session, conditions(session, query))


def page_and_count(session: Session, query: Query) -> tuple[Page, Count]:
    """Read one page of the list, and count the list. Raises BadQuery for a place that this list did not give out."""
    with by_index(session):
        asked = conditions(session, query)
        read = _read_page(session, query, asked)
        return read, Count(len(read.students)) if read.whole else count_matching(session, asked)


def _read_page(session: Session, query: Query, asked: list[Condition]) -> Page:
    start = read_place(query)
    found, reached = _Reading(session, query, asked).read(start, query.per_page + 1)
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
    """Give the student whose id, or one that leads to them, is all the query asks for."""
    if query.filters or not (query.q.isascii() and query.q.isdecimal() and len(query.q) <= DIGITS):
        return None
    student_id = int(query.q)
    return session.scalar(select(Student.id).where(Student.id == student_id)) or survivor_of(session, student_id)


def matching(session: Session, statement: Select[Any], query: Query) -> Select[Any]:
    """Keep all students that the query asks for, on whatever page and in no order, in a statement that selects students."""
    for condition in conditions(session, query):
        statement = statement.where(condition.clause(students))
        # An index that is no part of the table has to be named.
        if condition.ids is not None and condition.beside:
            statement = statement.where(students.c.id.in_(condition.ids))
    return statement


def everybody(session: Session, query: Query, ids: Sequence[int] = ()) -> Select[Any]:
    """Select all students of the list, or only some of them, in its order, a value a column."""
    rows = matching(session, select(*(students.c[column.name] for column in COLUMNS)), query).order_by(*whole_order(query))
    return rows.where(students.c.id.in_(ids)) if ids else rows


def neighbours(session: Session, query: Query, student: Student) -> tuple[int | None, int | None]:
    """Give the ids of the students before and after this one in the list, whether or not it is itself in it."""
    here = write_place(query, place_of(query, student))
    before = page(session, replace(query, before=here, after=None, per_page=1)).students
    after = page(session, replace(query, after=here, before=None, per_page=1)).students
    return (before[0].id if before else None), (after[0].id if after else None)


class _Reading:
    """The reading of one page: how far the walk through the list has come, and what it has met."""

    def __init__(self, session: Session, query: Query, asked: list[Condition]) -> None:
        self.session = session
        self.query = query
        # What bounds the column that the list is sorted by only makes the list shorter.
        self.along = [condition for condition in asked if condition.column == query.sort]
        self.across = [condition for condition in asked if condition.column != query.sort]

    def read(self, start: Place | None, number: int) -> tuple[list[Student], Place | None]:
        """Read so many students from the start, and give the place where the look stopped short of the list's end, if it did."""
        if not self.across:
            return self._along(start, number), None
        found: list[Student] = []
        walk, walked = FIRST_WALK, 0
        while True:
            if lead := self._narrowest(walk):
                return found + self._within(lead, walk, start, number - len(found)), None
            met, start = self._walk(start, walk, number - len(found))
            found += met
            walked += walk
            if len(found) >= number or start is None:
                return found, None
            if walked >= LONGEST_WALK and not any(condition.ids is not None for condition in self.across):
                return found, start
            walk = _further(walk, walked, len(found), number)

    def _walk(self, start: Place | None, length: int, number: int) -> tuple[list[Student], Place | None]:
        """Look at so many students in the list's order; give those that match, and where the look ended, None at the end."""
        found: list[Student] = []
        for stretch in stretches(self.query, start):
            inside = [*stretch.clause(students), *clauses(self.along, students)]
            walked = select(*looked_at(self.across, self.query.sort)).where(*inside).order_by(*stretch.order(students))
            rows = walked.limit(length).subquery("looked")
            found += self.session.scalars(self._first(stretch, rows, clauses(self.across, rows), number - len(found)))
            if len(found) >= number:
                return found, None
            sorted_by = students.c[self.query.sort]
            last = select(sorted_by, students.c.id).where(*inside).order_by(*stretch.order(students)).offset(length - 1).limit(1)
            if reached := self.session.execute(last).first():
                return found, Place(*reached)
        return found, None

    def _narrowest(self, walk: int) -> Condition | None:
        """Give the condition that the fewest students meet, if to find those by an index takes no longer than such a walk."""
        known = [condition for condition in self.across if condition.ids is not None]
        numbers = [count_up_to(self.session, condition, walk // condition.steps) for condition in known]
        few = [place for place, number in enumerate(numbers) if number <= walk // known[place].steps]
        return known[min(few, key=numbers.__getitem__)] if few else None

    def _within(self, lead: Condition, walk: int, start: Place | None, number: int) -> list[Student]:
        """Sort all that match, of the few that meet the one condition, and read so many of them from the start."""
        others = [condition for condition in (*self.along, *self.across) if condition is not lead]
        rows = lead.rows(walk // lead.steps, looked_at(others, self.query.sort))

        def read(stretch: Stretch, number: int) -> Select[Student]:
            return self._first(stretch, rows, [*clauses(others, rows), *stretch.clause(rows)], number)

        return self._collect(read, start, number)

    def _along(self, start: Place | None, number: int) -> list[Student]:
        """Read so many students in the order of an index."""

        def read(stretch: Stretch, number: int) -> Select[Student]:
            kept = [*clauses(self.along, students), *stretch.clause(students)]
            return select(Student).where(*kept).order_by(*stretch.order(students)).limit(number)

        return self._collect(read, start, number)

    def _collect(self, read: Callable[[Stretch, int], Select[Student]], start: Place | None, number: int) -> list[Student]:
        found: list[Student] = []
        for stretch in stretches(self.query, start):
            if len(found) < number:
                found += self.session.scalars(read(stretch, number - len(found)))
        return found

    def _first(self, stretch: Stretch, rows: Subquery, kept: list[ColumnElement[bool]], number: int) -> Select[Student]:
        """Pick and sort by what an index holds, and look up the students of so many rows only."""
        held = [rows.c[name] for name in dict.fromkeys(("id", self.query.sort))]
        first = select(*held).where(*kept).order_by(*stretch.order(rows)).limit(number).subquery("first")
        return select(Student).join_from(first, students, students.c.id == first.c.id).order_by(*stretch.order(first))


def _further(walk: int, walked: int, found: int, number: int) -> int:
    """Tell how far to walk next: half as far again as it should take to find the rest, where matches are as common as so far."""
    if not found:
        return walk * FURTHER
    return min(walk * FURTHER, max(FIRST_WALK // FURTHER, walked * (number - found) * 3 // (found * 2)))
