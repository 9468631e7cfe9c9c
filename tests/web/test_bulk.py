"""Students of the list are ticked, or all taken, and changed or deleted once that was seen."""

import pytest

from tests.visitor import Answer


@pytest.fixture
def roll(add):
    add(1, "Ada", 12, 90)
    add(2, "Bob", 13, 50)
    add(3, "Cleo", 13)


@pytest.fixture
def tick(editor):
    """Tick students in the list and go on: tick(2, 3) gives the page that asks what is to become of them."""

    def tick(*ids, path="/students", visitor=editor, **more):
        page = visitor.visit(path)
        asked = [("csrf_token", page.values["csrf_token"]), ("within", page.values["within"])]
        return visitor.open("/students/bulk", "POST", data={"id": [str(i) for i in ids]} | dict(asked) | more)

    return tick


def _values(response):
    return Answer(response).values


@pytest.mark.usefixtures("roll")
def test_a_column_is_set_after_it_was_shown_and_can_be_taken_back(editor, tick, work, students):
    values = _values(tick(2, 3))
    sent = editor.post("/students/bulk/set", values | {"column": "age", "value": "14"}, status=303)
    work()
    page = editor.visit(sent.location)
    assert page.heading == "Set Age of 2 to 14"
    assert "It changes 2 students." in page.text
    assert "was 13 becomes 14" in page.text
    assert [student[2] for student in students()] == [12, 13, 13]
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    assert [student[2] for student in students()] == [12, 14, 14]
    assert "2 students were changed" in editor.visit("/imports/1").text
    editor.post("/imports/1/undo", editor.visit("/imports/1/undo").values, status=303)
    work()
    assert [student[2] for student in students()] == [12, 13, 13]


@pytest.fixture
def applied(roll, editor, tick, work):
    """Set the age of two students, and give the form that undoes it at once: where it leads, and what it sends."""
    sent = editor.post("/students/bulk/set", _values(tick(2, 3)) | {"column": "age", "value": "14"}, status=303)
    work()
    done = editor.post("/imports/1/apply", editor.visit(sent.location).values, status=303)
    work()
    (form,) = [form for form in editor.visit(done.location).all("form") if form.get("action") == "/imports/1/undo"]
    assert form.all("button")[0].text == "Undo"
    return form.get("action"), {field.get("name"): field.get("value") for field in form.all("input")}


def test_a_change_of_many_is_answered_with_undo(editor, applied, work, students):
    path, form = applied
    editor.post(path, form, status=303)
    work()
    assert [student[2] for student in students()] == [12, 13, 13]
    editor.post(path, form, status=409)
    assert [student[2] for student in students()] == [12, 13, 13]


def test_an_undo_of_many_asks_first_where_somebody_has_changed_one_of_them_since(editor, applied, change, work, students):
    change(2, age=15)
    path, form = applied
    asked = editor.post(path, form, status=409)
    work()
    assert "1 student was edited since and is not changed." in asked.text
    assert [student[2] for student in students()] == [12, 15, 14]
    editor.post(path, asked.values, status=303)
    work()
    assert [student[2] for student in students()] == [12, 15, 13]


@pytest.mark.usefixtures("roll")
def test_all_that_the_list_shows_are_changed(editor, tick, work, students):
    values = _values(tick(path="/students?min_score=10", all="1"))
    sent = editor.post("/students/bulk/set", values | {"column": "score", "value": ""}, status=303)
    work()
    editor.post("/imports/1/apply", editor.visit(sent.location).values, status=303)
    work()
    assert [student[3] for student in students()] == [None, None, None]


@pytest.mark.usefixtures("roll")
def test_a_value_that_does_not_fit_is_said_at_its_field(editor, tick):
    page = editor.post("/students/bulk/set", _values(tick(2)) | {"column": "age", "value": "old"}, status=422)
    assert "“old” is not a whole number." in page.problems["value"]
    assert (page.values["value"], page.values["ids"]) == ("old", "2")


@pytest.mark.usefixtures("roll")
def test_who_ticked_nobody_is_told(editor, tick):
    sent = tick()
    assert sent.status_code == 303
    assert "Select at least one student" in editor.visit(sent.location).alerts


@pytest.mark.usefixtures("roll")
def test_only_an_administrator_deletes_many(sign_in, editor, tick, work, students):
    assert "Delete these students" not in tick(1, 2).get_data(as_text=True)
    editor.post("/students/bulk/delete", _values(tick(1, 2)), status=403)
    admin = sign_in("admin")
    sent = admin.post("/students/bulk/delete", _values(tick(1, 2, visitor=admin)), status=303)
    work()
    page = admin.visit(sent.location)
    assert "It deletes 2 students." in page.text
    editor.post("/imports/1/apply", editor.visit("/imports").values, status=403)
    assert len(students()) == 3
    admin.post("/imports/1/apply", page.values, status=303)
    work()
    assert [student[1] for student in students()] == ["Cleo"]
    assert "2 students were deleted" in admin.visit("/imports/1").text


@pytest.mark.usefixtures("roll")
@pytest.mark.parametrize("within", ["sort=password", "min_age=old", "after=zzz"])
def test_a_list_that_was_made_up_is_refused_or_taken_whole(tick, within, students):
    answer = tick(2, within=within)
    assert answer.status_code in (200, 400)
    assert len(students()) == 3


@pytest.mark.usefixtures("roll")
def test_a_viewer_is_offered_nothing_of_it(viewer):
    assert "ticked" not in viewer.visit("/students").text
