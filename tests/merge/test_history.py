"""Every version of a student, and the way back to each."""

import pytest

from merge import history
from merge.record import Conflict
from tests.merge.conftest import assert_revisions_agree, table


@pytest.fixture
def ada(add, save, upload, apply):
    """A student who was made in the form, changed by an import, and changed again in the form."""
    add(1, "Ada", 12)
    apply(upload("id,name,score\n1,Ada L,50\n"))
    save({"id": 1, "name": "Ada Lovelace", "age": 12, "score": 50.0}, version=2)


@pytest.mark.usefixtures("ada")
def test_each_version_says_who_made_it_by_what_and_which_cells_changed(session):
    page = history.page(session, 1)
    told = [(entry.version, entry.actor, entry.reason, entry.filename) for entry, _ in page.entries]
    assert told == [
        (3, "office@school.test", "form", None),
        (2, "sec@school.test", "import", "sheet.csv"),
        (1, "office@school.test", "form", None),
    ]
    cells = [[(cell.column.name, cell.before, cell.after) for cell in cells] for _, cells in page.entries]
    assert cells == [
        [("name", "Ada L", "Ada Lovelace")],
        [("name", "Ada", "Ada L"), ("score", "", "50")],
        [("name", None, "Ada"), ("age", None, "12")],
    ]


def test_a_long_history_is_read_page_by_page(session, add, save, monkeypatch):
    monkeypatch.setattr("merge.history.ENTRIES", 2)
    add(1, "Ada", 0)
    for version in range(1, 5):
        save({"id": 1, "name": "Ada", "age": version, "score": None}, version=version)
    seen, before = [], None
    while True:
        page = history.page(session, 1, before)
        seen += [(entry.version, [cell.before for cell in cells]) for entry, cells in page.entries]
        before = page.before
        if before is None:
            break
    assert seen == [(5, ["3"]), (4, ["2"]), (3, ["1"]), (2, ["0"]), (1, [None, None])]


@pytest.mark.usefixtures("ada")
def test_reverting_makes_a_new_version_with_the_old_values(session):
    to = history.at_version(session, 1, 1)
    student = history.revert(session, 1, to, version=3, actor="head@school.test")
    assert (student.version, table(session)) == (4, [(1, "Ada", 12, None)])
    newest = history.newest_version(session, 1)
    assert (newest.reason, newest.actor) == ("revert", "head@school.test")
    assert_revisions_agree(session)


@pytest.mark.usefixtures("ada")
def test_reverting_what_somebody_changed_meanwhile_is_refused(session):
    with pytest.raises(Conflict):
        history.revert(session, 1, history.at_version(session, 1, 1), version=2, actor="head@school.test")
    assert table(session) == [(1, "Ada Lovelace", 12, 50.0)]


@pytest.mark.usefixtures("ada")
def test_a_deleted_student_comes_back_with_the_same_id_which_nobody_got_meanwhile(session, add, remove):
    remove(1, version=3)
    assert add(None, "Bo").id == 2
    student = history.revert(session, 1, history.at_version(session, 1, 3), version=4, actor="head@school.test")
    assert (student.id, student.version) == (1, 5)
    assert table(session) == [(1, "Ada Lovelace", 12, 50.0), (2, "Bo", None, None)]
    assert [entry.deleted for entry, _ in history.page(session, 1).entries] == [False, True, False, False, False]
    assert_revisions_agree(session)


def test_nobody_has_no_history(session):
    assert history.page(session, 8).entries == []
    assert history.at_version(session, 8, 1) is None
    assert history.newest_version(session, 8) is None
