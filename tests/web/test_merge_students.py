"""Merging two records on their page, what their ids lead to afterwards, and telling two people of one name apart."""

import pytest

from merge.verify import verify
from models import db
from tests.machine import machine_of

PAGE = "/students/1/merge/9"


@pytest.fixture
def two(add):
    add(1, "Ada Chen", 12)
    add(5, "Bo", 13)
    add(9, "Ada Chen", None, 90)


@pytest.fixture
def merged(two, admin):
    """Student 9 was merged into student 1."""
    admin.post(PAGE, admin.visit(PAGE).values, status=303)


@pytest.fixture
def sound(app):
    yield
    with app.app_context():
        assert [finding for finding in verify(db.session()) if finding.broken] == []


@pytest.mark.usefixtures("two", "sound")
def test_two_records_are_compared_field_by_field_with_their_histories_and_merged(admin, students):
    assert PAGE in admin.visit("/students/1").links
    page = admin.visit(PAGE)
    assert page.values["column-age"] == "first"
    assert page.values["column-score"] == "second"
    assert "column-name" not in page.values
    assert {"/students/1/history", "/students/9/history"} <= set(page.links)
    sent = admin.post(PAGE, page.values, status=303)
    assert "Student 9 was merged into Ada Chen, 1." in admin.visit(sent.location).alerts
    assert students() == [(1, "Ada Chen", 12, 90), (5, "Bo", 13, None)]


@pytest.mark.usefixtures("two", "sound")
def test_the_other_id_may_be_kept(admin, students):
    admin.post(PAGE, admin.visit(PAGE).values | {"survivor": "second", "column-score": "first"}, status=303)
    assert students() == [(5, "Bo", 13, None), (9, "Ada Chen", 12, None)]


@pytest.mark.usefixtures("two")
@pytest.mark.parametrize("choice", [{"survivor": ""}, {"survivor": "third"}, {"column-age": "third"}])
def test_a_choice_that_the_page_does_not_offer_merges_nothing(admin, students, choice):
    before = students()
    admin.post(PAGE, admin.visit(PAGE).values | choice, status=422)
    assert students() == before


@pytest.mark.usefixtures("two", "sound")
@pytest.mark.parametrize("changed", [1, 9])
def test_records_that_changed_meanwhile_are_shown_again_first(admin, change, students, changed):
    page = admin.visit(PAGE)
    change(changed, name="Ada Lovelace")
    before = students()
    again = admin.post(PAGE, page.values, status=409)
    assert "One of the records has changed" in again.alerts
    assert "Ada Lovelace" in again.text
    assert students() == before
    admin.post(PAGE, again.values, status=303)


def test_only_an_administrator_merges(two, editor, students):
    page = editor.visit(PAGE)
    assert "you need the role of an administrator" in page.text
    editor.post(PAGE, page.values | {"survivor": "first"}, status=403)
    assert len(students()) == 3


@pytest.mark.usefixtures("merged", "sound")
def test_the_old_id_leads_to_the_survivor_from_every_page(editor, admin, add):
    for path in ("/students/9", "/students?q=9", "/students/9/revert/1", PAGE, "/students/9/delete"):
        assert editor.visit(path, status=303).location.startswith("/students/1"), path
    assert "Student 9 was merged into this one." in editor.visit(editor.visit("/students/9", status=303).location).alerts
    assert admin.visit("/students/9/privacy", status=303).location == "/students/1"
    history = editor.visit("/students/9/history")
    assert "This record was merged into another student’s." in history.text
    assert "Restore" not in history.text
    assert "/students/9/history" in editor.visit("/students/1/history").links


@pytest.mark.usefixtures("merged", "sound")
def test_what_is_sent_to_the_old_id_changes_nothing_and_loses_nothing(editor, students):
    before = students()
    token = editor.visit("/students").values["csrf_token"]
    typed = {"csrf_token": token, "id": "9", "name": "Ada C.", "age": "15", "score": "90"}
    page = editor.post("/students/9", typed | {"version": "1"}, status=409)
    assert "merged into student 1 while you were typing" in page.alerts
    assert "Ada C." in page.html
    assert "/students/1" in page.html
    page = editor.post("/students/new", typed, status=409)
    assert "Ada C." in page.html
    editor.post("/students/9/delete", {"csrf_token": token, "version": "2"}, status=303)
    assert students() == before


@pytest.mark.usefixtures("merged", "sound")
def test_another_system_is_led_to_the_survivor_and_writes_over_nothing(app, students):
    machine = machine_of(app)
    answer = machine.ask("GET", "/students/9", 307)
    assert answer.headers["Location"] == "/api/v1/students/1"
    for headers in ({"If-Match": '"1"'}, {"If-Match": '"2"'}, {"If-None-Match": "*"}):
        answer = machine.ask("PUT", "/students/9", 409, json={"name": "Eve"}, headers=headers)
        assert (answer.json["merged_into"], answer.json["current"]["id"]) == (1, 1)
    assert students()[0] == (1, "Ada Chen", 12, 90)


@pytest.mark.usefixtures("merged", "sound")
def test_a_merge_is_undone_by_its_button(admin, students):
    page = admin.visit("/students/1/history")
    undo = next(form.get("action") for form in page.all("form") if form.get("action").endswith("/undo"))
    admin.post(undo, page.values, status=303)
    assert students() == [(1, "Ada Chen", 12, None), (5, "Bo", 13, None), (9, "Ada Chen", None, 90)]
    assert admin.visit("/students/9").heading == "Ada Chen"


@pytest.mark.usefixtures("two")
def test_two_people_of_one_name_are_marked_so_and_no_longer_listed(editor):
    page = editor.visit(PAGE)
    assert "Ada Chen" in editor.visit("/students?same_name=yes").text
    sent = editor.post(f"{PAGE}/distinct", {"csrf_token": page.values["csrf_token"]}, status=303)
    assert "are different people" in editor.visit(sent.location).alerts
    assert "Ada Chen" not in editor.visit("/students?same_name=yes").text
    assert "shares a name" not in editor.visit("/").text
    assert "marked as another person" in editor.visit("/students/1").text


@pytest.mark.usefixtures("two")
def test_any_two_records_are_found_by_their_ids(editor):
    assert editor.visit("/students/1/merge?other=5", status=303).location == "/students/1/merge/5"
    for other in ("", "1", "77", "x"):
        assert editor.visit(f"/students/1/merge?other={other}", status=303).location == "/students/1"
    editor.visit("/students/1/merge/1", status=404)
    editor.visit("/students/1/merge/77", status=404)
