"""A form that is older than its record loses nothing, and nobody else's edit is lost by it."""

import threading

import pytest
from sqlalchemy import select

from merge import reconcile, record
from models import Student, db, revisions
from tests.merge.conftest import assert_revisions_agree, table

PEOPLE = 16
SAVES = {"postgresql": 1_000, "sqlite": 160}


@pytest.fixture
def merge(session):
    def merge(values, *, version, actor="me@school.test"):
        return reconcile.save(session, values, version=version, actor=actor, reason="form")

    return merge


def test_edits_of_different_fields_are_merged_and_it_is_told_whose_they_are(session, add, save, merge):
    add(1, "Ada", 12)
    save({"id": 1, "name": "Ada", "age": 12, "score": 50.0}, version=1)
    saved = merge({"id": 1, "name": "Ada L", "age": 12, "score": None}, version=1)
    assert table(session) == [(1, "Ada L", 12, 50.0)]
    assert (saved.stand.merged.mine, saved.stand.merged.theirs) == (["name"], ["score"])
    assert saved.stand.by["score"].actor == "office@school.test"
    assert saved.student.version == 3
    assert_revisions_agree(session)


def test_the_same_edit_by_both_is_no_clash_and_makes_no_version(session, add, save, merge):
    add(1, "Ada", 12)
    save({"id": 1, "name": "Ada L", "age": 12, "score": None}, version=1)
    assert merge({"id": 1, "name": "Ada L", "age": 12, "score": None}, version=1).student.version == 2
    assert_revisions_agree(session)


def test_a_clash_writes_nothing_and_names_who_changed_the_field_last(session, add, save, merge):
    add(1, "Ada", 12)
    save({"id": 1, "name": "Ada B", "age": 12, "score": None}, version=1)
    save({"id": 1, "name": "Ada B", "age": 12, "score": 50.0}, version=2)
    with pytest.raises(reconcile.Clash) as caught:
        merge({"id": 1, "name": "Ada L", "age": 13, "score": None}, version=1)
    stand = caught.value.stand
    assert (stand.version, stand.merged.clashing, stand.by["name"].version) == (3, ["name"], 2)
    assert stand.base == {"name": "Ada", "age": 12, "score": None}
    assert table(session) == [(1, "Ada B", 12, 50.0)]


def test_a_record_that_was_deleted_is_not_made_again(session, add, remove, merge):
    add(1, "Ada")
    remove(1, version=1)
    with pytest.raises(record.Conflict):
        merge({"id": 1, "name": "Ada L", "age": None, "score": None}, version=1)
    assert table(session) == []


def test_many_people_save_one_record_at_once_and_no_accepted_save_is_lost(app):
    """Each changes a field to a value that nobody else writes, so that each accepted save has to be a revision of its own."""
    with app.app_context():
        record.save(db.session(), {"id": 1, "name": "Ada", "age": 0, "score": 0.0}, version=None, actor="first", reason="form")
        saves = SAVES[db.engine.dialect.name] // PEOPLE
        db.session.remove()
    accepted: list[float] = []
    failures: list[BaseException] = []
    threads = [threading.Thread(target=_save_often, args=(app, person, saves, accepted, failures)) for person in range(PEOPLE)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    with app.app_context():
        assert failures == []
        kept = db.session.scalars(select(revisions.c.score).where(revisions.c.version > 1)).all()
        assert sorted(kept) == sorted(accepted)
        assert len(accepted) >= saves
        assert_revisions_agree(db.session())


def _save_often(app, person, saves, accepted, failures):
    with app.app_context():
        for number in range(saves):
            try:
                student = db.session.get_one(Student, 1)
                version, score = student.version, (person * saves + number + 1) / 1000
                values = {"id": 1, "name": student.name, "age": student.age, "score": score}
                db.session.rollback()
                reconcile.save(db.session(), values, version=version, actor=f"person {person}", reason="form")
                accepted.append(score)
            except reconcile.Clash:
                pass
            except BaseException as failure:
                failures.append(failure)
            finally:
                db.session.remove()
