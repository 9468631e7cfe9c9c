"""What became of one student: every version, who made it and by what, and the way back to any of them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, func, select
from sqlalchemy.orm import Session

from merge import record
from merge.columns import NAME, VALUES, StudentColumn
from models import Change, Import, Student, revisions, title_of
from words import Later

ENTRIES = 50
# Who saved a record two hundred times while a form was open is not told apart any more.
MOST_SINCE = 200


later = revisions.alias("later")


@dataclass(frozen=True)
class Entry:
    """A student as they stood at one version, and the act that made them so."""

    version: int
    deleted: bool
    values: dict[str, Any]
    change_id: int
    at: datetime
    actor: str
    reason: str
    import_id: int | None
    filename: str | Later | None
    """What the import is called, where one made this version."""

    @property
    def erased(self) -> bool:
        """Whether the student was erased since: every student has a name, and no version of theirs has one any more."""
        return self.values[NAME.name] is None


@dataclass(frozen=True)
class Cell:
    """What a version changed in one column, as a person reads it; before is None where nothing stood before it."""

    column: StudentColumn
    before: str | None
    after: str


@dataclass(frozen=True)
class Page:
    """Versions, newest first, each with the cells that it changed, and the one before which the next page begins."""

    entries: list[tuple[Entry, list[Cell]]]
    before: int | None


def page(session: Session, student_id: int, before: int | None = None) -> Page:
    """Give the newest versions, or the newest before one; none for an id that nobody ever had."""
    rows = _entries(student_id)
    if before is not None:
        rows = rows.where(revisions.c.version < before)
    found = [_entry(row) for row in session.execute(rows.order_by(revisions.c.version.desc()).limit(ENTRIES + 1))]
    shown = found[:ENTRIES]
    older: list[Entry | None] = [*found[1:], None]
    return Page(
        [(entry, changed_cells(entry.values, _stood(earlier))) for entry, earlier in zip(shown, older, strict=False)],
        shown[-1].version if len(found) > ENTRIES else None,
    )


def at_version(session: Session, student_id: int, version: int) -> Entry | None:
    """Give the student as they stood at a version; None if there is no such version."""
    row = session.execute(_entries(student_id).where(revisions.c.version == version)).first()
    return None if row is None else _entry(row)


def newest_version(session: Session, student_id: int) -> Entry | None:
    """Give the student's newest version; None for an id that nobody ever had."""
    row = session.execute(_entries(student_id).order_by(revisions.c.version.desc()).limit(1)).first()
    return None if row is None else _entry(row)


def newest_versions(session: Session, student_ids: Iterable[int]) -> dict[int, Entry]:
    """Give the newest versions of several students."""
    newest = select(func.max(later.c.version)).where(later.c.student_id == revisions.c.student_id).scalar_subquery()
    rows = _all_entries().where(revisions.c.student_id.in_(list(student_ids)), revisions.c.version == newest)
    return {row.student_id: _entry(row) for row in session.execute(rows)}


def since(session: Session, student_id: int, version: int, limit: int | None = MOST_SINCE) -> list[Entry]:
    """Give the versions after one, oldest first; of more than the limit only the newest."""
    rows = _entries(student_id).where(revisions.c.version > version).order_by(revisions.c.version.desc()).limit(limit)
    return [_entry(row) for row in session.execute(rows)][::-1]


def changed_cells(after: Mapping[str, Any], before: Mapping[str, Any] | None) -> list[Cell]:
    """Give the cells that differ; all that are filled where nothing stood before."""
    if before is None:
        return [Cell(column, None, column.write(after[column.name])) for column in VALUES if after[column.name] is not None]
    return [
        Cell(column, column.write(before[column.name]), column.write(after[column.name]))
        for column in VALUES
        if before[column.name] != after[column.name]
    ]


def revert(session: Session, student_id: int, to: Entry, *, version: int | None, actor: str) -> Student:
    """Let the student stand again as at that version, as a new one; one who was deleted comes back.

    `version` is the newest that the writer saw. Raises Conflict.
    """
    return record.save(session, {"id": student_id, **to.values}, version=version, actor=actor, reason="revert")


def _entries(student_id: int) -> Select[Any]:
    return _all_entries().where(revisions.c.student_id == student_id)


def _all_entries() -> Select[Any]:
    acts = (Change.at, Change.actor, Change.reason, Change.import_id, Import.filename, Import.options)
    return (
        select(revisions, *acts).join(Change, Change.id == revisions.c.change_id).outerjoin(Import, Import.id == Change.import_id)
    )


def _entry(row: Row[Any]) -> Entry:
    values = {column.name: getattr(row, column.name) for column in VALUES}
    title = title_of(row.filename, row.options or {})
    return Entry(row.version, row.deleted, values, row.change_id, row.at, row.actor, row.reason, row.import_id, title)


def _stood(earlier: Entry | None) -> dict[str, Any] | None:
    return None if earlier is None or earlier.deleted else earlier.values
