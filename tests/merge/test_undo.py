"""An applied sheet is taken back, and put in force again, without touching what was edited since."""

import pytest
from hypothesis import HealthCheck, given, settings

from merge import undo
from merge.decisions import WrongState
from merge.imports import lifecycle
from models import Import
from tests.examples import examples
from tests.merge.conftest import assert_revisions_agree, kept_as_read, run, table
from tests.merge.test_agreement import _csv as csv_of
from tests.merge.test_agreement import _empty as empty
from tests.merge.test_agreement import tables

pytestmark = pytest.mark.usefixtures("small_slices")
STORED = [(1, "Ada", 12, 90.0), (2, "Bo", 13, None), (3, "Cy", None, 70.5)]
SHEET = "id,name,age,score\n1,Ada L,12,91\n2,Bo,13,\n8,Di,14,80\n9,Ed,15,81\n"


@pytest.fixture
def take_back(session):
    """Undo an applied import, or put an undone one in force again."""

    def take_back(import_):
        lifecycle.start_undo(session, import_.id, "head@school.test", version=import_.version)
        return run(session, import_.id)

    return take_back


@pytest.fixture
def applied(add, upload, apply):
    for row in STORED:
        add(*row)
    return apply(upload(SHEET))


def test_undo_puts_every_student_back_as_before(session, applied, take_back):
    assert take_back(applied).state == "undone"
    assert table(session) == STORED
    assert_revisions_agree(session)


def test_an_undo_can_be_undone_and_that_again(session, applied, take_back):
    after = table(session)
    assert take_back(take_back(applied)).state == "applied"
    assert table(session) == after
    assert take_back(applied).state == "undone"
    assert table(session) == STORED
    assert_revisions_agree(session)


def test_students_edited_since_are_left_alone_and_named(session, applied, take_back, save, remove):
    by_import = applied.change_id
    save({"id": 1, "name": "Ada Lovelace", "age": 12, "score": 91.0}, version=2)
    remove(9, version=1)
    before = undo.outlook(session, by_import)
    assert (before.restored, before.removed, before.returned, before.skipped) == (0, 1, 0, 2)
    undone = take_back(applied)
    assert undone.skipped == 2
    assert undo.skipped_students(session, by_import, undone.change_id, 10) == [(1, "Ada L"), (9, "Ed")]
    assert table(session) == [(1, "Ada Lovelace", 12, 91.0), *STORED[1:]]
    assert_revisions_agree(session)


def test_the_outlook_says_what_an_undo_will_do(session, applied, take_back):
    assert undo.outlook(session, applied.change_id) == undo.Outlook(restored=1, removed=2, returned=0, skipped=0, erased=0)
    undone = take_back(applied)
    assert undo.outlook(session, undone.change_id) == undo.Outlook(restored=1, removed=0, returned=2, skipped=0, erased=0)


def test_only_what_was_applied_can_be_undone(session, upload):
    previewed = upload(SHEET)
    with pytest.raises(WrongState):
        lifecycle.start_undo(session, previewed.id, "head@school.test", version=previewed.version)


def test_the_sheet_can_be_uploaded_and_applied_again_after_an_undo(session, applied, take_back, upload, apply):
    take_back(applied)
    again = apply(upload(SHEET))
    assert (again.inserts, again.updates, again.conflicts) == (2, 1, 0)
    assert_revisions_agree(session)


def test_an_undo_that_fails_leaves_the_import_applied(session, applied, take_back):
    session.connection().exec_driver_sql("UPDATE students SET version = 9 WHERE id = 1")
    session.commit()
    failed = take_back(applied)
    assert (failed.state, bool(failed.failure)) == ("applied", True)
    assert len(table(session)) == 5
    assert session.get_one(Import, applied.id).change_id == applied.change_id


@settings(max_examples=examples(8), deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(stored=tables, sheet=tables.filter(bool))
def test_undo_after_apply_gives_the_table_back(session, upload, apply, add, take_back, stored, sheet):
    empty(session)
    for student_id, values in stored.items():
        add(student_id, *values)
    before = table(session)
    applied = apply(kept_as_read(session, upload(csv_of(sheet), blank_clears=True)))
    after = table(session)
    take_back(applied)
    assert table(session) == before
    take_back(applied)
    assert table(session) == after
    assert_revisions_agree(session)
