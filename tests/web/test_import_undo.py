"""An applied import is taken back, and put in force again, from its page."""

import pytest

SHEET = "id,name,age\n1,ADA,13\n2,Bob,14\n"


@pytest.fixture
def applied(add, editor, upload, work):
    """An applied import that changed Ada and added Bob."""
    add(1, "Ada", age=12)
    editor.post("/imports/1/apply", upload(SHEET).values, status=303)
    work()


@pytest.mark.usefixtures("applied")
def test_the_page_says_what_an_undo_will_do_and_then_it_is_done(editor, students, work):
    assert "Undo this import" in editor.visit("/imports/1").text
    page = editor.visit("/imports/1/undo")
    assert "1 student gets the previous values back." in page.text
    assert "1 student added by the sheet is deleted." in page.text
    assert len(students()) == 2
    editor.post("/imports/1/undo", page.values, status=303)
    work()
    assert students() == [(1, "Ada", 12, None)]
    assert "This import was undone" in editor.visit("/imports/1").text


@pytest.mark.usefixtures("applied")
def test_an_undone_import_is_applied_again(editor, students, work):
    for _ in range(2):
        editor.send("/imports/1/undo", {})
        work()
    assert students() == [(1, "ADA", 13, None), (2, "Bob", 14, None)]
    assert "2 students" not in editor.visit("/imports/1/undo").alerts


@pytest.mark.usefixtures("applied")
def test_a_student_edited_since_is_announced_and_left_alone(editor, students, work, change):
    change(1, name="Ada Lovelace")
    assert "1 student was edited since and is not changed." in editor.visit("/imports/1/undo").text
    editor.send("/imports/1/undo", {})
    work()
    assert students() == [(1, "Ada Lovelace", 13, None)]
    assert "1 student edited or erased since" in editor.visit("/imports/1").text


def test_what_was_not_applied_can_not_be_undone(editor, upload):
    page = upload(SHEET)
    editor.visit("/imports/1/undo", status=303)
    sent = editor.post("/imports/1/undo", page.values, status=409)
    assert "so nothing was done" in sent.alerts


@pytest.mark.usefixtures("applied")
def test_a_viewer_may_not_undo(sign_in, students):
    viewer = sign_in("viewer")
    viewer.visit("/imports/1/undo", status=403)
    assert "Undo this import" not in viewer.visit("/imports/1").text
    assert len(students()) == 2


def test_an_unknown_import_is_not_there(editor):
    editor.visit("/imports/7/undo", status=404)
