"""Save a form that may be older than the record: what does not clash is merged, and what clashes is for a person to decide."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.orm import Session

from merge import history, record
from merge.columns import VALUES
from merge.history import Entry
from merge.record import Conflict
from merge.three_way import Merged, merge_fields
from models import Student

# Each try means that somebody else was faster once more.
TRIES = 20


@dataclass(frozen=True)
class Stand:
    """How a form and the record as it now stands differ, by the version that the form was made from."""

    version: int
    """The one that the record now has."""
    base: dict[str, Any] | None
    theirs: dict[str, Any]
    merged: Merged
    by: dict[str, Entry]
    """For each field that others changed, their last change of it."""

    @property
    def others(self) -> list[str]:
        """Name those who changed the record since, each once."""
        return list(dict.fromkeys(entry.actor for entry in self.by.values()))


@dataclass(frozen=True)
class Saved:
    """The record as it was saved, and how it was merged, where somebody else had saved it meanwhile."""

    student: Student
    stand: Stand | None
    over: int | None
    """The version that it was saved over, and still has where there was nothing to change."""


class Clash(Exception):
    """Both sides changed the same field. Nothing was written."""

    def __init__(self, stand: Stand) -> None:
        super().__init__(stand.merged.clashing)
        self.stand = stand


def save(session: Session, values: Mapping[str, Any], *, version: int | None, actor: str, reason: str) -> Saved:
    """Merge a form made from `version` into a record that is there, and commit. Raises Clash; and Conflict if it was deleted."""
    stand, merged, newest = None, dict(values), version
    for _ in range(TRIES):
        try:
            return Saved(record.save(session, merged, version=newest, actor=actor, reason=reason), stand, newest)
        except Conflict:
            stand = compare(session, values, version)
            if stand is None:
                raise
            if stand.merged.clashing:
                raise Clash(stand) from None
            merged, newest = {**values, **stand.merged.values}, stand.version
    raise Clash(stand)  # type: ignore[arg-type]  # a try that failed has made one


def compare(session: Session, values: Mapping[str, Any], version: int | None) -> Stand | None:
    """Tell how a form made from `version` and the record now differ, without saving; None if there is no such record now."""
    student_id = values["id"]
    student = session.get(Student, student_id, populate_existing=True)
    if student is None:
        return None
    base = None if version is None else history.at_version(session, student_id, version)
    theirs = {column.name: getattr(student, column.name) for column in VALUES}
    stood = None if base is None or base.deleted else base.values
    entries = history.since(session, student_id, version or 0 if base else 0)
    return Stand(student.version, stood, theirs, merge_fields(stood, theirs, values), _last_changes(stood, entries))


def _last_changes(base: dict[str, Any] | None, entries: list[Entry]) -> dict[str, Entry]:
    """Find for each field the last of the entries that changed it."""
    last: dict[str, Entry] = {}
    before = base
    for entry in entries:
        last |= {name: entry for name, value in entry.values.items() if before is None or before[name] != value}
        before = entry.values
    return last
