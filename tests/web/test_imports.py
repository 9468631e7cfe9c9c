"""A sheet's way through the pages: uploaded, previewed, applied or cancelled, and everything that is refused."""

import errno
import io
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from merge import door
from models import Change, Import, Student, db, now, planned_rows, staged_rows
from tests.cluster import wait_until
from tests.web.conftest import sheet_file

SHEET = "id,name,age,score\n1,ADA,12,91.5\n2,Bob,13,50\n3,Cleo,14,70\n4,Dan,old,70\n"


@pytest.fixture
def roll(add):
    """Two students whom SHEET knows: Ada, whom it changes, and Bob, whom it does not."""
    add(1, "Ada", 12, 90)
    add(2, "Bob", 13, 50)


@pytest.mark.usefixtures("roll")
def test_a_sheet_is_compared_first_and_nothing_changes(upload, students):
    page = upload(SHEET, filename="autumn.csv")
    assert page.heading == "autumn.csv"
    assert "It adds 1 student and changes 1; 1 row is unchanged and 1 row can’t be used." in page.text
    assert students() == [(1, "Ada", 12, 90), (2, "Bob", 13, 50)]


@pytest.mark.usefixtures("roll")
def test_the_preview_shows_new_changed_same_and_rejected_rows(upload, editor):
    upload(SHEET)
    assert editor.visit("/imports/1?verdict=insert").rows == [["4", "3", "Cleo", "14", "70"]]
    assert editor.visit("/imports/1?verdict=update").rows == [
        ["2", "1", "was Ada becomes ADA", "12", "was 90 becomes 91.5"],
    ]
    assert editor.visit("/imports/1?verdict=unchanged").rows == [["3", "2", "Bob", "13", "50"]]


@pytest.mark.usefixtures("roll")
def test_a_rejected_row_shows_its_line_its_own_cells_and_a_sentence(upload, viewer):
    upload(SHEET)
    page = viewer.visit("/imports/1?verdict=rejected")
    assert page.rows == [["5", "4", "Dan", "old", "70", "“old” is not a whole number."]]
    assert [mark.text for mark in page.all("mark")] == ["old"]


@pytest.mark.usefixtures("roll")
def test_applying_does_what_the_preview_showed(upload, editor, work, students, stored):
    page = upload(SHEET)
    sent = editor.post("/imports/1/apply", page.values, status=303)
    work()
    page = editor.visit(sent.location)
    assert "1 student was added and 1 was changed; 1 row was unchanged and 1 row was skipped." in page.text
    assert students() == [(1, "ADA", 12, 91.5), (2, "Bob", 13, 50), (3, "Cleo", 14, 70)]
    assert stored(select(Change.actor, Change.reason).where(Change.import_id == 1)) == [("editor@school.example", "import")]


@pytest.mark.usefixtures("roll")
def test_applying_twice_changes_nothing_more_and_says_so(upload, editor, work, stored):
    page = upload(SHEET)
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    again = editor.post("/imports/1/apply", page.values, status=409)
    work()
    assert "This import has changed since you opened the page, so nothing was done." in again.alerts
    assert stored(select(func.count()).select_from(Change).where(Change.import_id == 1)) == [(1,)]


@pytest.mark.usefixtures("roll")
@pytest.mark.parametrize(
    ("sheet", "would", "has"),
    [
        ("id,name\n3,Cleo\n4,Dan\n", "It adds 2 students. ", "2 students were added."),
        ("id,name\n1,ADA\n", "It changes 1 student. ", "1 student was changed."),
    ],
)
def test_a_sheet_that_only_adds_or_only_changes_names_no_zero(upload, editor, work, sheet, would, has):
    page = upload(sheet)
    assert would in page.text
    sent = editor.post("/imports/1/apply", page.values, status=303)
    work()
    assert has in editor.visit(sent.location).text


@pytest.mark.usefixtures("roll")
def test_the_same_sheet_once_more_finds_nothing_to_do(upload, editor, work):
    page = upload(SHEET)
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    page = upload(SHEET)
    assert "There is nothing to apply" in page.text
    assert "3 rows are unchanged" in page.text


@pytest.mark.usefixtures("roll")
def test_a_row_whose_student_changed_after_the_preview_is_held_back(upload, change, editor, work, students):
    page = upload(SHEET)
    change(1, name="Ada B.")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    page = editor.visit("/imports/1")
    assert "1 row is in conflict" in page.text
    assert students()[0] == (1, "Ada B.", 12, 90)
    assert len(editor.visit("/imports/1?verdict=conflict").rows) == 1


@pytest.mark.usefixtures("roll")
def test_a_cancelled_import_leaves_nothing_behind(app, upload, editor, students, stored):
    page = upload(SHEET)
    editor.post("/imports/1/cancel", page.values, status=303)
    assert "This import was cancelled" in editor.visit("/imports/1").text
    assert students() == [(1, "Ada", 12, 90), (2, "Bob", 13, 50)]
    assert list(app.config["UPLOADS"].iterdir()) == []
    assert [stored(select(func.count()).select_from(table)) for table in (staged_rows, planned_rows)] == [[(0,)], [(0,)]]


@pytest.mark.usefixtures("roll")
def test_an_applied_import_can_not_be_cancelled(upload, editor, work, students):
    page = upload(SHEET)
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    before = students()
    sent = editor.post("/imports/1/cancel", page.values, status=409)
    assert "This import has changed since you opened the page, so nothing was done." in sent.alerts
    assert students() == before


@pytest.mark.usefixtures("roll")
@pytest.mark.parametrize(("blank", "age", "says"), [("keep", 12, "leaves what is stored"), ("clear", None, "clears what is")])
def test_a_blank_cell_keeps_or_clears_as_was_asked(upload, editor, work, students, blank, age, says):
    page = upload("id,name,age\n1,ADA,\n", blank=blank)
    assert f"A blank cell {says}" in page.text
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    assert students()[0] == (1, "ADA", age, 90)


@pytest.mark.parametrize(("score", "is_said"), [("85 %", True), ("85", False)])
def test_it_is_said_that_percentages_are_read_as_they_are_shown(upload, score, is_said):
    page = upload(f"id,name,score\n1,Ada,{score}\n")
    assert "It adds 1 student" in page.text
    assert ("Percentages are read as they are shown: 85 % is 85." in page.text) == is_said


def test_columns_that_rollbook_does_not_know_are_named(upload):
    page = upload("Student No;Full name;Shoe size;Hobby\n1;Ada;36;chess\n")
    assert "These columns are ignored: “Shoe size” and “Hobby”." in page.text
    assert "It adds 1 student" in page.text


REFUSALS = {
    "an empty file": (b"", "The file is empty."),
    "blanks only": (b" \r\n \r\n", "The file is empty."),
    "a heading only": (b"id,name,age\n", "The sheet has a heading but no rows under it"),
    "a heading and blank rows": (b"id,name\n,\n\n", "The sheet has a heading but no rows under it"),
    "a workbook": (b"PK\x03\x04\x14\x00\x06\x00", "The file is damaged or incomplete."),
    "a picture": (b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR", "This is a picture, not a spreadsheet."),
    "no known encoding": (b"id,name\n1,\xff\x01\n", "The file's characters can't be read."),
    "no file": (None, "Choose the sheet that you want to import."),
}


@pytest.mark.parametrize(("content", "sentence"), REFUSALS.values(), ids=REFUSALS)
def test_a_sheet_that_can_not_be_read_is_refused_in_a_sentence_and_not_kept(app, editor, stored, content, sentence):
    file = {} if content is None else {"file": sheet_file(content)}
    page = editor.send("/imports/new", file | {"blank": "clear"}, status=422)
    assert sentence in page.problems["file"]
    assert sentence in page.alerts
    assert page.values["blank"] == "clear"
    assert stored(select(Import.id)) == []
    assert list(app.config["UPLOADS"].iterdir()) == []


def test_a_quotation_mark_that_is_never_closed_is_named_with_its_line(app, editor, students):
    page = editor.send("/imports/new", {"file": sheet_file('id,name\n1,Ada\n2,"Bob\n3,Cleo\n')}, status=422)
    assert "On line 3 a quotation mark is opened and never closed." in page.text
    assert students() == []
    assert list(app.config["UPLOADS"].iterdir()) == []


def test_an_unknown_meaning_of_blank_cells_is_refused(editor, stored):
    editor.send("/imports/new", {"file": sheet_file(SHEET), "blank": "burn"}, status=422)
    assert stored(select(Import.id)) == []


def test_a_sheet_that_is_too_large_is_refused_and_not_kept(app, editor, stored):
    page = editor.send("/imports/new", {"file": sheet_file(b"x" * 1_100_000)}, status=413)
    assert page.heading == "Too large"
    assert "At most 1 MB can be uploaded at once." in page.text
    assert stored(select(Import.id)) == []
    assert list(app.config["UPLOADS"].iterdir()) == []


@pytest.mark.parametrize("filename", ["../../etc/passwd.csv", "/etc/passwd.csv"])
def test_a_file_name_is_only_shown_and_never_a_path(app, upload, filename):
    page = upload(SHEET, filename=filename)
    assert page.heading == "passwd.csv"
    assert all(path.parent == app.config["UPLOADS"] and len(path.name) == 32 for path in app.config["UPLOADS"].iterdir())


def test_a_sheet_is_shown_as_text_whatever_it_holds(upload, editor):
    page = upload('id,name,<b>x</b>\n1,<img src=x onerror=alert(1)>,\nx,"<i>",\n', filename="<b>sheet.csv")
    assert page.heading == "<b>sheet.csv"
    assert "<img src=x onerror=alert(1)>" in editor.visit("/imports/1?verdict=insert").text
    assert editor.visit("/imports/1?verdict=rejected").values["cell-3-1"] == "<i>"


def test_the_progress_is_told_as_numbers(editor, upload):
    upload(SHEET)
    progress = editor.open("/imports/1/progress").json
    assert (progress["state"], progress["busy"], progress["rows"], progress["share"]) == ("ready", False, 4, 1.0)


def test_an_import_that_waits_says_so(editor):
    sent = editor.send("/imports/new", {"file": sheet_file(SHEET)})
    assert "Waiting in the queue." in editor.visit(sent.location).text


def test_more_than_a_hundred_rows_come_in_pages(upload, editor):
    upload("id,name\n" + "".join(f"{number},Student {number}\n" for number in range(1, 151)))
    first = editor.visit("/imports/1?verdict=insert")
    rest = editor.visit(next(link for link in first.links if "after=" in link))
    assert [row[1] for row in [*first.rows, *rest.rows]] == [str(number) for number in range(1, 151)]


def test_the_imports_are_listed_the_newest_first(editor, upload):
    assert "No imports yet" in editor.visit("/imports").text
    upload(SHEET, filename="first.csv")
    upload(SHEET, filename="second.csv")
    assert [row[0] for row in editor.visit("/imports").rows] == ["2", "1"]


@pytest.mark.parametrize("query", ["verdict=x", "after=x", "after=-1", "after=" + "9" * 30, "after=%C2%B2"])
def test_an_address_that_no_link_gave_out_is_refused(upload, editor, query):
    upload(SHEET)
    editor.visit(f"/imports/1?{query}", status=400)


@pytest.mark.parametrize("path", ["/imports/8", "/imports/0", "/imports/x", f"/imports/{10**30}", "/imports/8/progress"])
def test_an_import_that_does_not_exist_is_not_found(editor, path):
    assert editor.visit(path, status=404).heading == "There is nothing here"


@pytest.mark.parametrize("step", ["apply", "cancel"])
def test_a_step_of_an_import_that_does_not_exist_is_not_found(editor, step):
    editor.post(f"/imports/8/{step}", editor.visit("/imports").values, status=404)


def test_a_file_under_another_fields_name_is_no_sheet(editor, stored):
    page = editor.send("/imports/new", {"sheet": (io.BytesIO(b"id,name\n1,Ada\n"), "a.csv")}, status=422)
    assert "Choose the sheet that you want to import." in page.problems["file"]
    assert stored(select(func.count()).select_from(Student)) == [(0,)]


def test_a_file_that_was_applied_before_is_recognised(upload, editor, work):
    editor.post("/imports/1/apply", upload(SHEET).values, status=303)
    work()
    assert "This very file was applied before: import 1" in upload(SHEET, filename="another name.csv").text
    assert "was applied before" not in upload(SHEET + "99,Zoe,12,50\n").text


def test_the_rejected_rows_can_be_downloaded(upload, editor):
    upload("id,name\n1,Ada\nx,Bob\n", filename="class 7.csv")
    response = editor.open("/imports/1/rejected.csv")
    assert "class 7 rejected.csv" in response.headers["Content-Disposition"]
    assert response.data.startswith("\ufeffid,name,line,problem\r\nx,Bob,3,".encode())
    editor.visit("/imports/9/rejected.csv", status=404)


@pytest.mark.usefixtures("roll")
def test_a_cancel_reaches_the_worker_while_it_writes(app, upload, editor, work, students, monkeypatch):
    page = upload(SHEET)
    before = students()
    editor.post("/imports/1/apply", page.values, status=303)
    waiting = editor.visit("/imports/1")
    cancelling = threading.Thread(target=lambda: editor.post("/imports/1/cancel", waiting.values, status=303))
    begun = []

    def let_students_follow(*arguments):
        begun.append(1)
        cancelling.start()
        assert wait_until(lambda: any(app.config["UPLOADS"].glob("*.cancel")) or not cancelling.is_alive())
        return door.let_students_follow(*arguments)

    monkeypatch.setattr("merge.apply.let_students_follow", let_students_follow)
    work()
    cancelling.join(60)
    assert begun == [1], "who heard of a cancel began anew"
    page = editor.visit("/imports/1")
    assert "This import was cancelled" in page.text
    assert "so nothing was done" not in page.text
    assert students() == before
    assert list(app.config["UPLOADS"].iterdir()) == []


@pytest.mark.usefixtures("roll")
def test_a_worker_that_writes_tells_how_far_it_is(upload, editor, work, monkeypatch):
    page = upload(SHEET)
    editor.post("/imports/1/apply", page.values, status=303)
    told = []

    def let_students_follow(session, change_id, number, report):
        report(0.5)
        with ThreadPoolExecutor(1) as watcher:
            assert wait_until(lambda: told.append(watcher.submit(progress).result()) or told[-1]["share"] == 0.5)
        return door.let_students_follow(session, change_id, number, report)

    def progress():
        return editor.open("/imports/1/progress").json

    monkeypatch.setattr("merge.apply.let_students_follow", let_students_follow)
    work()
    assert "Writing the changes" in told[-1]["sentence"]
    assert progress()["state"] == "applied"


def test_an_import_that_waits_for_long_says_when_it_is_deleted(app, upload, editor):
    upload("id,name\n7,Ada\n")
    for days, said in ((40, False), (50, True)):
        with app.app_context():
            db.session.execute(update(Import).values(step_at=now() - timedelta(days=days)))
            db.session.commit()
        assert ("Otherwise it is deleted" in editor.visit("/imports/1").text) is said
        assert ("unless it is applied" in editor.visit("/imports").text) is said


def test_a_failed_apply_can_be_tried_again(app, upload, editor, work, students, monkeypatch):
    page = upload("id,name\n7,Ada\n")
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr("merge.imports.steps.apply", lambda *_: (_ for _ in ()).throw(full))
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    page = editor.visit("/imports/1")
    assert "This import could not be applied The server’s disk is full" in page.text
    assert students() == []
    monkeypatch.undo()
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    assert "1 student was added" in editor.visit("/imports/1").text
    assert students() == [(7, "Ada", None, None)]
