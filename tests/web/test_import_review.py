"""Rows that may mean another student: shown with both names and the reason, confirmed one by one or all shown, never unasked."""

import pytest
from sqlalchemy import select

from models import AuditEntry
from tests.machine import machine_of

SHEET = "id,name,score\n1,Ada King,91\n2,Bob,99\n3,Bob,50\n5,Zoe,70\n"
STORED = [(1, "Ada", 12, 90), (2, "Bob", 13, 50), (3, "Cleo", 13, 50)]


@pytest.fixture
def page(add, upload):
    """Upload a sheet with another name for student 1, and Bob's name for student 3."""
    for student in STORED:
        add(*student)
    return upload(SHEET)


def test_a_row_that_needs_review_shows_both_names_and_why(page):
    assert "It adds 1 student and changes 1; 2 rows need review." in page.text
    rows = page.rows
    assert [row[2] for row in rows] == ["was Ada becomes Ada King", "was Cleo becomes Bob"]
    assert "The sheet has a different name for this student." in rows[0][-1]
    assert "In Rollbook this is the name of student 2." in rows[1][-1]
    assert [button.text for button in page.all("button") if "Apply" in button.text] == ["Apply 2 changes"]


def test_what_nobody_confirmed_is_not_applied(page, editor, work, students):
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    assert students() == [STORED[0], (2, "Bob", 13, 99), STORED[2], (5, "Zoe", None, 70)]
    assert "2 rows were not confirmed" in editor.visit("/imports/1").text


def test_one_row_is_confirmed_and_the_other_stays(page, editor, work, students, stored):
    sent = editor.post("/imports/1/confirm", page.values | {"lines": "2"}, status=303)
    after = editor.visit(sent.location)
    assert "1 row is confirmed." in after.text
    assert "1 row needs review" in after.text
    editor.post("/imports/1/apply", after.values, status=303)
    work()
    assert students() == [(1, "Ada King", 12, 91), (2, "Bob", 13, 99), STORED[2], (5, "Zoe", None, 70)]
    noted = stored(select(AuditEntry.actor, AuditEntry.details).where(AuditEntry.act == "rows-confirmed"))
    assert noted == [("editor@school.example", {"rows": 1})]


def test_all_that_are_shown_are_confirmed_at_once(page, editor):
    (form,) = [form for form in page.all("form") if "Confirm all 2 shown" in form.text]
    (lines,) = [field.get("value") for field in form.all("input") if field.get("name") == "lines"]
    assert lines == "2 4"
    sent = editor.post("/imports/1/confirm", page.values | {"lines": lines}, status=303)
    after = editor.visit(sent.location)
    assert "Apply 4 changes" in after.text
    assert "need review" not in after.text


def test_a_confirmation_holds_only_for_what_was_seen(page, editor, students):
    editor.post("/imports/1/confirm", page.values | {"lines": "2"}, status=303)
    late = editor.post("/imports/1/confirm", page.values | {"lines": "4"}, status=409)
    assert "1 row needs review" in late.text


def test_a_viewer_sees_the_rows_and_confirms_none(page, viewer):
    seen = viewer.visit("/imports/1?verdict=review")
    assert "Ada King" in seen.text
    assert not [button for button in seen.all("button") if "Confirm" in button.text]


@pytest.mark.usefixtures("page")
def test_another_system_is_told_the_rows_and_confirms_them_by_their_lines(machine, work, students):
    told = machine.ask("GET", "/imports/1", 200)
    assert [told.json[verdict] for verdict in ("review", "update", "insert")] == [2, 1, 1]
    assert [(row["line"], row["stored_name"], row["name"], row["reason"]) for row in told.json["review_rows"]] == [
        (2, "Ada", "Ada King", "other-name"),
        (4, "Cleo", "Bob", "other-student"),
    ]
    for lines in ([], ["2"], [True], None, "some", {}, [-1]):
        machine.ask("POST", "/imports/1/confirm", 422, json={"lines": lines})
    stale = {"If-Match": told.headers["ETag"]}
    done = machine.ask("POST", "/imports/1/confirm", 200, json={"lines": [2]}, headers=stale)
    assert (done.json["review"], done.json["update"]) == (1, 2)
    machine.ask("POST", "/imports/1/confirm", 409, json={"lines": "all"}, headers=stale)
    done = machine.ask("POST", "/imports/1/confirm", 200, json={"lines": "all"}, headers={"If-Match": done.headers["ETag"]})
    assert done.json["review"] == 0
    machine.ask("POST", "/imports/1/apply", 202, headers={"If-Match": done.headers["ETag"]})
    work()
    assert students() == [(1, "Ada King", 12, 91), (2, "Bob", 13, 99), (3, "Bob", 13, 50), (5, "Zoe", None, 70)]


@pytest.fixture
def machine(app):
    return machine_of(app)


def test_a_row_that_can_mean_several_is_given_to_the_student_who_is_chosen(add, upload, editor, work, students):
    for number in (1, 2):
        add(number, "Bo Nowak", 11 + number, 50)
    page = upload("name,score\nNOWAK Bo,9\n")
    (form,) = [form for form in page.all("form") if "New student" in form.text]
    assert [button.get("value") for button in form.all("button")] == ["1", "2", "new"]
    assert ["Age 12" in button.text for button in form.all("button")] == [True, False, False]
    assert not [button for button in page.all("button") if "Confirm" in button.text]
    late = editor.post("/imports/1/choose", page.values | {"line": "2", "student": "3"}, status=409)
    assert "This import has changed since you opened the page" in late.text
    sent = editor.post("/imports/1/choose", page.values | {"line": "2", "student": "2"}, status=303)
    after = editor.visit(sent.location)
    assert "Line 2: the student is chosen." in after.text
    editor.post("/imports/1/apply", after.values, status=303)
    work()
    assert students() == [(1, "Bo Nowak", 12, 50), (2, "Bo Nowak", 13, 9)]


def test_another_system_chooses_among_the_candidates_that_it_is_told(add, upload, machine):
    for number in (1, 2):
        add(number, "Bo Nowak")
    upload("name,score\nBo Nowak,9\n")
    told = machine.ask("GET", "/imports/1", 200)
    (row,) = told.json["review_rows"]
    assert (row["reason"], row["student_id"], [student["id"] for student in row["candidates"]]) == ("several", None, [1, 2])
    for sent in ({"line": 2, "student": 7}, {"line": 2}, {"line": "2", "student": 1}):
        machine.ask("POST", "/imports/1/choose", 422, json=sent)
    done = machine.ask("POST", "/imports/1/choose", 200, json={"line": 2, "student": None})
    assert (done.json["insert"], done.json["review"]) == (1, 0)


def test_what_nobody_confirmed_is_taken_up_again_after_the_rest_is_applied(page, editor, work, students, machine):
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    applied = editor.visit("/imports/1")
    assert "2 rows still need review" in applied.text
    rest = editor.visit(editor.post("/imports/1/rest", applied.values, status=303).location)
    assert "These rows needed review when import 1 was applied." in rest.text
    assert "Import 2 goes on with them." in editor.visit("/imports/1").text
    machine.ask("POST", "/imports/1/rest", 201, headers={"If-Match": machine.ask("GET", "/imports/1", 200).headers["ETag"]})
    confirmed = editor.visit(editor.post("/imports/2/confirm", rest.values | {"lines": "2 4"}, status=303).location)
    editor.post("/imports/2/apply", confirmed.values, status=303)
    work()
    assert students() == [(1, "Ada King", 12, 91), (2, "Bob", 13, 99), (3, "Bob", 13, 50), (5, "Zoe", None, 70)]
