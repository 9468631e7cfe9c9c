"""An id is one person's for ever: one of somebody who was deleted or erased is never given to another unasked."""

import threading

import pytest
from sqlalchemy import select, text

from merge import erase, preview, record
from merge.correct import correct
from merge.ids import is_unusual
from merge.review import confirm
from models import Student, db, staged_rows
from tests.merge.conftest import assert_revisions_agree, table

HUGE = 999_999_999_999_999


@pytest.fixture
def gone(session, add, remove):
    """Student 1 was erased, 3009 deleted; 2 and 8 are there."""
    for student_id, name in ((1, "Eve"), (2, "Bo"), (8, "Di"), (3009, "New Pupil 9")):
        add(student_id, name, 12)
    remove(3009, version=1)
    there = erase.outlook(session, 1)
    erase.erase(session, 1, version=there.version, seen=there.seen, actor="head@school.test")


@pytest.mark.usefixtures("gone")
def test_a_deleted_students_id_in_a_sheet_needs_review_and_says_whose_it_was(session, upload, apply):
    previewed = upload("id,name,age\n3009,New Pupil 9,13\n2,Bo,13\n")
    assert (previewed.reviews, previewed.inserts, previewed.updates) == (1, 0, 1)
    (row,) = preview.rows(session, previewed, "review")
    assert row.problems[0].startswith("Student ID 3009 was New Pupil 9, deleted ")
    assert "by office@school.test" in row.problems[0]
    apply(previewed, confirmed=False)
    assert [student[0] for student in table(session)] == [2, 8]


@pytest.mark.usefixtures("gone")
def test_once_confirmed_it_is_the_same_person_again(session, upload, apply):
    previewed = upload("id,name\n3009,New Pupil\n")
    confirm(session, previewed.id, None, "sec@school.test", version=previewed.version)
    assert apply(previewed).inserts == 1
    assert session.get(Student, 3009).version == 3
    assert_revisions_agree(session)


@pytest.mark.usefixtures("gone")
def test_an_erased_students_id_is_rejected_until_the_row_has_another(session, upload, apply):
    previewed = upload("id,name\n1,Ada\n4,Cy\n")
    assert (previewed.rejected, previewed.inserts) == (1, 1)
    (row,) = preview.rows(session, previewed, "rejected")
    assert "belonged to a student who was erased" in row.problems[0]
    still = correct(session, previewed.id, {2: {1: "Ada L"}}, version=previewed.version)
    assert still.rejected[2].problems == row.problems
    mended = correct(session, previewed.id, {2: {0: "5"}}, version=previewed.version)
    assert mended.accepted[2].verdict == "insert"
    apply(previewed)
    assert [student[0] for student in table(session)] == [2, 4, 5, 8]


@pytest.mark.usefixtures("gone")
@pytest.mark.parametrize("version", [None, 1, 2, 3])
def test_nobody_gets_an_erased_students_id_by_a_save(save, version):
    with pytest.raises(record.Conflict):
        save({"id": 1, "name": "Ada"}, version=version)


def test_two_who_restore_one_student_at_once_make_one_version(app, session, add, remove):
    add(7, "Ada")
    remove(7, version=1)
    session.rollback()
    told, start = [], threading.Barrier(8)

    def restore():
        with app.app_context():
            start.wait()
            try:
                record.save(db.session(), {"id": 7, "name": "Ada"}, version=2, actor="test", reason="form")
                told.append(True)
            except record.Conflict:
                told.append(False)

    threads = [threading.Thread(target=restore) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [False] * 7 + [True]
    assert_revisions_agree(session)


def test_ids_can_not_be_used_up_by_one_that_is_typed(add):
    assert add(None, "Ada").id == 1
    assert add(HUGE, "Bo").id == HUGE
    assert [add(None, "Cy").id, add(None, "Di").id] == [2, 3]


def test_ids_can_not_be_used_up_by_a_sheet(session, upload, apply, add):
    add(None, "Ada")
    previewed = upload(f"id,name\n2,Bo\n{HUGE},Cy\n")
    (row,) = preview.rows(session, previewed, "review")
    assert row.review.reason == "high-id"
    confirm(session, previewed.id, None, "sec@school.test", version=previewed.version)
    assert apply(previewed).inserts == 2
    assert add(None, "Di").id == 3


@pytest.mark.parametrize(
    ("stored", "sheet", "held"),
    [
        ([], [4_000_000_001, 4_000_000_002], []),
        ([1, 2], [3, 1_000_000], []),
        ([1, 2], [3, 1_000_001], [1_000_001]),
        ([4_000_000_001], [4_000_000_002, 5_000_000_000], []),
        ([1, 2], [4_000_000_000 + place for place in range(10)], []),
        ([1, 2], [*range(4_000_000_000, 4_000_000_010), HUGE], [HUGE]),
        ([], [*range(1, 10), HUGE], [HUGE]),
    ],
    ids=[
        "first",
        "high",
        "far higher",
        "as high as the others",
        "other numbers",
        "one among other numbers",
        "one in the first sheet",
    ],
)
def test_only_an_id_far_above_all_others_needs_review(session, upload, add, stored, sheet, held):
    for student_id in stored:
        add(student_id, f"Student {student_id}")
    previewed = upload("id,name\n" + "".join(f"{student_id},Pupil {student_id}\n" for student_id in sheet))
    assert [int(row.cells[0].after) for row in preview.rows(session, previewed, "review")] == held


def test_the_first_ids_are_never_unusual(session, add):
    assert not is_unusual(session, HUGE)
    add(1, "Ada")
    assert is_unusual(session, HUGE)
    assert not is_unusual(session, 1_000_000)


def test_assigned_ids_pass_over_what_was_ever_taken_in_a_sheet_too(session, add, remove, store, upload):
    store((student_id, f"Student {student_id}", None, None) for student_id in [*range(1, 400), 401, 403, *range(405, 900)])
    remove(401, version=1)
    assert add(None, "Ada").id == 400
    previewed = upload("name\n" + "".join(f"Somebody {place}\n" for place in range(5)))
    given = select(staged_rows.c.student_id).where(staged_rows.c.import_id == previewed.id).order_by(staged_rows.c.line)
    assert list(session.scalars(given)) == [402, 404, 900, 901, 902]
    assert add(None, "Bo").id == 903


def test_eight_new_students_at_once_get_eight_ids(app, session, add):
    for student_id in (2, 3, 5):
        add(student_id, "Taken")
    session.rollback()
    got, start = [], threading.Barrier(8)

    def save():
        with app.app_context():
            start.wait()
            saved = record.save(db.session(), {"name": "New"}, version=None, actor="test", reason="form")
            got.append(saved.id)

    threads = [threading.Thread(target=save) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(got) == [1, 4, 6, 7, 8, 9, 10, 11]


@pytest.mark.parametrize("backend", ["postgresql"])
def test_the_database_has_one_sequence_of_ids(session):
    default = session.scalar(
        text("SELECT column_default FROM information_schema.columns WHERE table_name = 'students' AND column_name = 'id'")
    )
    assert default == "nextval('students_id_seq'::regclass)"
    owned = session.scalars(text("SELECT relname FROM pg_class WHERE relkind = 'S' AND relname LIKE 'students_id%'"))
    assert list(owned) == ["students_id_seq"]
