"""The page of a student's versions, and the page that brings one back."""

import pytest

from models import Student

REVERT = "/students/7/revert/1"


@pytest.fixture
def ada(add, change):
    add(7, "Ada", 12)
    change(7, name="Ada <L>", score=50)


@pytest.mark.usefixtures("ada")
def test_the_history_shows_each_version_newest_first(viewer):
    page = viewer.visit("/students/7/history")
    assert page.heading == "History of Ada <L>"
    rows = [row.text for row in page.all("tbody")[0].all("tr")]
    assert [row.split()[0] for row in rows] == ["2", "1"]
    assert "Name was Ada becomes Ada <L>" in rows[0]
    assert "Score was blank becomes 50" in rows[0]
    assert "somebody else" in rows[0]


@pytest.mark.usefixtures("ada")
def test_a_version_that_an_import_made_links_to_it(editor, upload, work):
    page = upload("id,age\n7,13\n", filename="autumn.csv")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    history = editor.visit("/students/7/history")
    assert "Changed by an import: autumn.csv" in history.text
    assert "/imports/1" in history.links


@pytest.mark.usefixtures("ada")
def test_going_back_is_shown_first_and_makes_a_new_version(editor, students):
    page = editor.visit(REVERT)
    assert "Name was Ada <L> becomes Ada Score was 50 becomes blank" in page.text
    sent = editor.post(REVERT, page.values, status=303)
    assert "Restored version 1 of Ada." in editor.visit(sent.location).alerts
    assert students() == [(7, "Ada", 12, None)]
    assert "Restored an earlier version" in editor.visit("/students/7/history").text


@pytest.mark.usefixtures("ada")
def test_who_is_overtaken_sees_what_it_would_change_now(editor, change, students):
    page = editor.visit(REVERT)
    change(7, age=13)
    again = editor.post(REVERT, page.values, status=409)
    assert "The record has changed since you opened this page" in again.text
    assert students() == [(7, "Ada <L>", 13, 50)]
    editor.post(REVERT, again.values, status=303)
    assert students() == [(7, "Ada", 12, None)]


@pytest.mark.usefixtures("ada")
def test_a_deleted_student_is_brought_back_from_the_history_under_the_same_id(editor, students):
    sent = editor.send("/students/7/delete", {"version": "2"}, page="/students/7")
    assert "Deleted Ada <L>." in editor.visit(sent.location).alerts
    page = editor.visit("/students/7/history")
    assert "This student was deleted." in page.text
    editor.send("/students/new", {"name": "Bo"})
    editor.send("/students/7/revert/2")
    assert students() == [(1, "Bo", None, None), (7, "Ada <L>", 12, 50)]


@pytest.mark.usefixtures("ada")
def test_a_deletion_is_no_version_to_go_back_to(editor):
    editor.send("/students/7/delete", {"version": "2"}, page="/students/7")
    editor.visit("/students/7/revert/3", status=404)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("version", ["", "x", "1", "99", "-1"])
def test_going_back_from_a_version_that_is_not_shown_changes_nothing(editor, students, version):
    editor.send(REVERT, {"version": version}, status=409)
    assert students() == [(7, "Ada <L>", 12, 50)]


@pytest.mark.usefixtures("ada")
def test_a_viewer_is_offered_no_way_back(viewer):
    assert not [link for link in viewer.visit("/students/7/history").links if "revert" in link]


@pytest.mark.parametrize("path", ["/students/8/history", "/students/8/revert/1", "/students/x/history"])
def test_nobody_has_no_history(editor, stored, path):
    assert stored(Student.__table__.select()) == []
    editor.visit(path, status=404)


@pytest.mark.usefixtures("ada")
@pytest.mark.parametrize("before", ["x", "-1", "0", "9" * 30])
def test_a_place_in_the_history_that_was_made_up_does_no_harm(viewer, before):
    assert viewer.open(f"/students/7/history?before={before}").status_code in (400, 404)
