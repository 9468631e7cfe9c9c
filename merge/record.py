"""Write one student's record: merge it, count its version up, keep the revision."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from sqlalchemy import and_, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session
from sqlalchemy.orm.exc import StaleDataError

from merge import search
from merge.columns import NAME, VALUES
from merge.door import open_change
from merge.fold import fold_name, name_key
from merge.ids import next_id
from merge.merged_ids import survivor_of
from models import FormToken, Student, revisions


class Conflict(Exception):
    """The record is not as the writer saw it: changed, deleted, or there already. Nothing was written."""

    def __init__(self, student_id: int) -> None:
        super().__init__(student_id)
        self.student_id = student_id


class Reused(Conflict):
    """The id was somebody's who was deleted or erased, and never becomes anybody else's. Nothing was written."""


class MergedAway(Conflict):
    """The id is of a record that was merged into another student's, and leads to that one. Nothing was written."""

    def __init__(self, student_id: int, survivor_id: int) -> None:
        super().__init__(student_id)
        self.survivor_id = survivor_id


class Repeated(Exception):
    """The same form was sent before, and made this student. Nothing was written a second time."""

    def __init__(self, student_id: int) -> None:
        super().__init__(student_id)
        self.student_id = student_id


def save(
    session: Session, values: Mapping[str, Any], *, version: int | None, actor: str, reason: str, token: str | None = None
) -> Student:
    """Merge a record and commit; the student that comes back tells its id.

    `version` is the newest that the writer saw, None for a new record, whose id may be left out. Where that version is a
    deletion, the record is restored with these values: the writer says that it is the same person.
    A record that is equal already stays as it is, with no new version. Raises Conflict, Reused and MergedAway.
    A form's `token` counts once: who sends it again is told by Repeated what it made.
    """
    _check_token(session, token)
    student_id = values.get("id") or next_id(session)
    with _written_or_conflict(session, student_id, token):
        if token:
            session.execute(insert(FormToken).values(token=token, student_id=student_id))
        student = _merge(session, {**values, "id": student_id}, version)
        if session.is_modified(student):
            student.version = (version or 0) + 1
            student.folded = fold_name(student.name)
            student.name_key = name_key(student.folded)
            _keep_revision(session, student, student.version, open_change(session, actor, reason))
    return student


def remove(session: Session, student_id: int, *, version: int, actor: str, reason: str) -> int:
    """Delete a record as it was seen at `version`, commit, and give the change. Its revisions stay. Raises Conflict."""
    with _written_or_conflict(session, student_id):
        student = session.get(Student, student_id)
        if student is None or student.version != version:
            raise Conflict(student_id)
        change_id = open_change(session, actor, reason)
        _keep_revision(session, student, version + 1, change_id, deleted=True)
        session.delete(student)
    return change_id


def drop_tokens(session: Session, older_than: datetime) -> None:
    """Forget which forms were sent before then, and commit."""
    session.execute(delete(FormToken).where(FormToken.at < older_than))
    session.commit()


@contextmanager
def _written_or_conflict(session: Session, student_id: int, token: str | None = None) -> Iterator[None]:
    try:
        yield
        session.commit()
    except (Conflict, StaleDataError, IntegrityError) as error:
        session.rollback()
        _check_token(session, token)  # of a form that is sent twice at once, the second fails like this
        raise error if isinstance(error, Conflict) else Conflict(student_id) from None


def _check_token(session: Session, token: str | None) -> None:
    made = token and session.scalar(select(FormToken.student_id).where(FormToken.token == token))
    if made:
        session.rollback()
        raise Repeated(made)


def _merge(session: Session, values: Mapping[str, Any], version: int | None) -> Student:
    """Merge, but neither make a record that was deleted meanwhile nor overwrite one that was made."""
    if session.get(Student, values["id"]) is None:
        values = {**_last_values(session, values["id"], version), **values}
    elif version is None:
        raise Conflict(values["id"])
    return session.merge(Student(**values, **({} if version is None else {"version": version})))


def _last_values(session: Session, student_id: int, version: int | None) -> dict[str, Any]:
    """Give what a student had when they were deleted, if that was seen; nothing for an id that nobody ever had.

    Raises Reused for an id of somebody else, MergedAway, and Conflict.
    """
    if (survivor_id := survivor_of(session, student_id)) is not None:
        raise MergedAway(student_id, survivor_id)
    rows = select(revisions).where(revisions.c.student_id == student_id).order_by(revisions.c.version.desc())
    newest = session.execute(rows.limit(1)).mappings().first()
    if newest is not None and (version is None or newest[NAME.name] is None):
        raise Reused(student_id)
    if (newest and newest["version"]) != version:
        raise Conflict(student_id)
    return {column.name: newest[column.name] for column in VALUES} if newest else {}


def _keep_revision(session: Session, student: Student, version: int, change_id: int, *, deleted: bool = False) -> None:
    # The revision is written before the student: its key decides between two writers of the same version.
    values = {column.name: getattr(student, column.name) for column in VALUES}
    with session.no_autoflush:
        session.execute(
            insert(revisions).values(student_id=student.id, version=version, change_id=change_id, deleted=deleted, **values)
        )
        search.follow(session, and_(revisions.c.student_id == student.id, revisions.c.version == version))
