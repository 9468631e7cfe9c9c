"""Erase a student: what is known of them goes from everywhere; that they were erased, when and by whom, stays."""

from collections import defaultdict
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    cast,
    delete,
    exists,
    func,
    insert,
    literal,
    or_,
    select,
    true,
    update,
)
from sqlalchemy.orm import Session

import audit
from audit import Act
from merge import duplicates, merged_ids
from merge.columns import NAME, VALUES
from merge.door import NAMES, enter_alone, let_students_follow, open_change, write_revisions
from merge.file_rewrite import request_rewrite
from merge.imports.discarding import discard
from merge.imports.states import BUSY, RELEASED
from merge.mentions import names_of, scrub_mentions
from merge.merged_ids import all_ids, leads_elsewhere, survivor_of
from merge.problems import Problem, dump_problems
from merge.record import Conflict
from merge.review import is_choice
from merge.staged import same_line
from merge.uploads import discard_after_commit
from models import (
    Change,
    FormToken,
    HeadingChoice,
    Import,
    KeptAnswer,
    Student,
    now,
    planned_rows,
    revisions,
    staged_rows,
    students,
)

REASON, RETENTION = "erasure", "retention"
# How many who were deleted long ago are erased in one transaction, in which nobody else can write to SQLite.
MOST = 5_000
BLANK: dict[str, Any] = {column.name: None for column in VALUES}
erasing, later, choice = revisions.alias("erasing"), revisions.alias("later"), planned_rows.alias("choice")
GONE = dump_problems({"": Problem("erased")})


class Busy(RuntimeError):
    """A worker is at an import, which may hold the student. Nothing was erased."""


@dataclass(frozen=True)
class Outlook:
    """What is there to be erased."""

    version: int
    """The student's newest; as many versions there are."""
    done: list[Import]
    """Imports that are over: the student's rows in them are blanked, and their files go."""
    waiting: list[Import]
    """Imports that wait with a row of the student's: they are cancelled."""
    unread: list[Import]
    """Imports whose sheet was never read to its end, so that nobody knows whom it holds: their files go."""

    @property
    def seen(self) -> str:
        """Name the imports, so that none is touched that was not shown."""
        return ",".join(str(import_.id) for import_ in (*self.done, *self.waiting, *self.unread))


def outlook(session: Session, student_id: int) -> Outlook | None:
    """Say what erasing a student would take; None for an id that nobody ever had or that leads elsewhere, or who was erased."""
    newest = session.execute(
        select(revisions.c.version, revisions.c[NAME.name])
        .where(revisions.c.student_id == student_id)
        .order_by(revisions.c.version.desc())
        .limit(1)
    ).first()
    if newest is None or newest.name is None or survivor_of(session, student_id):
        return None
    holding = list(session.scalars(imports_holding(student_id)))
    # A sheet that waits for an answer may have no rows in the database, as one that could not be read.
    asking = and_(Import.state == "ready", Import.questions.is_not(None), Import.rows == 0)
    unread = select(Import).where(or_(Import.state == "failed", asking), Import.path != "").order_by(Import.id)
    return Outlook(
        newest.version,
        [import_ for import_ in holding if import_.state in ("applied", "undone")],
        [import_ for import_ in holding if import_.state == "ready"],
        list(session.scalars(unread)),
    )


def erased_at(session: Session, student_id: int) -> datetime:
    """Tell when a student was erased who is known to be."""
    newest = select(Change.at).join(revisions, revisions.c.change_id == Change.id).where(revisions.c.student_id == student_id)
    return session.execute(newest.order_by(revisions.c.version.desc()).limit(1)).scalar_one()


def erase(session: Session, student_id: int, *, version: int | None, seen: str, actor: str) -> None:
    """Erase a student as they were shown at `version`, with the imports `seen`, and commit. Raises Conflict and Busy."""
    if session.scalar(select(Import.id).where(Import.state.in_(BUSY)).limit(1)):
        session.rollback()
        raise Busy
    enter_alone(session)
    there = outlook(session, student_id)
    if there is None or (there.version, there.seen) != (version, seen):
        session.rollback()
        raise Conflict(student_id)
    # Their names are still needed to find the rows.
    names = names_of(session, student_id)
    _drop_corrections(session, student_id)
    _blank_rows(session, student_id)
    _let_student_go(session, student_id, actor)
    _let_imports_go(session, there)
    scrub_mentions(session, names)
    request_rewrite(session)
    audit.add(session, Act.STUDENT_ERASED, f"student {student_id}", actor=actor)
    session.commit()


def erase_deleted(session: Session, deleted_before: datetime) -> int:
    """Erase some thousands who were deleted before then, commit, and count them. Who stands in a sheet is left for later."""
    long_gone = _deleted(deleted_before).limit(MOST)
    if session.execute(long_gone.limit(1)).first() is None:
        session.rollback()
        return 0
    enter_alone(session)
    change_id = open_change(session, RETENTION, RETENTION)
    blank = [cast(None, revisions.c[name].type) for name in NAMES]
    gone = long_gone.subquery()
    names = list(session.scalars(select(revisions.c[NAME.name]).where(revisions.c.student_id.in_(select(gone.c.student_id)))))
    number = write_revisions(session, select(gone.c.student_id, gone.c.version + 1, literal(change_id), true(), *blank))
    _blank_versions(session, change_id)
    scrub_mentions(session, [name for name in names if name])
    request_rewrite(session)
    audit.add(session, Act.STUDENT_ERASED, actor=RETENTION, students=number)
    session.commit()
    return number


def imports_holding(student_id: int) -> Any:
    """Select the imports that have a row on the student, oldest first."""
    holding = select(staged_rows.c.import_id).where(means(student_id))
    # One that goes on with the rest of a sheet has its whole file.
    return select(Import).where(or_(Import.id.in_(holding), Import.rest_of.in_(holding))).order_by(Import.id)


def means(student_id: int) -> ColumnElement[bool]:
    """Tell a staged row on the student: by an id that is or leads to theirs, or else by a name that they have had."""
    ids = all_ids(student_id)
    names = select(revisions.c[NAME.name]).where(revisions.c.student_id.in_(ids), revisions.c[NAME.name].is_not(None))
    keys = select(students.c.name_key).where(students.c.id.in_(ids))
    unknown = or_(staged_rows.c.student_id.is_(None), exists().where(_is_choice()))
    nameless = and_(or_(staged_rows.c[NAME.name].in_(names), staged_rows.c.name_key.in_(keys)), unknown)
    return or_(staged_rows.c.student_id.in_(ids), nameless)


def _is_choice() -> ColumnElement[bool]:
    """Tell a row that could mean several students, and got an id of its own until somebody would choose."""
    row = and_(choice.c.import_id == staged_rows.c.import_id, choice.c.verdict == "review", choice.c.line == staged_rows.c.line)
    return and_(row, is_choice(choice))


def _blank_rows(session: Session, student_id: int) -> None:
    problems = case((staged_rows.c.problems.is_not(None), GONE))
    planned = or_(planned_rows.c.student_id.in_(all_ids(student_id)), exists().where(same_line(), means(student_id)))
    for statement in (
        update(planned_rows).where(planned).values(**BLANK),
        update(staged_rows).where(means(student_id)).values(cells="", problems=problems, name_key=None, **BLANK),
    ):
        session.execute(statement, execution_options={"synchronize_session": False})


def _drop_corrections(session: Session, student_id: int) -> None:
    """Take out of each sheet the cells that somebody has corrected in the student's rows."""
    rows = select(staged_rows.c.import_id, staged_rows.c.line).where(means(student_id))
    lines = defaultdict[int, set[str]](set)
    for import_id, line in session.execute(rows):
        lines[import_id].add(str(line))
    for import_ in session.scalars(select(Import).where(or_(Import.id.in_(lines), Import.rest_of.in_(lines)))):
        theirs = lines[import_.id] | lines[import_.rest_of or import_.id]
        mended = {line: cells for line, cells in import_.sheet.get("mended", {}).items() if line not in theirs}
        import_.sheet = {**import_.sheet, "mended": mended}


def _let_student_go(session: Session, student_id: int, actor: str) -> None:
    """Delete the student, and each record that was merged into theirs, by one more version, and blank all there are."""
    change_id = open_change(session, actor, REASON)
    newest = select(revisions.c.student_id, func.max(revisions.c.version) + 1, literal(change_id), true())
    of_all = newest.where(revisions.c.student_id.in_(all_ids(student_id))).group_by(revisions.c.student_id)
    session.execute(insert(revisions).from_select(["student_id", "version", "change_id", "deleted"], of_all))
    is_there = session.scalar(select(func.count()).select_from(Student).where(Student.id == student_id)) or 0
    let_students_follow(session, change_id, is_there, lambda _share: None)
    _blank_versions(session, change_id)
    merged_ids.forget(session, student_id)
    duplicates.forget(session, student_id)


def _blank_versions(session: Session, change_id: int) -> None:
    """Blank all versions of whom the change erases. Each counts as deleted then, so that none is read or brought back."""
    erased = select(erasing.c.student_id).where(erasing.c.change_id == change_id)
    blanked = update(revisions).where(revisions.c.student_id.in_(erased)).values(deleted=True, **BLANK)
    session.execute(blanked, execution_options={"synchronize_session": False})
    session.execute(update(HeadingChoice).values(seen=None))
    for kept in (FormToken, KeptAnswer):
        session.execute(delete(kept).where(kept.student_id.in_(erased)), execution_options={"synchronize_session": False})


def _deleted(before: datetime) -> Select[int, int]:
    """Select who was deleted before then and is no more: their ids and newest versions."""
    came_back = exists().where(later.c.student_id == revisions.c.student_id, later.c.version == revisions.c.version + 1)
    staged = select(staged_rows.c.student_id).where(staged_rows.c.student_id.is_not(None))
    return (
        select(revisions.c.student_id, revisions.c.version)
        .join(Change, Change.id == revisions.c.change_id)
        .where(revisions.c.deleted, revisions.c[NAME.name].is_not(None), Change.at < before, ~came_back)
        .where(revisions.c.student_id.not_in(staged), ~leads_elsewhere(revisions.c.student_id))
    )


def _let_imports_go(session: Session, there: Outlook) -> None:
    for import_ in there.done:
        discard_after_commit(session, Path(import_.path))
    ids = [import_.id for import_ in there.waiting]
    cancelled = {"state": "cancelled", "version": Import.version + 1, "ended_at": now(), **RELEASED}
    session.execute(update(Import).where(Import.id.in_(ids)).values(**cancelled))
    for import_ in (*there.waiting, *there.unread):
        discard(session, import_.id)
