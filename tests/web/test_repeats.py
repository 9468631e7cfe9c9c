"""A request that names a key is acted on once, however often it is sent."""

import io
import threading

import pytest
from sqlalchemy import func, select

from merge import erase
from models import Import, KeptAnswer, Student, db, revisions
from tests.machine import machine_of

SHEET = b"id,name\n7,Ada\n"


@pytest.fixture
def machine(app):
    return machine_of(app)


def put(machine, key, name="Ada", status=None, student_id=7):
    headers = {"If-None-Match": "*", "Idempotency-Key": key}
    return machine.ask("PUT", f"/students/{student_id}", status, json={"name": name}, headers=headers)


def upload(machine, key, sheet=SHEET, status=202, **fields):
    sent = {"file": (io.BytesIO(sheet), "sheet.csv"), **fields}
    return machine.ask("POST", "/imports", status, data=sent, headers={"Idempotency-Key": key})


def count(stored, what):
    return stored(select(func.count()).select_from(what))[0][0]


def test_the_same_request_again_is_answered_as_before_and_does_nothing_more(app, machine, stored):
    first = put(machine, "one", status=201)
    again = put(machine, "one", status=201)
    assert again.json == first.json
    assert (again.headers["ETag"], again.headers["Location"]) == (first.headers["ETag"], first.headers["Location"])
    assert again.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.headers
    assert count(stored, revisions) == 1
    made = upload(machine, "two").json
    app.extensions["allowance"] = type(app.extensions["allowance"])()
    assert upload(machine, "two").json == made
    assert count(stored, Import) == 1


def test_a_key_of_another_request_is_refused(machine, students):
    put(machine, "one", status=201)
    assert put(machine, "one", name="Eve", status=422).mimetype == "application/problem+json"
    put(machine, "one", student_id=8, status=422)
    upload(machine, "one", status=422)
    upload(machine, "two")
    upload(machine, "two", sheet=b"id,name\n7,Eve\n", status=422)
    upload(machine, "two", blank="clear", status=422)
    assert students() == [(7, "Ada", None, None)]


def test_what_was_refused_may_be_asked_again(machine, add, stored):
    add(7, "Bob")
    put(machine, "one", status=412)
    assert count(stored, KeptAnswer) == 0
    put(machine, "one", student_id=8, status=201)


def test_a_key_is_its_users_own(app, machine, stored):
    put(machine, "one", status=201)
    other = machine_of(app, "admin")
    put(other, "one", status=412)
    put(other, "one", student_id=8, status=201)
    assert count(stored, KeptAnswer) == 2


@pytest.mark.parametrize("key", ["", "x" * 256, "käse"])
def test_a_key_that_can_not_be_kept_is_refused(machine, students, key):
    put(machine, key.encode().decode("latin-1"), status=400)
    assert students() == []


def test_two_at_once_are_one_act_and_get_one_answer(machine, stored):
    start, answers = threading.Barrier(4), []

    def send():
        start.wait()
        answers.append(put(machine, "one"))

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [answer.status_code for answer in answers] == [201] * 4
    assert len({answer.text for answer in answers}) == 1
    assert sum("Idempotent-Replayed" in answer.headers for answer in answers) == 3
    assert count(stored, revisions) == 1


def test_who_is_erased_is_in_no_kept_answer(app, machine, stored):
    put(machine, "one", status=201)
    put(machine, "two", student_id=8, status=201)
    with app.app_context():
        erase.erase(db.session(), 7, version=1, seen="", actor="test")
    assert stored(select(KeptAnswer.student_id)) == [(8,)]


def test_a_fault_between_the_act_and_its_answer_leaves_neither(machine, stored, monkeypatch):
    def fail(_response):
        raise RuntimeError

    monkeypatch.setattr("web.repeats._said", fail)
    put(machine, "one", status=500)
    assert (count(stored, Student), count(stored, revisions), count(stored, KeptAnswer)) == (0, 0, 0)
    monkeypatch.undo()
    put(machine, "one", status=201)
    assert count(stored, Student) == 1
