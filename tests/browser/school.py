"""A school with something to see on each of its pages: imports in every state, students who were changed, deleted and erased."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from io import BytesIO
from pathlib import Path

from flask import current_app
from passlib.totp import TOTP
from sqlalchemy import update

import accounts
import worker
from app import create_app
from demo import made_up_sheet
from merge import erase, record
from merge.csv_text import csv_row
from merge.imports import lifecycle, receiving
from merge.imports.states import BUSY as BUSY_STATES
from merge.selection import Selection
from models import Import, Student, User, View, db, now
from tests.conftest import PASSWORD, settings
from tests.server import ROOT, Server, running_server
from words import later

HEAD = "head.of.administration@sekundarschule-musterstadt.example"
HEADS_NAME = "Prof. Dr. Maria-Magdalena " + "Wolfeschlegelsteinhausenbergerdorff " * 2
CAREFUL = "careful@school.example"
CHANGED, DELETED, ERASED = 7, 8, 9
PREVIEWED, EMPTY, APPLIED, UNDONE, CANCELLED, UNCLEAR, DELETES, *BUSY, FAILED = range(2, 14)


@contextmanager
def running_school(folder: Path, database_url: str, **more: str) -> Iterator[tuple[Server, str]]:
    """Serve it with no worker, so that what is on its way stays there; with the secret of a one-time link."""
    app = create_app(settings(folder / "filling", database_url))
    with app.app_context():
        head = accounts.add_user(HEAD, "admin", PASSWORD, HEADS_NAME)
        _change_students()
        _import_sheets()
        secret = _add_staff(head)
        db.engine.dispose()
    with running_server(folder / "instance", database_url, migrated=True, ROLLBOOK_WORKER="none", **more) as server:
        yield server, secret


def _change_students() -> None:
    """Import 1 brings the students."""
    session = db.session()
    _receive("60 made-up students.csv", _made_up(60), apply=True)
    before = session.get_one(Student, CHANGED)
    values = {"id": CHANGED, "name": "Wolfeschlegelsteinhausenbergerdorff " * 3, "age": 12, "score": 3.5}
    record.save(session, values, version=before.version, actor=HEAD, reason="form")
    for student_id in (DELETED, ERASED):
        record.remove(session, student_id, version=1, actor=HEAD, reason="form")
    there = erase.outlook(session, ERASED)
    assert there
    erase.erase(session, ERASED, version=there.version, seen=there.seen, actor=HEAD)


def _import_sheets() -> None:
    session = db.session()
    _, *rows = made_up_sheet(60)
    # A stored student by their own name, whose change needs no review, and a new one.
    more = csv_row([*rows[29][:2], "19", "12.5", "Blue"]) + "900,Margaret Hamilton,15,88,Blue\n"
    _receive("mixed-errors.csv", (ROOT / "tests/files/mixed-errors.csv").read_bytes() + more.encode())
    _receive("the-same-students-in-a-sheet-with-a-name-that-is-rather-long.csv", _made_up(3))
    _receive("applied.csv", b"id,name,age\n11,Ada Lovelace,15\n901,Bo Lund,15\n12,,999\n", apply=True)
    undone = _receive("undone.csv", b"id,name\n13,Grace Hopper\n", apply=True)
    lifecycle.start_undo(session, undone, HEAD, version=_version(undone))
    cancelled = _receive("cancelled.csv", b"id,name\n14,Alan Turing\n")
    lifecycle.cancel(session, cancelled, version=_version(cancelled))
    _receive("unclear.csv", b"What,When\nAda Lovelace,2026\n")
    title = later("Delete students: %(number)s", number=2)
    receiving.receive_selection(session, current_app.config["UPLOADS"], Selection({}, [20, 21]), title, HEAD)
    states = (*BUSY_STATES, "failed")
    for state in states:
        _receive(f"{state}.csv", b"id,name\n15,Barbara Liskov\n")
    for import_id, state in zip((*BUSY, FAILED), states, strict=True):
        session.execute(update(Import).where(Import.id == import_id).values(state=state))
    session.commit()


def _made_up(number: int) -> bytes:
    return "".join(csv_row(row) for row in made_up_sheet(number)).encode()


def _receive(filename: str, sheet: bytes, *, apply: bool = False) -> int:
    session = db.session()
    import_id = receiving.receive(session, current_app.config["UPLOADS"], filename, BytesIO(sheet), HEAD).id
    worker.run_until_idle()
    if apply:
        lifecycle.start_apply(session, import_id, HEAD, version=_version(import_id))
        worker.run_until_idle()
    return import_id


def _version(import_id: int) -> int:
    return db.session.get_one(Import, import_id, populate_existing=True).version


def _add_staff(head: User) -> str:
    """Fill the pages of users, tokens and views, and give the secret of somebody's invitation."""
    careful = accounts.add_user(CAREFUL, "editor", PASSWORD)
    careful.tf_primary_method, careful.tf_totp_secret = "authenticator", TOTP.new().to_json()
    db.session.commit()
    accounts.deactivate(accounts.add_user("left@school.example", "viewer", PASSWORD))
    accounts.make_token(head.id, "Timetable", ["read", "write"], now() + timedelta(days=30))
    db.session.add(View(user_id=head.id, name="Teenagers of the whole school", address="min_age=13", shared=True))
    db.session.commit()
    return accounts.invite("new@school.example", "editor")[1]
