"""Nothing is handed out that could not be noted: not while others write, not on a full disk, not where a process is killed."""

import pytest
from sqlalchemy import select

import web.handing_out
from audit import Act
from models import AuditEntry, db
from tests.cluster import wait_until
from tests.test_disk_room import no_room

EXPORTS = ("/students.csv", "/students/1/history")


@pytest.fixture
def noted(stored):
    entries = select(AuditEntry.act, AuditEntry.details).where(AuditEntry.act.in_(("students-exported", "history-viewed")))
    return lambda: [tuple(row) for row in stored(entries.order_by(AuditEntry.id))]


@pytest.fixture
def outbox(app):
    with app.app_context():
        return web.handing_out.outbox()


@pytest.mark.parametrize("backend", ["sqlite"])
@pytest.mark.parametrize("path", EXPORTS)
def test_on_a_full_disk_nothing_is_handed_out(viewer, add, noted, path):
    add(1, "Ada")
    with no_room():
        page = viewer.visit(path, status=503)
    assert page.heading == "There is no room left"
    assert "Ada" not in page.text
    assert noted() == []
    assert viewer.open(path).status_code == 200
    assert len(noted()) == 1


@pytest.mark.parametrize("backend", ["sqlite"])
def test_while_somebody_else_writes_it_is_noted_on_the_disk_and_later_in_the_database(app, viewer, add, noted, outbox):
    add(1, "Ada")
    with app.app_context():
        engine = db.engine
    with engine.begin():
        assert viewer.open("/students/1/history").status_code == 200
        assert len(list(outbox._waiting())) == 1
    assert wait_until(lambda: not list(outbox._waiting()))
    assert noted() == [("history-viewed", {})]


def test_what_a_killed_process_has_left_behind_is_noted_once(app, noted, outbox):
    with app.app_context():
        for _ in range(2):
            kept = web.handing_out.begin_to_hand_out(Act.STUDENTS_EXPORTED)
        kept.drop()
        (left,) = outbox._waiting()
        again = left.read_text()
        assert outbox.deliver(db.engine, 3600) == 0
        assert outbox.deliver(db.engine, 0) == 1
        left.write_text(again)
        assert outbox.deliver(db.engine, 0) == 1
        assert not list(outbox._waiting())
    assert noted() == [("students-exported", {})]
