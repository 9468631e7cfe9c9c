"""One record is merged: never over something that its writer did not see."""

import pytest
from sqlalchemy import select

from merge.record import Conflict, Reused
from models import Change, Student, revisions
from tests.merge.conftest import assert_revisions_agree, table


def test_a_new_student_gets_the_next_id(session, add):
    assert [add(None, "Ada").id, add(None, "Bo").id] == [1, 2]
    assert table(session) == [(1, "Ada", None, None), (2, "Bo", None, None)]


def test_a_chosen_id_is_kept_and_does_not_move_the_next_one(add):
    assert add(17, "Ada").id == 17
    assert add(None, "Bo").id == 1


def test_an_id_that_is_taken_is_never_overwritten(session, add):
    add(1, "Ada", 12)
    with pytest.raises(Conflict) as caught:
        add(1, "Bo")
    assert caught.value.student_id == 1
    assert table(session) == [(1, "Ada", 12, None)]


def test_a_save_raises_the_version_and_keeps_the_revision(session, add, save):
    add(1, "Ada", 12)
    assert save({"id": 1, "name": "Ada L", "age": 13, "score": 90.5}, version=1).version == 2
    kept = session.execute(select(revisions).order_by(revisions.c.version)).all()
    assert [(row.version, row.name, row.age, row.score) for row in kept] == [(1, "Ada", 12, None), (2, "Ada L", 13, 90.5)]
    change = session.get_one(Change, kept[1].change_id)
    assert (change.actor, change.reason) == ("office@school.test", "form")
    assert change.at.tzinfo is not None


def test_saving_what_is_stored_already_makes_no_version(session, add, save):
    add(1, "Ada", 12)
    assert save({"id": 1, "name": "Ada", "age": 12, "score": None}, version=1).version == 1
    assert_revisions_agree(session)


def test_a_stale_version_is_refused(session, add, save):
    add(1, "Ada", 12)
    save({"id": 1, "name": "Ada", "age": 13, "score": None}, version=1)
    with pytest.raises(Conflict):
        save({"id": 1, "name": "Ada L", "age": 12, "score": None}, version=1)
    assert table(session) == [(1, "Ada", 13, None)]
    assert_revisions_agree(session)


def test_a_race_between_look_and_write_is_refused(session, add, save):
    """The other writer's revision is there although the student still looks unchanged to us."""
    student = add(1, "Ada", 12)
    change_id = session.scalar(select(Change.id))
    session.execute(revisions.insert().values(student_id=1, version=2, change_id=change_id, name="Theirs"))
    session.commit()
    assert student.version == 1
    with pytest.raises(Conflict):
        save({"id": 1, "name": "Mine", "age": 12, "score": None}, version=1)
    assert table(session) == [(1, "Ada", 12, None)]


def test_a_deleted_student_is_gone_but_kept_as_a_revision(session, add, remove):
    add(1, "Ada", 12)
    remove(1, version=1)
    assert session.get(Student, 1) is None
    last = session.execute(select(revisions).order_by(revisions.c.version.desc())).first()
    assert (last.version, last.deleted, last.name, last.age) == (2, True, "Ada", 12)
    assert_revisions_agree(session)


def test_a_deleted_students_id_is_not_given_out_again(add, remove):
    remove(add(None, "Ada").id, version=1)
    assert add(None, "Bo").id == 2


def test_a_student_that_comes_back_goes_on_with_its_versions_and_what_is_left_out(session, add, save, remove):
    add(1, "Ada", 12)
    remove(1, version=1)
    assert save({"id": 1, "name": "Ada again"}, version=2).version == 3
    assert table(session) == [(1, "Ada again", 12, None)]
    assert_revisions_agree(session)


@pytest.mark.parametrize("version", [None, 1, 3])
def test_an_id_of_somebody_who_was_deleted_is_had_again_only_by_who_saw_that(session, add, save, remove, version):
    add(1, "Ada")
    remove(1, version=1)
    with pytest.raises(Conflict) as refused:
        save({"id": 1, "name": "Bo"}, version=version)
    assert isinstance(refused.value, Reused) == (version is None)
    assert table(session) == []


def test_saving_or_deleting_a_student_that_was_deleted_is_refused(session, add, save, remove):
    add(1, "Ada")
    remove(1, version=1)
    with pytest.raises(Conflict):
        save({"id": 1, "name": "Ada L", "age": None, "score": None}, version=1)
    with pytest.raises(Conflict):
        remove(1, version=1)
    assert table(session) == []


def test_deleting_a_record_that_changed_is_refused(session, add, save, remove):
    add(1, "Ada")
    save({"id": 1, "name": "Ada L", "age": None, "score": None}, version=1)
    with pytest.raises(Conflict):
        remove(1, version=1)
    assert table(session) == [(1, "Ada L", None, None)]
