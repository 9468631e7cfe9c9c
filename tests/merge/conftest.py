"""What the tests of the core share: a sheet goes in, an import comes out."""

import io
from collections.abc import Callable, Iterable
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from merge import record
from merge.answers import answer
from merge.door import NAMES, let_students_follow, open_change
from merge.imports import claims, lifecycle, receiving, steps
from merge.options import UploadOptions
from merge.questions import load_questions
from merge.review import confirm
from models import Import, Student, revisions

Importer = Callable[..., Import]


@pytest.fixture
def upload(app, session) -> Importer:
    """Receive a sheet and read it: upload("id,name\\n1,Ada\\n")."""

    def upload(sheet: str | bytes, *, blank_clears: bool = False) -> Import:
        stream = io.BytesIO(sheet.encode() if isinstance(sheet, str) else sheet)
        uploads = app.config["UPLOADS"]
        received = receiving.receive(
            session, uploads, "sheet.csv", stream, "sec@school.test", UploadOptions(blank_clears=blank_clears)
        )
        return run(session, received.id)

    return upload


@pytest.fixture
def small_slices(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let even a small sheet be worked on in several slices."""
    monkeypatch.setattr("merge.slices.ROWS", 3)


@pytest.fixture
def apply(session) -> Callable[[Import], Import]:
    """Apply a previewed import, once all its rows are confirmed that need review, unless the test says otherwise."""

    def apply(previewed: Import, *, confirmed: bool = True) -> Import:
        if confirmed and previewed.reviews:
            confirm(session, previewed.id, None, "sec@school.test", version=previewed.version)
        lifecycle.start_apply(session, previewed.id, "sec@school.test", version=previewed.version)
        return run(session, previewed.id)

    return apply


@pytest.fixture
def add(save) -> Callable[..., Student]:
    """Save a new student: add(1, "Ada", 12, 90)."""

    def add(student_id: int | None, name: str, age: int | None = None, score: float | None = None) -> Student:
        return save({"id": student_id, "name": name, "age": age, "score": score}, version=None)

    return add


@pytest.fixture
def store(session) -> Callable[[Iterable[tuple[Any, ...]]], None]:
    """Store new students, as (id, name, age, score), in one change."""

    def store(people: Iterable[tuple[Any, ...]]) -> None:
        change_id = open_change(session, "office@school.test", "form")
        rows = [{"id": key, "name": name, "age": age, "score": score} for key, name, age, score in people]
        values = [
            {"student_id": row["id"], "version": 1, "change_id": change_id, **{name: row[name] for name in NAMES}} for row in rows
        ]
        session.execute(insert(revisions), values)
        let_students_follow(session, change_id, len(rows), lambda _share: None)
        session.commit()

    return store


@pytest.fixture
def save(session) -> Callable[..., Student]:
    """Save a student as another member of staff."""

    def save(values: dict[str, Any], *, version: int | None) -> Student:
        return record.save(session, values, version=version, actor="office@school.test", reason="form")

    return save


@pytest.fixture
def remove(session) -> Callable[..., None]:
    """Delete a student as another member of staff."""

    def remove(student_id: int, *, version: int) -> None:
        record.remove(session, student_id, version=version, actor="office@school.test", reason="form")

    return remove


def run(session, import_id: int) -> Import:
    """Be the worker for one step."""
    assert claims.claim(session, "test", only=import_id) == import_id
    steps.run_step(session, import_id, "test")
    return session.get_one(Import, import_id, populate_existing=True)


def version_of(session, import_id: int) -> int:
    """Give the version that a decision on the import has to name."""
    return session.get_one(Import, import_id, populate_existing=True).version


def kept_as_read(session, previewed: Import) -> Import:
    """Answer each question that a sheet asks with "it is as it was read"."""
    for question in load_questions(previewed.questions):
        answer(session, previewed.id, question.key, "keep", "sec@school.test", version=version_of(session, previewed.id))
        previewed = run(session, previewed.id)
    return previewed


def table(session) -> list[tuple[Any, ...]]:
    """Give the students as plain rows, without versions."""
    session.expire_all()
    return [
        tuple(row) for row in session.execute(select(Student.id, Student.name, Student.age, Student.score).order_by(Student.id))
    ]


def assert_revisions_agree(session) -> None:
    """Every student equals their latest revision, and the versions of each run from 1 without gaps."""
    session.rollback()
    latest = (
        select(revisions.c.student_id, func.max(revisions.c.version).label("version")).group_by(revisions.c.student_id).subquery()
    )
    kept = session.execute(
        select(revisions.c.student_id, revisions.c.version, revisions.c.name, revisions.c.age, revisions.c.score)
        .join(latest, (latest.c.student_id == revisions.c.student_id) & (latest.c.version == revisions.c.version))
        .where(~revisions.c.deleted)
        .order_by(revisions.c.student_id)
    ).all()
    stored = session.execute(
        select(Student.id, Student.version, Student.name, Student.age, Student.score).order_by(Student.id)
    ).all()
    assert [tuple(row) for row in kept] == [tuple(row) for row in stored]
    gaps = select(revisions.c.student_id).group_by(revisions.c.student_id).having(func.count() != func.max(revisions.c.version))
    assert session.execute(gaps).all() == []
