"""A first day: from nothing to students to look at, and back to nothing; a sheet to try, and a template to fill in."""

import io
import zipfile

from python_calamine import CalamineWorkbook

from merge.columns import COLUMNS


def test_made_up_students_come_as_an_import_and_its_undo_clears_them(editor, students, work):
    sent = editor.send("/start/students", page="/")
    work()
    editor.post(f"{sent.location}/apply", editor.visit(sent.location).values, status=303)
    work()
    assert len(students()) == 200
    page = editor.visit("/")
    assert "These are sample students" in page.text
    assert "Get started" not in page.text
    editor.post("/imports/1/undo", editor.visit("/imports/1/undo").values, status=303)
    work()
    assert students() == []
    assert "Get started" in editor.visit("/").text


def test_none_are_made_up_where_there_are_students(editor, add, students):
    token = editor.visit("/").values["csrf_token"]
    add(1, "Ada")
    assert editor.post("/start/students", {"csrf_token": token}, status=303).location == "/"
    assert "no sample students were added" in editor.visit("/").alerts
    assert len(students()) == 1


def test_who_only_reads_is_not_asked_to_begin(viewer):
    assert "Get started" not in viewer.visit("/").text


def test_the_sample_can_be_merged_as_it_is(editor, upload):
    page = upload(editor.open("/start/sample.csv").data, filename="sample.csv")
    assert "adds 20 students" in page.text


def test_a_template_names_every_column_and_is_read_back_once_it_is_filled_in(editor, upload):
    content = editor.open("/start/template.csv").data
    assert content.decode("utf-8-sig").strip().split(",") == [column.label for column in COLUMNS]
    assert "adds 1 student" in upload(content + b"7,Ada,12,90").text


def test_a_workbook_says_in_each_column_what_fits(editor):
    content = editor.open("/start/template.xlsx").data
    with zipfile.ZipFile(io.BytesIO(content)) as book:
        tab = book.read("xl/worksheets/sheet1.xml").decode()
    for column in COLUMNS:
        assert f'promptTitle="{column.label}" prompt="{column.hint}"' in tab
    rows = CalamineWorkbook.from_filelike(io.BytesIO(content)).get_sheet_by_index(0).to_python()
    assert rows == [[column.label for column in COLUMNS]]
