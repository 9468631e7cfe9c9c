"""Where a page begins in a sorted list: blanks stand last, and a list is read in stretches that an index holds in order."""

import base64
import binascii
import json
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, FromClause, tuple_

from merge.columns import BY_NAME
from merge.query import CUT_OFF, BadQuery, Query
from models import Student, students

END = "end"
"""The address of what comes before the end: the last page."""


@dataclass(frozen=True)
class Place:
    """A student's place in the list: the value that it is sorted by, then the id."""

    value: Any
    student_id: int


@dataclass(frozen=True)
class Stretch:
    """A part of the list: the students with a value in the column, or those with none; and where in it to begin."""

    query: Query
    blank: bool
    start: Place | None

    @property
    def _down(self) -> bool:
        return self.query.descending != (self.query.before is not None)

    def clause(self, rows: FromClause) -> list[ColumnElement[bool]]:
        """Keep what lies in the stretch and behind its start, in a form that an index of the column and the id serves."""
        value, key = rows.c[self.query.sort], rows.c.id
        kept: list[ColumnElement[bool]] = []
        if not BY_NAME[self.query.sort].required:
            kept.append(value.is_(None) if self.blank else value.is_not(None))
        if self.start is None:
            return kept
        one = self.blank or BY_NAME[self.query.sort].key
        here: Any = key if one else tuple_(value, key)
        start: Any = self.start.student_id if one else tuple_(self.start.value, self.start.student_id)
        return [*kept, here < start if self._down else here > start]

    def order(self, rows: FromClause) -> list[ColumnElement[Any]]:
        value, key = rows.c[self.query.sort], rows.c.id
        columns = [key] if self.blank or BY_NAME[self.query.sort].key else [value, key]
        return [column.desc() if self._down else column.asc() for column in columns]


def stretches(query: Query, start: Place | None) -> Iterator[Stretch]:
    """Cut what follows the start into stretches, in the order of reading: blanks last, so first when read backwards."""
    backwards = query.before is not None
    kinds = [False] if BY_NAME[query.sort].required else [backwards, not backwards]
    if start and (start.value is None) != kinds[0]:
        kinds = kinds[1:]
    for kind in kinds:
        yield Stretch(query, kind, start if kind == kinds[0] else None)


def whole_order(query: Query) -> list[ColumnElement[Any]]:
    """Order all of the list at once: by the column, then by id, blanks last."""
    columns = [students.c[query.sort], students.c.id]
    first, second = [column.desc() if query.descending else column.asc() for column in columns]
    return [second] if BY_NAME[query.sort].key else [first.nulls_last(), second]


def place_of(query: Query, student: Student) -> Place:
    return Place(getattr(student, query.sort), student.id)


def write_place(query: Query, place: Place) -> str:
    """Write a place for an address of this list."""
    text = json.dumps([query.sort, place.value, place.student_id], ensure_ascii=False).encode()
    return base64.urlsafe_b64encode(zlib.crc32(text).to_bytes(4, "big") + text).decode().rstrip("=")


def read_place(query: Query) -> Place | None:
    """Read where the query's page begins, None for an end of the list. Raises BadQuery for what this list did not give out."""
    text = query.before if query.before is not None else query.after
    if text is None or (text == END and query.before is not None):
        return None
    try:
        raw = base64.b64decode(text.encode("ascii") + b"=" * (-len(text) % 4), altchars=b"-_", validate=True)
        sort, value, student_id = json.loads(raw[4:].decode())
    except (ValueError, TypeError, binascii.Error, RecursionError):
        raise BadQuery(str(CUT_OFF)) from None
    if raw[:4] != zlib.crc32(raw[4:]).to_bytes(4, "big") or sort != query.sort or not _fits(query, value, student_id):
        raise BadQuery(str(CUT_OFF))
    return Place(value, student_id)


def _fits(query: Query, value: Any, student_id: Any) -> bool:
    """Tell whether a database takes them: the sum at the front is no secret, so anybody may have made it anew."""
    column = BY_NAME[query.sort]
    if type(student_id) is not int or abs(student_id) >= 2**63:
        return False
    if value is None:
        return not column.required
    if isinstance(value, str):
        return column.kind is str and not any(c == "\0" or "\ud800" <= c <= "\udfff" for c in value)
    kinds = (int, float) if column.kind is float else (column.kind,)
    return type(value) in kinds and bool(abs(value) < 2**63)  # and so no NaN
