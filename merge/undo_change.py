"""Take one change back as a whole, or not at all: the Undo that a save, a deletion and a restored version answer with."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, FromClause, and_, exists, func, select
from sqlalchemy.orm import Session

from merge import erase, history
from merge.columns import NAME
from merge.door import open_change
from merge.history import Cell, Entry
from merge.undo import undo
from models import Change, revisions

REASON = "undo"
NEVER = (erase.REASON, erase.RETENTION)
# A page names so many of the students that keep a change from being undone.
NAMED = 10

before, later, last = revisions.alias("before"), revisions.alias("later"), revisions.alias("last")


class Overtaken(Exception):
    """Somebody has changed a student of the change since. Nothing was written."""


class Repeated(Exception):
    """The actor has undone the change already, by this other one. Nothing was written a second time."""

    def __init__(self, change_id: int) -> None:
        super().__init__(change_id)
        self.change_id = change_id


@dataclass(frozen=True)
class Outcome:
    """What a change did: to how many students, and to the first of them by id."""

    number: int
    student_id: int
    name: str | None
    """None once the student was erased."""
    was_there: bool
    is_there: bool


@dataclass(frozen=True)
class Overtaking:
    """A student whom somebody has changed since: as the change left them, and as they are now."""

    student_id: int
    then: Entry
    now: Entry

    @property
    def cells(self) -> list[Cell]:
        return history.changed_cells(self.now.values, None if self.then.deleted else self.then.values)


def undoable(session: Session, change_id: int) -> Change | None:
    """Give the change, if it is of a kind that is undone like this: no erasure, and no import's, which a worker undoes."""
    kind = (Change.import_id.is_(None), Change.reason.not_in(NEVER), exists().where(revisions.c.change_id == Change.id))
    return session.scalar(select(Change).where(Change.id == change_id, *kind))


def change_of(session: Session, student_id: int, version: int) -> int | None:
    """Find the change that made this version of a student."""
    made = select(revisions.c.change_id).where(revisions.c.student_id == student_id, revisions.c.version == version)
    return session.scalar(made)


def undo_change(session: Session, change_id: int, *, actor: str) -> int:
    """Bring each student of the change back to how they were before it, commit, and give the new change's id.

    That one can be undone in turn. Raises Overtaken, and Repeated.
    """
    by_change_id = open_change(session, actor, REASON)
    _, skipped = undo(session, change_id, by_change_id, lambda _share: None)
    if not skipped:
        session.commit()
        return by_change_id
    session.rollback()
    repeated = _undone_by(session, change_id, actor)
    raise Overtaken if repeated is None else Repeated(repeated)


def outcome(session: Session, change_id: int) -> Outcome:
    """Say what a change that touched students did."""
    ours = revisions.c.change_id == change_id
    number = session.scalar(select(func.count()).select_from(revisions).where(ours)) or 0
    was_there = exists().where(_follows(before, revisions), ~before.c.deleted)
    first = select(revisions.c.student_id, revisions.c[NAME.name], was_there, ~revisions.c.deleted).where(ours)
    return Outcome(number, *session.execute(first.order_by(revisions.c.student_id).limit(1)).one())


def overtaken(session: Session, change_id: int) -> list[Overtaking]:
    """Give the first students who keep a change from being undone."""
    rows = select(revisions.c.student_id, revisions.c.version).where(revisions.c.change_id == change_id)
    rows = rows.where(exists().where(_follows(revisions, later))).order_by(revisions.c.student_id).limit(NAMED)
    found = [
        (id_, history.at_version(session, id_, version), history.newest_version(session, id_))
        for id_, version in session.execute(rows)
    ]
    return [Overtaking(id_, then, now) for id_, then, now in found if then and now]


def _undone_by(session: Session, change_id: int, actor: str) -> int | None:
    """Find the undo by the same actor that is all that has happened since: a second click on the button meant that one."""
    ours = (revisions.c.change_id == change_id, ~exists().where(_follows(later, last)))
    theirs = (Change.actor == actor, Change.reason == REASON, Change.import_id.is_(None))
    rows = select(later.c.change_id).join(revisions, _follows(revisions, later)).join(Change, Change.id == later.c.change_id)
    return session.scalar(rows.where(*ours, *theirs).limit(1))


def _follows(earlier: FromClause, then: FromClause) -> ColumnElement[bool]:
    return and_(then.c.student_id == earlier.c.student_id, then.c.version == earlier.c.version + 1)
