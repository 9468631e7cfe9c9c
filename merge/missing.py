"""The students whom a sheet does not name. An import never deletes them; whoever uploads a whole school's sheet wants to know."""

from dataclasses import dataclass
from operator import attrgetter
from typing import Any

from sqlalchemy import Column, ColumnElement, Select, and_, func, or_, select, true
from sqlalchemy.orm import Session

from merge.columns import KEY, NAME
from merge.matching import MATCHES, Match
from merge.options import Options
from merge.pages import ROWS
from models import Change, Import, Student, planned_rows, staged_rows, students


@dataclass(frozen=True)
class Missing:
    """How many there are, and whether that is certain: since somebody may have changed students after the comparison."""

    number: int
    certain: bool


@dataclass(frozen=True)
class Page:
    """A page of students, and the ids next to which its neighbours begin, where there are any."""

    students: list[Student]
    before: int | None
    after: int | None


def count_missing(session: Session, import_: Import) -> Missing:
    """Count by arithmetic: of all students there are, the accepted rows name those that they change or find unchanged.

    Only those whom rejected rows name have to be looked up; where rows can mean several students, all are.
    """
    if not _match(import_).by_id:
        absent = select(func.count()).select_from(students).where(_is_absent(import_, true()))
        return Missing(session.scalar(absent) or 0, _is_certain(session, import_))
    all_ = session.scalar(select(func.count()).select_from(Student)) or 0
    named = import_.updates + import_.unchanged + import_.conflicts + _count_reviewed(session, import_)
    if Options.from_json(import_.options).only == "add":
        named += import_.omitted
    if import_.state == "applied":
        named += import_.inserts
    return Missing(max(0, all_ - named - _count_rejected(session, import_)), _is_certain(session, import_))


def missing_page(session: Session, import_: Import, *, after: int | None = None, before: int | None = None) -> Page:
    """Give the first hundred of them after an id, or the last hundred before one."""
    found = list(session.scalars(missing_students(import_, after=after, before=before)))
    more, shown = len(found) > ROWS, sorted(found[:ROWS], key=attrgetter("id"))
    earlier, later = (more, True) if before is not None else (bool(after), more)
    return Page(shown, shown[0].id if shown and earlier else None, shown[-1].id if shown and later else None)


def missing_students(import_: Import, *, after: int | None = None, before: int | None = None) -> Select[Student]:
    """Select a page of them, and one more.

    It is a difference of two sets, which is taken by sorting or hashing each once; in a join, SQLite would look
    at the whole sheet for each student.
    """
    here = students.c.id < before if before is not None else students.c.id > (after or 0)
    missing = select(Student).where(here, _is_absent(import_, here))
    return missing.order_by(students.c.id.desc() if before is not None else students.c.id).limit(ROWS + 1)


def _is_absent(import_: Import, here: ColumnElement[bool]) -> ColumnElement[bool]:
    ours, theirs = _key(import_)
    named = select(theirs).where(staged_rows.c.import_id == import_.id)
    return or_(ours.is_(None), ours.in_(select(ours).where(here).except_(named)))


def _key(import_: Import) -> tuple[Column[Any], Column[Any]]:
    """Give what a student and a row that names them have in common, also where the row is rejected for something else."""
    column = _match(import_).columns[0]
    if column is NAME:
        return students.c.name_key, staged_rows.c.name_key
    return students.c[column.name], staged_rows.c.student_id if column is KEY else staged_rows.c[column.name]


def _match(import_: Import) -> Match:
    return MATCHES[Options.from_json(import_.options).match]


def _count_rejected(session: Session, import_: Import) -> int:
    if not import_.rejected:
        return 0
    ours, theirs = _key(import_)
    rejected = and_(staged_rows.c.import_id == import_.id, staged_rows.c.problems.is_not(None))
    return session.scalar(select(func.count()).select_from(students).where(ours.in_(select(theirs).where(rejected)))) or 0


def _count_reviewed(session: Session, import_: Import) -> int:
    """Count the rows that need review and are about a student who is there."""
    if not import_.reviews:
        return 0
    reviewed = (planned_rows.c.import_id == import_.id, planned_rows.c.verdict == "review", planned_rows.c.action == "update")
    return session.scalar(select(func.count()).select_from(planned_rows).where(*reviewed)) or 0


def _is_certain(session: Session, import_: Import) -> bool:
    newest = session.scalar(select(Change).order_by(Change.id.desc()).limit(1))
    if newest is None or newest.id == import_.change_id:
        return not import_.conflicts
    return import_.state == "ready" and import_.step_at is not None and newest.at < import_.step_at
