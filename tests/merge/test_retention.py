"""What has been kept for as long as the settings say, the worker lets go of; what is younger stays."""

import os
import threading
from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

import worker
from accounts import add_user
from audit import Act
from merge import clock_check, history
from models import AuditEntry, FormToken, Import, KeptAnswer, now, staged_rows
from tests.conftest import PASSWORD

DAY = timedelta(days=1)


class Once(threading.Event):
    """Tells a worker to stop as soon as it has nothing more to do."""

    def wait(self, timeout=None):  # noqa: ARG002  Event.wait has it
        self.set()
        return True


@pytest.fixture
def let_go(app, session):
    """Be the worker, which has looked at the clock before, until it has nothing more to do."""
    clock_check.is_trusted(session, now())

    def let_go():
        session.commit()
        worker.work(app, Once())
        session.expire_all()

    return let_go


def test_entries_of_the_audit_log_go_and_that_is_noted(app, session, let_go):
    keep = app.config["KEEP_AUDIT"]
    for name, age in (("old", keep + DAY), ("young", keep - DAY)):
        session.execute(insert(AuditEntry).values(act=Act.SIGNED_IN, actor=name, at=now() - age))
    let_go()
    young, noted = session.scalars(select(AuditEntry).order_by(AuditEntry.id))
    assert young.actor == "young"
    assert (noted.act, noted.details["entries"]) == (Act.AUDIT_DROPPED, 1)


def test_sheets_go_and_what_is_still_to_be_decided_waits(app, session, upload, apply, let_go):
    keep = app.config["KEEP_SHEETS"]
    old, young = apply(upload("id,name\n1,Ada\n")).id, apply(upload("id,name\n2,Bo\n")).id
    waiting = upload("id,name\n3,Cy\n").id
    for import_id, age in ((old, keep + DAY), (young, keep - DAY)):
        session.execute(update(Import).where(Import.id == import_id).values(ended_at=now() - age))
    session.execute(update(Import).where(Import.id == waiting).values(at=now() - 10 * keep))
    let_go()
    assert set(session.scalars(select(staged_rows.c.import_id))) == {young, waiting}
    assert set(session.scalars(select(Import.id).where(Import.path != ""))) == {young, waiting}
    assert len(list(app.config["UPLOADS"].iterdir())) == 2


def test_a_file_that_no_import_knows_goes_after_a_day(app, let_go):
    uploads = app.config["UPLOADS"]
    for name, age in (("old", 2 * DAY), ("young", DAY / 2)):
        (uploads / name).touch()
        moment = (now() - age).timestamp()
        os.utime(uploads / name, (moment, moment))
    let_go()
    assert [path.name for path in uploads.iterdir()] == ["young"]


@pytest.mark.parametrize(("keep", "erased"), [(None, False), (timedelta(microseconds=1), True)])
def test_whoever_was_deleted_is_erased_if_the_settings_say_so(app, session, monkeypatch, add, remove, let_go, keep, erased):
    monkeypatch.setitem(app.config, "KEEP_DELETED", keep)
    add(1, "Ada", 12)
    remove(1, version=1)
    let_go()
    assert [entry.erased for entry, _ in history.page(session, 1).entries] == [erased] * (3 if erased else 2)


def test_what_was_sent_and_answered_is_forgotten_after_a_month(session, let_go):
    user_id = add_user("office@school.example", "editor", PASSWORD).id
    answer = {"user_id": user_id, "fingerprint": "", "status": 200, "headers": {}, "body": ""}
    for name, age in (("old", 31 * DAY), ("young", 29 * DAY)):
        session.execute(insert(FormToken).values(token=name, student_id=1, at=now() - age))
        session.execute(insert(KeptAnswer).values(key=name, at=now() - age, **answer))
    let_go()
    assert list(session.scalars(select(FormToken.token))) == ["young"]
    assert list(session.scalars(select(KeptAnswer.key))) == ["young"]


def test_an_import_that_nobody_decides_on_goes_after_a_while_and_that_is_noted(app, session, upload, let_go):
    keep = app.config["KEEP_WAITING"]
    old, young = upload("id,name\n1,Ada\n").id, upload("id,name\n2,Bo\n").id
    for import_id, age in ((old, keep + DAY), (young, keep - DAY)):
        session.execute(update(Import).where(Import.id == import_id).values(step_at=now() - age))
    let_go()
    assert session.scalar(select(Import.state).where(Import.id == old)) == "cancelled"
    assert set(session.scalars(select(staged_rows.c.import_id))) == {young}
    assert session.execute(select(AuditEntry.actor, AuditEntry.about).where(AuditEntry.act == Act.IMPORT_CANCELLED)).all() == [
        ("retention", f"import {old}")
    ]


def test_an_import_that_nobody_decides_on_is_kept_where_the_settings_say_so(app, session, upload, let_go):
    app.config["KEEP_WAITING"] = None
    old = upload("id,name\n1,Ada\n").id
    session.execute(update(Import).where(Import.id == old).values(step_at=now() - 10_000 * DAY, at=now() - 10_000 * DAY))
    let_go()
    assert session.scalar(select(Import.state).where(Import.id == old)) == "ready"
