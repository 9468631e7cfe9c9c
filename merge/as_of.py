"""The table as it stood at a moment, read from the revisions. It is walked by id, the order in which they lie."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from merge.columns import COLUMNS, KEY, VALUES
from merge.query import parse_moment, parse_per_page, parse_place, words_of
from merge.search import has_words, read_words
from models import Change, revisions

later = revisions.alias("later")


@dataclass(frozen=True)
class Query:
    """What the address of such a list asks for."""

    at: datetime
    q: str
    per_page: int
    after: int | None
    before: int | None


@dataclass(frozen=True)
class Page:
    """A page of students as they stood, by column, and the ids next to which its neighbours begin, where there are any."""

    students: list[dict[str, Any]]
    before: int | None
    after: int | None


def parse_query(arguments: Mapping[str, str], zone: tzinfo = UTC) -> Query:
    """Read the address, whose time is the zone's. Raises BadQuery."""
    return Query(
        at=parse_moment(arguments.get("as_of", ""), zone),
        q=words_of(arguments),
        per_page=parse_per_page(arguments),
        after=parse_place(arguments, "after"),
        before=parse_place(arguments, "before"),
    )


def page(session: Session, query: Query) -> Page:
    """Read one page. Its cost does not grow with the table where each student has a few versions."""
    backwards = query.before is not None
    found = [_student(row) for row in session.execute(page_rows(session, query))]
    more, shown = len(found) > query.per_page, found[: query.per_page]
    if backwards:
        shown.reverse()
    earlier, further = (more, True) if backwards else (query.after is not None, more)
    first, last = (shown[0][KEY.name], shown[-1][KEY.name]) if shown else (None, None)
    return Page(shown, first if earlier else None, last if further else None)


def page_rows(session: Session, query: Query) -> Select[Any]:
    """Select a page's students and one more, in the order in which they are read."""
    key, rows = revisions.c.student_id, standing(session, query).limit(query.per_page + 1)
    if query.before is not None:
        return rows.where(key < query.before).order_by(key.desc())
    return rows.where(key > (query.after or 0)).order_by(key)


def everybody(session: Session, query: Query) -> Select[Any]:
    """Select all students as they stood, a value a column."""
    return standing(session, query).order_by(revisions.c.student_id)


def standing(session: Session, query: Query) -> Select[Any]:
    """Select each student's last version of all that belong to changes up to the moment.

    A change counts from when it was opened, and changes are numbered in that order: a large import that was written
    while others saved is in force from the moment at which it began.
    """
    last = session.scalar(select(Change.id).where(Change.at <= query.at).order_by(Change.at.desc(), Change.id.desc()).limit(1))
    until = last or 0
    # A scalar, so that each row asks the index: as a join, PostgreSQL would make it out for the whole table first.
    newest = (
        select(func.max(later.c.version))
        .where(later.c.student_id == revisions.c.student_id, later.c.change_id <= until)
        .scalar_subquery()
    )
    rows = select(revisions.c.student_id.label(KEY.name), *(revisions.c[column.name] for column in VALUES))
    rows = rows.where(revisions.c.change_id <= until, ~revisions.c.deleted, revisions.c.version == newest)
    return rows.where(has_words(revisions, read_words(query.q))) if query.q else rows


def _student(row: Row[Any]) -> dict[str, Any]:
    return {column.name: getattr(row, column.name) for column in COLUMNS}
