"""Two records of one person become one: the survivor keeps its id, the other's leads to it, and nothing is lost."""

import threading

import pytest
from sqlalchemy import select

from merge import as_of, duplicates, erase, figures, held, history, preview, record, undo_change
from merge.correct import correct
from merge.merge_students import merge_students
from merge.merged_ids import ids_of, survivor_of
from merge.rest import go_on_with_rest
from merge.review import confirm
from merge.verify import verify
from models import AuditEntry, Import, Student, db, distinct_students, merged_ids, now, revisions
from tests.merge.conftest import assert_revisions_agree, table

HEAD = "head@school.test"
ADA = {"name": "Ada Chen", "age": 12, "score": 90.0}


@pytest.fixture
def two(add):
    """Student 1 was entered again as 9; 5 is somebody else."""
    add(1, "Ada Chen", 12)
    add(5, "Bo", 13)
    add(9, "Ada Chen", None, 90)


@pytest.fixture
def merge(session):
    """Merge two students as they now are: merge(1, 9) gives the change."""

    def merge(survivor_id, other_id, values=ADA):
        versions = tuple(session.get(Student, one, populate_existing=True).version for one in (survivor_id, other_id))
        return merge_students(session, survivor_id, other_id, values, versions=versions, actor=HEAD)

    return merge


@pytest.mark.usefixtures("two")
def test_the_survivor_gets_the_values_and_the_other_id_leads_to_it(session, merge):
    before = now()
    change_id = merge(1, 9)
    assert table(session) == [(1, "Ada Chen", 12, 90), (5, "Bo", 13, None)]
    assert (survivor_of(session, 9), survivor_of(session, 1), ids_of(session, 1)) == (1, None, [9])
    assert [entry.reason for entry, _ in history.page(session, 9).entries] == ["merge", "form"]
    assert {entry.change_id for entry in (history.newest_version(session, 1), history.newest_version(session, 9))} == {change_id}
    then = as_of.page(session, as_of.Query(before, "", 50, None, None)).students
    assert [student["id"] for student in then] == [1, 5, 9]
    noted = session.execute(select(AuditEntry.actor, AuditEntry.about).where(AuditEntry.act == "students-merged")).all()
    assert [tuple(entry) for entry in noted] == [(HEAD, "student 1")]
    assert_sound(session)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("versions", [(0, 1), (1, 2), (None, 1), (1, None)])
def test_records_that_were_not_seen_so_are_not_merged(session, versions):
    before = table(session)
    with pytest.raises(record.Conflict):
        merge_students(session, 1, 9, ADA, versions=versions, actor=HEAD)
    assert table(session) == before
    assert_sound(session)


@pytest.mark.usefixtures("two")
def test_eight_who_merge_at_once_in_both_directions_merge_once(app, session):
    session.rollback()
    told, start = [], threading.Barrier(8)

    def press(survivor_id, other_id):
        with app.app_context():
            start.wait()
            try:
                merge_students(db.session(), survivor_id, other_id, ADA, versions=(1, 1), actor=HEAD)
                told.append(True)
            except record.Conflict:
                told.append(False)

    threads = [threading.Thread(target=press, args=pair) for pair in [(1, 9), (9, 1)] * 4]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(told) == [False] * 7 + [True]
    assert_sound(session)


@pytest.mark.usefixtures("two")
def test_a_survivor_that_is_merged_takes_its_ids_along_and_undoing_gives_them_back(session, merge):
    merge(1, 9)
    second = merge(5, 1, {"name": "Bo Chen", "age": 13, "score": 90.0})
    assert (survivor_of(session, 9), survivor_of(session, 1), ids_of(session, 5)) == (5, 5, [1, 9])
    assert_sound(session)
    undone = undo_change.undo_change(session, second, actor=HEAD)
    assert (survivor_of(session, 9), survivor_of(session, 1), ids_of(session, 5)) == (1, None, [])
    assert table(session) == [(1, "Ada Chen", 12, 90), (5, "Bo", 13, None)]
    assert_sound(session)
    undo_change.undo_change(session, undone, actor=HEAD)
    assert (survivor_of(session, 9), survivor_of(session, 1), ids_of(session, 5)) == (5, 5, [1, 9])
    assert_sound(session)


@pytest.mark.usefixtures("two")
def test_undoing_a_merge_splits_the_two_again(session, merge):
    before = table(session)
    undo_change.undo_change(session, merge(1, 9), actor=HEAD)
    assert table(session) == before
    assert (survivor_of(session, 9), ids_of(session, 1)) == (None, [])
    assert_sound(session)
    merge(9, 1)
    assert survivor_of(session, 1) == 9
    assert_sound(session)


@pytest.mark.usefixtures("two")
def test_a_survivor_that_was_edited_since_is_not_split(session, merge, save):
    change_id = merge(1, 9)
    save({"id": 1, **ADA, "age": 14}, version=2)
    with pytest.raises(undo_change.Overtaken):
        undo_change.undo_change(session, change_id, actor=HEAD)
    assert survivor_of(session, 9) == 1
    assert table(session)[0] == (1, "Ada Chen", 14, 90)
    assert_sound(session)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("version", [None, 1, 2])
def test_nobody_writes_to_a_merged_id(session, merge, save, version):
    merge(1, 9)
    with pytest.raises(record.MergedAway) as refused:
        save({"id": 9, "name": "Ada"}, version=version)
    assert refused.value.survivor_id == 1
    with pytest.raises(record.Conflict):
        history.revert(session, 9, history.at_version(session, 9, 1), version=2, actor=HEAD)
    assert_sound(session)


@pytest.mark.usefixtures("two")
def test_a_sheet_with_the_old_id_means_the_survivor(session, merge, upload, apply):
    merge(1, 9)
    applied = apply(upload("id,name,score\n9,Ada Chen,95\n"))
    assert (applied.updates, applied.inserts, applied.led) == (1, 0, 1)
    assert table(session)[0] == (1, "Ada Chen", 12, 95)
    assert_sound(session)


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize(("lines", "score"), [([2], 95), ([3], 96), (None, 95), ([2, 3], 95)])
def test_of_a_sheet_with_both_ids_one_row_is_confirmed(session, merge, upload, apply, lines, score):
    merge(1, 9)
    previewed = upload("id,name,score\n1,Ada Chen,95\n9,Ada Chen,96\n")
    assert (previewed.reviews, previewed.updates) == (2, 0)
    assert [row.review.related for row in preview.rows(session, previewed, "review")] == [3, 2]
    confirm(session, previewed.id, lines, HEAD, version=previewed.version)
    confirm(session, previewed.id, None, HEAD, version=session.get_one(Import, previewed.id).version)
    applied = apply(previewed)
    assert (applied.updates, applied.reviews, applied.conflicts) == (1, 1, 0)
    assert table(session)[0] == (1, "Ada Chen", 12, score)
    assert_sound(session)


@pytest.mark.usefixtures("two")
def test_of_two_rows_whose_records_were_merged_since_the_preview_only_one_can_be_confirmed(session, merge, upload, apply):
    previewed = upload("id,name,score\n1,Ada Chen,95\n9,Ada Chen,96\n")
    merge(1, 9)
    merge(5, 1)
    held = apply(previewed)
    assert (held.updates, held.reviews, held.conflicts) == (0, 2, 0)
    assert [row.review.related for row in preview.rows(session, held, "review")] == [3, 2]
    rest = session.get_one(Import, go_on_with_rest(session, held.id, HEAD, version=held.version))
    confirm(session, rest.id, None, HEAD, version=rest.version)
    applied = apply(rest, confirmed=False)
    assert (applied.updates, applied.reviews, applied.conflicts) == (1, 1, 0)


@pytest.mark.usefixtures("two")
def test_a_row_that_is_given_the_old_id_while_the_sheet_has_the_survivors_needs_review(session, merge, upload):
    merge(1, 9)
    previewed = upload("id,name,score\n1,Ada Chen,95\nx,Ada Chen,96\n")
    correct(session, previewed.id, {3: {0: "9"}}, version=previewed.version)
    assert (session.get_one(Import, previewed.id, populate_existing=True).reviews, previewed.updates) == (2, 0)


@pytest.mark.usefixtures("two")
def test_erasing_the_survivor_erases_both_histories_and_the_id(session, merge, upload, apply):
    apply(upload("id,name\n9,Adele Chen\n"))
    change_id = merge(1, 9)
    assert erase.outlook(session, 9) is None
    assert [version["student"] for version in held.held_on(session, 1)["versions"]] == [1, 1, 9, 9, 9]
    there = erase.outlook(session, 1)
    assert len(there.done) == 1
    erase.erase(session, 1, version=there.version, seen=there.seen, actor=HEAD)
    assert table(session) == [(5, "Bo", 13, None)]
    assert session.scalars(select(revisions.c.name).where(revisions.c.student_id.in_([1, 9])).distinct()).all() == [None]
    assert session.execute(select(merged_ids)).all() == []
    with pytest.raises(undo_change.Overtaken):
        undo_change.undo_change(session, change_id, actor=HEAD)
    assert_sound(session)


@pytest.mark.usefixtures("two")
def test_retention_leaves_a_merged_record_as_long_as_its_student(session, merge, remove):
    merge(1, 9)
    assert erase.erase_deleted(session, now()) == 0
    remove(1, version=2)
    assert erase.erase_deleted(session, now()) == 1
    assert erase.erase_deleted(session, now()) == 1
    assert session.scalars(select(revisions.c.name).where(revisions.c.student_id.in_([1, 9])).distinct()).all() == [None]


@pytest.mark.usefixtures("two")
def test_whom_somebody_knows_to_be_two_people_is_no_possible_duplicate_any_more(session, add):
    assert figures.look(session).same_name == 2
    for _ in range(2):
        duplicates.say_distinct(session, 9, 1, HEAD)
    assert figures.look(session).same_name == 0
    assert session.execute(select(distinct_students.c.first_id, distinct_students.c.second_id)).all() == [(1, 9)]
    assert [other.distinct for other in duplicates.same_name(session, session.get(Student, 1))] == [True]
    add(10, "Ada Chen")
    assert figures.look(session).same_name == 3


def assert_sound(session):
    assert_revisions_agree(session)
    assert [finding for finding in verify(session) if finding.broken] == []
