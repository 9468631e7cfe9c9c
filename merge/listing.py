"""List students: search, sort, and pages by key, which cost the same however deep they lie."""

import base64
import binascii
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, func, or_, select
from sqlalchemy.orm import Session

from merge.cells import read_text
from merge.columns import BY_NAME, COLUMNS
from merge.problems import Problem
from models import Student, students

PER_PAGE = 50
MOST_PER_PAGE = 500
BATCH = 1_000
# More than any id, version or line has, and less than a database can't take.
DIGITS = 18


class BadQuery(ValueError):
    """The address asks for something that no list has; the message says what, as a sentence."""


@dataclass(frozen=True)
class Query:
    """What the list's address asks for."""

    q: str
    sort: str
    descending: bool
    per_page: int
    bounds: dict[str, Any]
    """By parameter, such as min_age."""
    after: str | None
    before: str | None


@dataclass(frozen=True)
class Page:
    """A page of students, and the keys of its neighbours where there are any."""

    students: list[Student]
    before: str | None
    after: str | None


def parse_query(arguments: Mapping[str, str]) -> Query:
    """Read a list's address. Raises BadQuery."""
    sort = arguments.get("sort") or "name"
    if sort.removeprefix("-") not in BY_NAME:
        raise BadQuery(f"The list can't be sorted by “{sort}”. It can be sorted by {', '.join(BY_NAME)}.")
    return Query(
        q=words_of(arguments),
        sort=sort.removeprefix("-"),
        descending=sort.startswith("-"),
        per_page=parse_per_page(arguments),
        bounds=_bounds(arguments),
        after=arguments.get("after") or None,
        before=arguments.get("before") or None,
    )


def words_of(arguments: Mapping[str, str]) -> str:
    """Read the words to search for. Raises BadQuery."""
    try:
        return read_text(arguments.get("q", ""))  # as names are read, or nothing would be found
    except Problem:
        raise BadQuery("The search holds an invisible control character. Type it again by hand.") from None


def parse_per_page(arguments: Mapping[str, str]) -> int:
    """Read how many students a page shall hold. Raises BadQuery."""
    text = arguments.get("per_page") or str(PER_PAGE)
    if not (text.isascii() and text.isdecimal()) or not 1 <= int(text[:9]) <= MOST_PER_PAGE:
        raise BadQuery(f"A page can hold 1 to {MOST_PER_PAGE} students, but the address asks for “{text[:40]}”.")
    return int(text)


def parse_place(arguments: Mapping[str, str], name: str) -> int | None:
    """Read the whole number next to which a page begins; None if the address names none. Raises BadQuery."""
    text = arguments.get(name, "").strip()
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and len(text) <= DIGITS):
        raise BadQuery("The address of this page was cut off or changed. Start again from the first page of the list.")
    return int(text)


def page(session: Session, query: Query) -> Page:
    """Read one page of the list. Raises BadQuery for a key that this list did not give out."""
    backwards = query.before is not None
    cursor = query.before or query.after
    statement = matching(select(Student), query)
    if cursor:
        statement = statement.where(_beyond(query, _read_key(query, cursor), backwards=backwards))
    found = list(session.scalars(statement.order_by(*_order(query, backwards=backwards)).limit(query.per_page + 1)))
    more, shown = len(found) > query.per_page, found[: query.per_page]
    if backwards:
        shown.reverse()
    first, last = (key_of(query, shown[0]), key_of(query, shown[-1])) if shown else (None, None)
    return Page(
        shown,
        before=first if (more if backwards else query.after) else None,
        after=last if (query.before if backwards else more) else None,
    )


def stream(session: Session, query: Query, ids: Sequence[int] = ()) -> Iterator[list[dict[str, Any]]]:
    """Give all students of the list, or only some of them, a part at a time, in flat memory."""
    rows = matching(select(*(students.c[column.name] for column in COLUMNS)), query).order_by(*_order(query, backwards=False))
    rows = rows.where(students.c.id.in_(ids)) if ids else rows
    for part in session.execute(rows, execution_options={"yield_per": BATCH}).partitions():
        yield [dict(row._mapping) for row in part]


def key_of(query: Query, student: Student) -> str:
    """Give the key of a student's place in the list."""
    return base64.urlsafe_b64encode(json.dumps([getattr(student, query.sort), student.id]).encode()).decode().rstrip("=")


def neighbours(session: Session, query: Query, student: Student) -> tuple[int | None, int | None]:
    """Give the ids of the students before and after this one in the list, whether or not it is itself in it."""
    here = key_of(query, student)
    before = page(session, replace(query, before=here, after=None, per_page=1)).students
    after = page(session, replace(query, after=here, before=None, per_page=1)).students
    return (before[0].id if before else None), (after[0].id if after else None)


def count(session: Session, query: Query) -> int:
    return session.scalar(matching(select(func.count()).select_from(Student), query)) or 0


def _bounds(arguments: Mapping[str, str]) -> dict[str, Any]:
    bounds = {}
    for column in COLUMNS:
        for side in ("min", "max"):
            text = arguments.get(f"{side}_{column.name}", "").strip()
            if text and column.kind is not str:
                try:
                    bounds[f"{side}_{column.name}"] = column.read(text)
                except Problem as problem:
                    raise BadQuery(problem.sentence(column.label)) from None
    return bounds


def matching(statement: Select[Any], query: Query) -> Select[Any]:
    """Keep the students whose name holds each of the words, and whose numbers lie within the bounds."""
    for word in query.q.split():
        statement = statement.where(Student.name.icontains(word, autoescape=True))
    for parameter, bound in query.bounds.items():
        side, name = parameter.split("_", 1)
        column = _column(name)
        statement = statement.where(column >= bound if side == "min" else column <= bound)
    return statement


def _order(query: Query, *, backwards: bool) -> list[ColumnElement[Any]]:
    """Sort by the column, then by id; blanks come last whichever way, so they come first when read backwards."""
    column, down = _column(query.sort), query.descending != backwards
    first = column.desc() if down else column.asc()
    return [first.nulls_first() if backwards else first.nulls_last(), Student.id.desc() if down else Student.id.asc()]


def _beyond(query: Query, key: tuple[Any, int], *, backwards: bool) -> ColumnElement[bool]:
    """Keep the students behind the key in the list's order, or those before it."""
    value, student_id = key
    column, up = _column(query.sort), query.descending == backwards
    further = (Student.id > student_id) if up else (Student.id < student_id)
    if value is None:
        same = and_(column.is_(None), further)
        return or_(column.is_not(None), same) if backwards else same
    beyond = or_(column > value if up else column < value, and_(column == value, further))
    return beyond if backwards else or_(beyond, column.is_(None))


def _column(name: str) -> ColumnElement[Any]:
    return students.c[name]


def _read_key(query: Query, text: str) -> tuple[Any, int]:
    """Take a key apart that `key_of` made; anything else in its place is refused, not run into."""
    try:
        value, student_id = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        kinds = (int, float) if BY_NAME[query.sort].kind is float else (BY_NAME[query.sort].kind,)
        if (value is None or type(value) in kinds) and type(student_id) is int and abs(student_id) < 2**63:
            return value, student_id
    except (ValueError, TypeError, binascii.Error):
        pass
    raise BadQuery("The address of this page was cut off or changed. Start again from the first page of the list.")
