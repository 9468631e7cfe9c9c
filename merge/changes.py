"""What changed lately across the school: by whom, by which import, on which day."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, tzinfo
from typing import Any

from sqlalchemy import ColumnElement, Select, and_, exists, func, select
from sqlalchemy.orm import Session

from merge.columns import VALUES
from merge.erase import RETENTION
from merge.history import Cell, changed_cells
from merge.query import parse_day, parse_place, typed_name
from merge.undo_change import NEVER
from models import AuditEntry, Change, Import, revisions
from people import addresses
from time_zones import day_begins, day_ends

CHANGES = 50
# More than any change is numbered.
BEYOND = 2**62
earlier, later = revisions.alias("earlier"), revisions.alias("later")


@dataclass(frozen=True)
class Query:
    """What the address asks for."""

    actor: str
    """An address, a command, or the name of one or more people."""
    import_id: int | None
    first_day: date | None
    last_day: date | None
    before: int | None


@dataclass(frozen=True)
class Entry:
    """One change: what it did to one student, or the import whose sheet it applied or took back."""

    change: Change
    import_: Import | None = None
    student_id: int | None = None
    name: str = ""
    version: int = 0
    deleted: bool = False
    cells: Sequence[Cell] = ()
    undoable: bool = False
    """Whether it can be undone by itself: nobody has changed the student since."""

    @property
    def erased(self) -> bool:
        """Whether the student was erased since."""
        return self.student_id is not None and not self.name


@dataclass(frozen=True)
class Page:
    """Changes, newest first, and the one before which the next page begins, where there is one."""

    entries: list[Entry]
    before: int | None


def parse_query(arguments: Mapping[str, str]) -> Query:
    """Read the address. Raises BadQuery."""
    return Query(
        actor=typed_name(arguments, "actor"),
        import_id=parse_place(arguments, "import"),
        first_day=parse_day(arguments, "from"),
        last_day=parse_day(arguments, "to"),
        before=parse_place(arguments, "before"),
    )


def page(session: Session, query: Query, zone: tzinfo = UTC) -> Page:
    """Read one page, its days being the zone's. Each filter has an index; rows that an import wrote are not looked at."""
    rows = _matching(session, query, zone).order_by(Change.id.desc()).limit(CHANGES + 1)
    found = session.execute(rows).all()
    shown = found[:CHANGES]
    students = _students(session, [change.id for change, import_ in shown if import_ is None])
    entries = [students.get(change.id, Entry(change, import_)) for change, import_ in shown]
    return Page(entries, shown[-1][0].id if len(found) > CHANGES else None)


def actors(session: Session, limit: int) -> list[str]:
    """Name those who changed something, in the order of the alphabet; each is found by one step in the index."""
    names: list[str] = []
    while len(names) < limit:
        name = session.scalar(select(func.min(Change.actor)).where(Change.actor > (names[-1] if names else "")))
        if name is None:
            break
        names.append(name)
    return names


def within_days(
    session: Session, numbered: type[Change] | type[AuditEntry], first: date | None, last: date | None, zone: tzinfo
) -> list[ColumnElement[bool]]:
    """Keep the changes or entries of these days in the zone, all told: they are numbered in the order in which they began."""
    kept: list[ColumnElement[bool]] = []
    if first:
        begins = _first(session, numbered, numbered.at >= day_begins(first, zone))
        kept.append(numbered.id >= (BEYOND if begins is None else begins))
    if last and (after := _first(session, numbered, numbered.at >= day_ends(last, zone))) is not None:
        kept.append(numbered.id < after)
    return kept


def _first(session: Session, numbered: type[Change] | type[AuditEntry], since: ColumnElement[bool]) -> int | None:
    return session.scalar(select(numbered.id).where(since).order_by(numbered.at, numbered.id).limit(1))


def _matching(session: Session, query: Query, zone: tzinfo) -> Select[Change, Import]:
    rows = select(Change, Import).outerjoin(Import, Import.id == Change.import_id)
    if query.actor:
        rows = rows.where(Change.actor.in_(addresses(query.actor)))
    if query.import_id is not None:
        rows = rows.where(Change.import_id == query.import_id)
    rows = rows.where(*within_days(session, Change, query.first_day, query.last_day, zone))
    return rows if query.before is None else rows.where(Change.id < query.before)


def _students(session: Session, change_ids: list[int]) -> dict[int, Entry]:
    """Give what changes of single students did, by the change."""
    before = and_(earlier.c.student_id == revisions.c.student_id, earlier.c.version == revisions.c.version - 1)
    newer = and_(later.c.student_id == revisions.c.student_id, later.c.version == revisions.c.version + 1)
    columns = [earlier.c[column.name].label(f"was_{column.name}") for column in VALUES]
    rows = (
        select(
            Change,
            revisions,
            earlier.c.version.label("was_there"),
            earlier.c.deleted.label("was_deleted"),
            exists().where(newer).label("overtaken"),
            *columns,
        )
        .join(revisions, revisions.c.change_id == Change.id)
        .outerjoin(earlier, before)
        .where(Change.id.in_(change_ids), Change.reason != RETENTION)  # which is about thousands
    )
    return {row.Change.id: _entry(row) for row in session.execute(rows)}


def _entry(row: Any) -> Entry:
    after = {column.name: getattr(row, column.name) for column in VALUES}
    stood = row.was_there is not None and not row.was_deleted
    was = {column.name: getattr(row, f"was_{column.name}") for column in VALUES} if stood else None
    return Entry(
        row.Change,
        None,
        row.student_id,
        row.name or "",
        row.version,
        row.deleted,
        changed_cells(after, was),
        row.Change.reason not in NEVER and not row.overtaken,
    )
