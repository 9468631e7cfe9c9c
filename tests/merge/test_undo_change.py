"""One change is taken back as a whole, as long as nobody has changed its students since."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import func, select

from merge import erase, history, record, undo_change
from merge.undo_change import Overtaken, Repeated
from models import Change, Student, revisions
from tests.examples import examples
from tests.merge.conftest import assert_revisions_agree, table

ACTOR, OTHER = "office@school.test", "head@school.test"
ADA = {"id": 1, "name": "Ada", "age": 12, "score": 90.0}


@pytest.fixture
def newest(session):
    """Give the newest change."""
    return lambda: session.scalar(select(func.max(Change.id)))


def test_undo_of_a_save_gives_the_values_before_as_a_new_version(session, add, save, newest):
    add(*ADA.values())
    save({**ADA, "age": 13}, version=1)
    by = undo_change.undo_change(session, newest(), actor=OTHER)
    assert table(session) == [tuple(ADA.values())]
    entry = history.newest_version(session, 1)
    assert (entry.version, entry.actor, entry.reason, entry.change_id) == (3, OTHER, "undo", by)
    assert_revisions_agree(session)


def test_undo_of_an_added_student_deletes_them_and_undone_again_brings_them_back(session, add, newest):
    add(*ADA.values())
    undo_change.undo_change(session, newest(), actor=ACTOR)
    assert table(session) == []
    undo_change.undo_change(session, newest(), actor=ACTOR)
    assert table(session) == [tuple(ADA.values())]
    assert session.get(Student, 1).version == 3
    assert_revisions_agree(session)


def test_undo_of_a_deletion_brings_the_student_back(session, add, newest):
    add(*ADA.values())
    deletion = record.remove(session, 1, version=1, actor=ACTOR, reason="form")
    assert deletion == newest()
    undo_change.undo_change(session, deletion, actor=ACTOR)
    assert table(session) == [tuple(ADA.values())]
    assert_revisions_agree(session)


def test_undo_of_a_restored_version_goes_back_to_what_it_replaced(session, add, save, newest):
    add(*ADA.values())
    save({**ADA, "age": 13}, version=1)
    history.revert(session, 1, history.at_version(session, 1, 1), version=2, actor=ACTOR)
    undo_change.undo_change(session, newest(), actor=ACTOR)
    assert table(session) == [(1, "Ada", 13, 90.0)]


@pytest.mark.parametrize("since", ["saved", "deleted", "saved and saved back"])
def test_a_change_whose_student_was_changed_since_is_left_alone(session, add, save, remove, newest, since):
    add(*ADA.values())
    change_id = newest()
    if since == "deleted":
        remove(1, version=1)
    else:
        save({**ADA, "age": 13}, version=1)
    if since == "saved and saved back":
        save(ADA, version=2)
    before, changes = table(session), newest()
    with pytest.raises(Overtaken):
        undo_change.undo_change(session, change_id, actor=OTHER)
    assert (table(session), newest()) == (before, changes)
    (found,) = undo_change.overtaken(session, change_id)
    assert (found.student_id, found.then.version, found.now.deleted) == (1, 1, since == "deleted")


def test_a_second_undo_of_the_same_change_writes_nothing_and_names_the_first(session, add, newest):
    add(*ADA.values())
    change_id = newest()
    by = undo_change.undo_change(session, change_id, actor=ACTOR)
    with pytest.raises(Repeated) as repeated:
        undo_change.undo_change(session, change_id, actor=ACTOR)
    assert repeated.value.change_id == by
    with pytest.raises(Overtaken):
        undo_change.undo_change(session, change_id, actor=OTHER)
    undo_change.undo_change(session, by, actor=ACTOR)
    with pytest.raises(Overtaken):
        undo_change.undo_change(session, change_id, actor=ACTOR)
    assert table(session) == [tuple(ADA.values())]


def test_a_change_of_many_students_is_undone_for_all_or_for_none(session, store, save, newest):
    store([(1, "Ada", 12, None), (2, "Bo", 13, None), (3, "Cy", 14, None)])
    stored = table(session)
    assert undo_change.outcome(session, newest()).number == 3
    by = undo_change.undo_change(session, newest(), actor=ACTOR)
    assert table(session) == []
    undo_change.undo_change(session, by, actor=ACTOR)
    assert table(session) == stored
    redone = newest()
    save({"id": 2, "name": "Bo Lund", "age": 13, "score": None}, version=3)
    after = table(session)
    with pytest.raises(Overtaken):
        undo_change.undo_change(session, redone, actor=ACTOR)
    assert table(session) == after
    assert [found.student_id for found in undo_change.overtaken(session, redone)] == [2]
    assert_revisions_agree(session)


def test_an_erasure_and_what_came_before_it_are_never_undone(session, add, newest):
    add(*ADA.values())
    added = newest()
    there = erase.outlook(session, 1)
    erase.erase(session, 1, version=there.version, seen=there.seen, actor=OTHER)
    assert undo_change.undoable(session, newest()) is None
    with pytest.raises(Overtaken):
        undo_change.undo_change(session, added, actor=ACTOR)
    assert undo_change.overtaken(session, added)[0].now.erased
    assert table(session) == []


@given(acts=st.lists(st.sampled_from(["save", "delete", "undo"]), min_size=1, max_size=8))
@settings(max_examples=examples(5), suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_however_a_student_came_to_be_the_last_change_of_them_can_be_undone(session, acts):
    student_id = (session.scalar(select(func.max(revisions.c.student_id))) or 0) + 1
    seen = [None]
    for number, act in enumerate(acts, 1):
        student = session.get(Student, student_id, populate_existing=True)
        version, undoing = len(seen) - 1 or None, act == "undo" and len(seen) > 1
        if undoing:
            change_id = undo_change.change_of(session, student_id, len(seen) - 1)
            undo_change.undo_change(session, change_id, actor=ACTOR)
        elif act == "delete" and student:
            record.remove(session, student_id, version=version, actor=ACTOR, reason="form")
        else:
            values = {"id": student_id, "name": f"Student {number}", "age": None, "score": None}
            record.save(session, values, version=version, actor=ACTOR, reason="form")
        seen.append(next((row for row in table(session) if row[0] == student_id), None))
        assert not undoing or seen[-1] == seen[-3]
    assert_revisions_agree(session)
