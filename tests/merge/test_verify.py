"""`verify` finds whatever a write past the door, a lost row or a bug would leave behind."""

import pytest
from sqlalchemy import and_, delete, insert, select, text, update

from merge.verify import verify
from models import Change, Import, merged_ids, planned_rows, revisions, students

SHEET = "id,name,age\n1,Ada,13\n2,Bo,13\n9,Di,14\n"

FIRST_OF_ADA = and_(revisions.c.student_id == 1, revisions.c.version == 1)

BREAKS = {
    "every student stands as the revision of the same version says": (
        update(students).where(students.c.id == 1).values(age=99),
        [1],
    ),
    "no student is behind a newer revision": (
        insert(revisions).values(student_id=2, version=3, change_id=1, deleted=True, name="Bo"),
        [2],
    ),
    "whoever was not deleted is there": (delete(students).where(students.c.id == 2), [2]),
    "the versions of each student have no gap": (
        delete(revisions).where(FIRST_OF_ADA),
        [1],
    ),
    "every revision belongs to a change that says who made it": (
        update(revisions).where(FIRST_OF_ADA).values(change_id=10**6),
        [1],
    ),
    "every import is in a state that it can be in": (update(Import).where(Import.state == "applied").values(state="lost"), [1]),
    "every preview has the rows that it counts": (delete(planned_rows).where(planned_rows.c.import_id == 2), [2]),
    "of whoever was erased nothing is left": (update(revisions).where(FIRST_OF_ADA).values(name=None), [1]),
    "every merged ID leads to one student": (
        insert(merged_ids).values(change_id=1, student_id=1, into_id=2, survivor_id=2),
        [1],
    ),
}

KNOWN = "search knows everybody by their name"


@pytest.fixture
def school(add, save, remove, upload, apply):
    """An import that was applied and one that waits; a student who left, and one who came back."""
    for student_id in (1, 2, 3, 4):
        add(student_id, f"Student {student_id}", 12)
    for student_id in (3, 4):
        remove(student_id, version=1)
    save({"id": 4, "name": "Student 4", "age": 12}, version=2)
    apply(upload(SHEET))
    upload("id,name\n5,Ed\n")


@pytest.mark.usefixtures("school")
def test_a_table_that_only_the_door_wrote_to_keeps_every_promise(session):
    found = list(verify(session))
    assert [finding.promise for finding in found] == [*BREAKS, KNOWN]
    assert [finding for finding in found if finding.broken] == []


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize(("promise", "damage", "first"), [(promise, *broken) for promise, broken in BREAKS.items()], ids=BREAKS)
def test_each_broken_promise_is_found_and_named(session, promise, damage, first):
    session.execute(damage)
    found = {finding.promise: finding for finding in verify(session)}
    assert (found[promise].broken, found[promise].first) == (1, first)


@pytest.mark.usefixtures("school")
def test_whoever_search_does_not_know_by_their_name_is_missed(session, backend):
    session.execute(text("UPDATE students SET folded = 'bo' WHERE id = 1"))
    found = {finding.promise: finding for finding in verify(session)}
    assert (found[KNOWN].broken, found[KNOWN].first) == (1, [1])
    if backend == "sqlite":
        session.execute(text("DELETE FROM students WHERE id = 1"))
        assert {finding.promise: finding.broken for finding in verify(session)}[KNOWN] == 1


@pytest.mark.usefixtures("school")
def test_verifying_changes_nothing(session):
    before = session.execute(select(students)).all(), session.execute(select(Change.id)).all()
    list(verify(session))
    assert (session.execute(select(students)).all(), session.execute(select(Change.id)).all()) == before
