"""The page of what is held on a student, its files, and the erasure that it offers."""

import json

import pytest

PAGE = "/students/7/privacy"


@pytest.fixture
def ada(add, change):
    add(7, "Ada", 12)
    change(7, name="Ada <L>")


@pytest.mark.usefixtures("ada")
def test_what_is_held_can_be_read_and_taken_along(admin):
    assert PAGE in admin.visit("/students/7").links
    page = admin.visit(PAGE)
    assert page.heading == "Personal data of Ada <L>"
    assert "2 versions in the history." in page.text
    answer = admin.open(f"{PAGE}.json")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="student 7.json"'
    assert json.loads(answer.data)["record"]["name"] == "Ada <L>"
    sheet = admin.open(f"{PAGE}.csv")
    assert sheet.headers["Content-Disposition"] == 'attachment; filename="student 7.csv"'
    assert "record,,,name,Ada <L>" in sheet.text
    for ending in ("", ".json", ".csv"):
        admin.visit(f"/students/8/privacy{ending}", 404)


@pytest.mark.usefixtures("ada")
def test_an_erasure_is_shown_first_then_done_and_stays_visible(admin, students, editor, upload):
    upload("id,name\n7,Ada L\n", filename="autumn.csv")
    page = admin.visit(PAGE)
    assert (
        "These imports are not applied yet and contain the student. They are cancelled. "
        "Upload them again without the student: autumn.csv" in page.text
    )
    assert "This can’t be undone" in page.text
    sent = admin.post(PAGE, page.values, status=303)
    past = admin.visit(sent.location)
    assert "Student 7 was erased." in past.alerts
    assert past.heading == "History of student 7"
    assert "This student was erased." in past.text
    assert "Ada" not in past.text
    assert students() == []
    assert "student 7, erased" in admin.visit("/changes").text
    assert "No personal data is left" in admin.visit(PAGE).text
    assert "Ada" not in admin.visit("/changes").text
    editor.visit("/students/7", 404)
    editor.visit("/students/7/revert/1", 404)


@pytest.mark.usefixtures("ada")
def test_who_is_overtaken_sees_how_it_stands_now_and_nothing_is_erased(admin, change, students):
    page = admin.visit(PAGE)
    change(7, age=13)
    again = admin.post(PAGE, page.values, status=409)
    assert "nothing was erased" in again.text
    assert students() == [(7, "Ada <L>", 13, None)]
    admin.post(PAGE, again.values, status=303)
    assert students() == []


@pytest.mark.usefixtures("ada")
def test_while_a_sheet_is_worked_on_nobody_is_erased(admin, editor, students):
    from tests.web.conftest import sheet_file

    page = admin.visit(PAGE)
    editor.send("/imports/new", {"file": sheet_file("id,name\n7,Ada\n"), "blank": "keep"})
    assert "An import in progress" in admin.post(PAGE, page.values, status=409).text
    assert len(students()) == 1


@pytest.mark.usefixtures("ada")
def test_only_an_administrator_who_has_proven_it_lately_may(admin, clock, students):
    page = admin.visit(PAGE)
    clock(minutes=40)
    assert admin.post(PAGE, page.values, status=302).location.startswith("/verify?next=")
    assert admin.visit(PAGE, 302).location.startswith("/verify?next=")
    assert len(students()) == 1


def test_an_undo_says_that_somebody_was_erased(admin, editor, upload, work):
    page = upload("id,name\n7,Ada\n8,Bo\n")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    admin.post(PAGE, admin.visit(PAGE).values, status=303)
    outlook = editor.visit("/imports/1/undo")
    assert "1 student was erased since and can’t be restored." in outlook.text
    editor.post("/imports/1/undo", outlook.values, status=303)
    work()
    assert "1 student edited or erased since" in editor.visit("/imports/1").text
