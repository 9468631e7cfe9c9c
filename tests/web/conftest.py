"""What the tests of the pages share: who visits, and what is stored already."""

import io
import time
from collections.abc import Callable
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from flask import Flask, current_app, has_request_context, request
from sqlalchemy import select

import accounts
import audit
import web.access
import web.sessions
import web.throttle
import worker
from accounts import add_user
from audit import Act
from merge import record
from models import Import, Student, db, now
from tests.conftest import PASSWORD
from tests.visitor import Answer, Visitor


@pytest.fixture
def viewer(sign_in: Callable[[str], Visitor]) -> Visitor:
    return sign_in("viewer")


@pytest.fixture
def editor(sign_in: Callable[[str], Visitor]) -> Visitor:
    return sign_in("editor")


@pytest.fixture
def admin(sign_in: Callable[[str], Visitor]) -> Visitor:
    return sign_in("admin")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let that much time have passed since the test began: clock(minutes=20). Waits after tries in vain pass by it alone."""
    began = now()

    def clock(**passed: float) -> None:
        later = timedelta(**passed)
        for module in (web.access, web.sessions):
            monkeypatch.setattr(module, "time", SimpleNamespace(time=lambda: time.time() + later.total_seconds()))
        for module in (accounts, web.sessions):
            monkeypatch.setattr(module, "now", lambda: now() + later)
        monkeypatch.setattr(web.throttle, "now", lambda: began + later)

    return clock


@pytest.fixture
def add(app: Flask) -> Callable[..., None]:
    """Store a student: add(1, "Ada", age=12)."""

    def add(student_id: int, name: str, age: int | None = None, score: float | None = None) -> None:
        values = {"id": student_id, "name": name, "age": age, "score": score}
        with app.app_context():
            record.save(db.session(), values, version=None, actor="test", reason="form")

    return add


@pytest.fixture
def change(app: Flask) -> Callable[..., None]:
    """Change a stored student as somebody else: change(1, name="Ada L.")."""

    def change(student_id: int, **changes: Any) -> None:
        with app.app_context():
            student = db.session.get_one(Student, student_id)
            values = {"id": student.id, "name": student.name, "age": student.age, "score": student.score}
            record.save(db.session(), values | changes, version=student.version, actor="somebody else", reason="form")

    return change


@pytest.fixture
def students(stored: Callable[..., Any]) -> Callable[[], list[tuple[Any, ...]]]:
    """Give all students as they are stored, by id."""
    statement = select(Student.id, Student.name, Student.age, Student.score).order_by(Student.id)
    return lambda: [tuple(row) for row in stored(statement)]


@pytest.fixture
def work(app: Flask) -> Callable[[], None]:
    """Be the worker until no import waits."""

    def work() -> None:
        with app.app_context():
            worker.run_until_idle()

    return work


@pytest.fixture
def upload(editor: Visitor, work: Callable[[], None]) -> Callable[..., Answer]:
    """Upload a sheet as an editor, let the worker read it, and give the page that shows what it would do."""

    def upload(sheet: str | bytes, filename: str = "sheet.csv", blank: str = "keep") -> Answer:
        sent = editor.send("/imports/new", {"file": sheet_file(sheet, filename), "blank": blank})
        work()
        return editor.visit(sent.location)

    return upload


# What follows from an act, whichever it is: who is signed in by it, which tokens go with it, and that a proof was wrong.
CONSEQUENCES = {Act.SIGNED_IN, Act.SIGN_IN_FAILED, Act.NOT_CONFIRMED, Act.TOKEN_REVOKED}


@pytest.fixture(autouse=True)
def noted_acts(monkeypatch: pytest.MonkeyPatch) -> set[tuple[str | None, Act]]:
    """Give the acts that were noted, each with the view that it was noted in; none but what the view's act declares."""
    found, note = set[tuple[str | None, Act]](), audit.noting

    def noting(act: Act, *arguments: Any, **more: Any) -> Any:
        declared = current_app.view_functions[request.endpoint or ""].act if has_request_context() else None  # type: ignore[attr-defined]
        if declared is not None and act not in CONSEQUENCES:
            assert declared.audit == act, f"{request.endpoint} notes {act}, but its act declares {declared.audit}"
        found.add((request.endpoint if has_request_context() else None, act))
        return note(act, *arguments, **more)

    monkeypatch.setattr(audit, "noting", noting)
    return found


def someone(app: Flask, email: str, role: str) -> Visitor:
    """Make one more user, and sign them in."""
    with app.app_context():
        add_user(email, role, PASSWORD)
    visitor = Visitor(app)
    visitor.send("/login", {"email": email, "password": PASSWORD}, status=302)
    return visitor


def sheet_file(sheet: str | bytes, filename: str = "sheet.csv") -> tuple[io.BytesIO, str]:
    return io.BytesIO(sheet.encode() if isinstance(sheet, str) else sheet), filename


def newest_import() -> Any:
    return select(Import).order_by(Import.id.desc()).limit(1)
