"""The list as a file, as it is and as it stood."""

import csv
import io
import zipfile

import pytest
from python_calamine import CalamineWorkbook

from models import now
from tests.web.conftest import sheet_file

NAMES = [
    "Ada",
    "Nguyễn Thị Ánh",
    "=SUM(A1:A9)",
    "+1",
    "-Zoë",
    "@home",
    "'quoted",
    "'=twice",
    'a "b", c',
    "Null",
    "-5",
    "<b>x</b>",
]


def _rows(response):
    assert response.status_code == 200
    assert response.mimetype == "text/csv"
    assert response.headers["Content-Disposition"].startswith("attachment")
    return list(csv.reader(io.StringIO(response.get_data(as_text=True).removeprefix("\ufeff"))))


def test_the_file_holds_what_the_list_shows_in_its_order(viewer, add):
    add(1, "Mia", 12, 50)
    add(2, "Ada", None, 90.5)
    add(3, "Zoë", 13, 20)
    answer = viewer.open("/students.csv?sort=-score&min_score=30")
    assert answer.data.startswith(b"\xef\xbb\xbf")
    assert _rows(answer) == [["Student ID", "Name", "Age", "Score"], ["2", "Ada", "", "90.5"], ["1", "Mia", "12", "50"]]


def test_our_own_file_is_read_back_without_a_change(editor, add, work):
    for student_id, name in enumerate(NAMES, 1):
        add(student_id, name, 12, 0.1)
    file = editor.open("/students.csv").data
    sent = editor.send("/imports/new", {"file": sheet_file(file)})
    work()
    assert f"{len(NAMES)} rows are unchanged" in editor.visit(sent.location).text


def test_a_workbook_has_numbers_as_numbers_and_every_text_as_text(viewer, add):
    for student_id, name in enumerate([*NAMES, "https://school.example", "12"], 1):
        add(student_id, name, 12, 0.5)
    answer = viewer.open("/students.xlsx?sort=id")
    assert answer.headers["Content-Disposition"] == "attachment; filename=students.xlsx"
    rows = CalamineWorkbook.from_filelike(io.BytesIO(answer.data)).get_sheet_by_index(0).to_python()
    assert rows[0] == ["Student ID", "Name", "Age", "Score"]
    assert [row[1].replace("''=", "'=") for row in rows[1:]] == [*NAMES, "https://school.example", "12"]
    assert rows[1] == [1.0, "Ada", 12.0, 0.5]
    assert b"<f>" not in zipfile.ZipFile(io.BytesIO(answer.data)).read("xl/worksheets/sheet1.xml")


def test_a_workbook_is_read_back_without_a_change(editor, add, work):
    for student_id, name in enumerate(NAMES, 1):
        add(student_id, name, 12, 0.1)
    sent = editor.send("/imports/new", {"file": sheet_file(editor.open("/students.xlsx").data, "students.xlsx")})
    work()
    assert f"{len(NAMES)} rows are unchanged" in editor.visit(sent.location).text


def test_no_cell_runs_as_a_formula(viewer, add):
    for student_id, name in enumerate(NAMES, 1):
        add(student_id, name)
    cells = [row[1] for row in _rows(viewer.open("/students.csv"))[1:]]
    assert not [cell for cell in cells if cell[:1] in "=+-@" and cell not in ("+1", "-5")]


def test_the_list_and_its_file_can_be_had_as_of_a_moment(viewer, add, change):
    add(1, "Ada", 12)
    moment = now().isoformat()
    change(1, name="Ada L.")
    page = viewer.visit("/students?as_of=" + moment.replace("+", "%2B"))
    assert page.heading.startswith("Students as of")
    assert [row.all("th")[0].text for row in page.all("tbody")[0].all("tr")] == ["Ada"]
    forms = {form.get("action") for form in page.all("form") if form.get("method") == "post"}
    assert {action.partition("?")[0] for action in forms} == {"/logout", "/language"}
    assert _rows(viewer.open("/students.csv?as_of=" + moment.replace("+", "%2B")))[1:] == [["1", "Ada", "12", ""]]


@pytest.mark.parametrize("query", ["as_of=soon", "as_of=2026-01-01&per_page=x", "as_of=2026-01-01&after=x", "sort=password"])
@pytest.mark.parametrize("path", ["/students", "/students.csv"])
def test_an_address_that_was_made_up_is_refused_in_plain_words(viewer, path, query):
    viewer.visit(f"{path}?{query}", status=400)


def test_before_anything_was_there_the_list_is_empty(viewer, add):
    add(1, "Ada")
    assert "There were no students at that time" in viewer.visit("/students?as_of=2001-01-01").text
