"""A clock that was wrong for a while deletes nothing for good, and keeps nobody waiting once it is right."""

from datetime import timedelta

import pytest
from sqlalchemy import insert, select, update

import doctor
import worker
from accounts import add_user, make_token
from merge import clock_check, preview
from merge.imports import claims
from merge.lease import LEASE
from models import AuditEntry, Import, Throttle, Token, db, now
from tests.conftest import PASSWORD

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
THREE_YEARS = 3 * 365 * DAY


@pytest.fixture
def tidy(app, session, monkeypatch):
    """Be the worker at that time: tidy(now())."""

    def tidy(at):
        session.commit()
        monkeypatch.setattr(worker, "now", lambda: at)
        worker._tidy(app)
        session.expire_all()

    return tidy


@pytest.fixture
def entries(session):
    session.execute(insert(AuditEntry).values(act="signed in", actor="ada", at=now()))
    return lambda: len(session.scalars(select(AuditEntry).where(AuditEntry.actor == "ada")).all())


@pytest.mark.parametrize("leap", [THREE_YEARS, 30 * DAY, -DAY], ids=str)
def test_after_a_leap_nothing_is_deleted_until_the_clock_is_right_again(tidy, entries, leap):
    tidy(now())
    tidy(now() + leap)
    assert entries() == 1
    tidy(now() + HOUR)
    tidy(now() + 2 * HOUR)
    assert entries() == 1


def test_a_clock_that_was_wrong_from_the_first_look_on_is_noticed_by_the_newest_change(tidy, add, entries):
    add(1, "Ada")
    tidy(now() + THREE_YEARS)
    assert entries() == 1


def test_a_long_rest_waits_for_a_person_who_says_that_the_clock_is_right(app, session, tidy, entries, monkeypatch):
    tidy(now())
    later = now() + THREE_YEARS
    tidy(later)
    tidy(later + HOUR)
    assert entries() == 1
    assert clock_check.hold(session)
    session.rollback()
    monkeypatch.setattr(clock_check, "now", lambda: later + HOUR)
    assert app.test_cli_runner().invoke(args=["retention"]).exit_code == 1
    assert app.test_cli_runner().invoke(args=["retention", "--resume"]).exit_code == 0
    tidy(later + 2 * HOUR)
    assert entries() == 0


def test_doctor_names_a_leap(app, session, tidy):
    tidy(now())
    found = list(doctor.examine(app.config["SETTINGS"]))
    assert any("The clock has not jumped" in finding.sentence for finding in found)
    tidy(now() + THREE_YEARS)
    found = list(doctor.examine(app.config["SETTINGS"]))
    assert any("flask retention --resume" in finding.sentence for finding in found if finding.verdict == doctor.UNKNOWN)


@pytest.mark.parametrize("leap", [DAY, THREE_YEARS], ids=str)
def test_a_lease_that_a_wrong_clock_made_keeps_no_import(session, upload, leap):
    waiting = upload("id,name\n1,Ada\n").id
    taken = {
        "state": "applying",
        "lease_holder": "gone",
        "lease_until": now() + leap,
        "step_at": now() + leap,
        "step": "applying",
    }
    session.execute(update(Import).where(Import.id == waiting).values(**taken))
    session.commit()
    told = preview.progress(session.get_one(Import, waiting, populate_existing=True))
    assert (told["seconds_left"] or 0) >= 0
    assert claims.claim(session, "here") == waiting


def test_a_lease_that_is_held_is_left_alone(session, upload):
    waiting = upload("id,name\n1,Ada\n").id
    taken = {"state": "applying", "lease_holder": "other", "lease_until": now() + LEASE}
    session.execute(update(Import).where(Import.id == waiting).values(**taken))
    session.commit()
    assert claims.claim(session, "here") is None


def test_a_wait_that_a_wrong_clock_made_shuts_nobody_out(app, client, stored):
    with app.app_context():
        add_user("ada@school.example", "viewer", PASSWORD)
    client.send("/login", {"email": "ada@school.example", "password": "wrong"}, status=422)
    with app.app_context():
        db.session.execute(update(Throttle).values(at=now() + DAY, until=now() + DAY, failures=50))
        db.session.commit()
    client.send("/login", {"email": "ada@school.example", "password": PASSWORD}, status=302)


def test_a_window_that_a_wrong_clock_made_keeps_no_token_waiting(app, client):
    with app.app_context():
        user = add_user("ada@school.example", "viewer", PASSWORD)
        _, secret = make_token(user.id, "timetable", ["read"], now() + DAY)
        db.session.execute(update(Token).values(window_at=now() + DAY, spent=10_000))
        db.session.commit()
    assert client.open("/api/v1/students", headers={"Authorization": f"Bearer {secret}"}).status_code == 200
