"""The page on which somebody says what a sheet's columns are and how its cells are meant."""

from pathlib import Path

import pytest
from sqlalchemy import select

from merge.options import Options
from models import HeadingChoice, Import
from tests.web.conftest import sheet_file

PAGE = "/imports/1/columns"
SHEET = "ID;First name;Last name;Weight;Score\n1;Ada;Lovelace;51,5;85,5 %\n2;Bo;;49;1,5\n3;Cy;Chen;;70\n4;Di;Day;;x\n"


def test_each_heading_stands_with_three_cells_and_the_guess(upload, editor):
    upload(SHEET)
    page = editor.visit(PAGE)
    assert page.heading == "Columns and options"
    assert [row.text for body in page.all("tbody") for row in body.all("th")] == [
        "ID 1 2 3",
        "First name Ada Bo Cy",
        "Last name Lovelace blank Chen",
        "Weight 51,5 49 blank",
        "Score 85,5 % 1,5 70",
    ]
    assert _chosen(page) == ["id", "name:first", "name:last", "", "score"]
    assert [option.text for option in page.all("select")[3].all("option")] == [
        *("Ignore this column", "Student ID", "Name", "First name", "Last name", "Age", "Score")
    ]


def test_each_option_says_what_it_does(upload, editor):
    upload("id,name\n1,Ada\n")
    page = editor.visit(PAGE)
    for sentence in (
        "A row that matches no student adds a new one.",
        "Columns that are not in the sheet are never changed.",
        "Numbers in another format are rejected.",
        "Removed from numbers where three digits follow it.",
        "The percent sign is ignored: 85 % is read as 85.",
    ):
        assert sentence in page.text


def test_how_numbers_are_written_is_guessed_and_shown(upload, editor):
    upload(SHEET)
    values = editor.visit(PAGE).values
    assert (values["match"], values["blank"]) == ("id", "keep")
    assert (values["decimal"], values["thousands"], values["percent"]) == (",", "", "y")


def test_a_sheet_without_ids_is_matched_by_name(upload, editor):
    assert "It adds 2 students" in upload("Full name,Score\nAda,90\nBo,80\n").text
    assert editor.visit(PAGE).values["match"] == "name"


def test_what_was_chosen_is_read_and_kept(upload, editor, work, students, stored):
    upload(SHEET)
    page = editor.visit(PAGE)
    chosen = page.values | {"column-0": "", "column-3": "age", "column-4": "", "match": "name", "blank": "clear"}
    sent = editor.post(PAGE, chosen, status=303)
    assert sent.location == "/imports/1"
    work()
    page = editor.visit("/imports/1")
    assert "It adds 3 students" in page.text
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    assert [(name, age) for _, name, age, _ in students()] == [("Bo", 49), ("Cy Chen", None), ("Di Day", None)]
    (kept,) = stored(select(Import.sheet, Import.options))
    assert kept.sheet["columns"] == [None, "name:first", "name:last", "age", None]
    options = Options("name", blank_clears=True, decimal=",", percent=True).to_json()
    assert kept.options == options
    assert stored(select(HeadingChoice.columns, HeadingChoice.options)) == [(kept.sheet["columns"], options)]


def test_the_next_sheet_with_the_same_headings_starts_with_what_was_chosen(upload, editor, work):
    upload(SHEET)
    page = editor.visit(PAGE)
    editor.post(PAGE, page.values | {"column-4": "", "thousands": "'"}, status=303)
    work()
    upload(SHEET.replace("Ada", "Eve"))
    page = editor.visit("/imports/2/columns")
    assert _chosen(page) == ["id", "name:first", "name:last", "", ""]
    assert page.values["thousands"] == "'"


TWICE = "Age is chosen more than once. Keep one of these columns and ignore the others."
WRONG = [
    ("the same column twice", {"column-3": "age", "column-4": "age"}, {"column-3": TWICE, "column-4": TWICE}),
    (
        "a part alone",
        {"column-1": ""},
        {"column-2": "Last name alone is not the whole Name. Choose a column for First name too."},
    ),
    (
        "no id to match by",
        {"column-0": ""},
        {"match": "No column is chosen as Student ID, so rows can’t be matched by it."},
    ),
    (
        "no name to match by",
        {"column-0": "", "column-1": "", "column-2": "", "match": "name"},
        {"match": "No column is chosen as Name, so rows can’t be matched by it."},
    ),
    (
        "an id beside the name",
        {"match": "name"},
        {"match": "A column is chosen as Student ID. Match rows by that, or ignore the"},
    ),
    (
        "one sign for two",
        {"thousands": ","},
        {"thousands": "The decimal separator and the thousands separator must be different."},
    ),
    ("a column that no list offers", {"column-3": "shoes"}, {"column-3": "Not a valid choice."}),
    ("an option that no list offers", {"decimal": "x"}, {"decimal": "Not a valid choice."}),
]


@pytest.mark.parametrize(("changes", "problems"), [case[1:] for case in WRONG], ids=[case[0] for case in WRONG])
def test_what_does_not_fit_together_is_said_at_its_place_and_all_is_kept(upload, editor, stored, changes, problems):
    upload(SHEET)
    before = stored(select(Import.sheet, Import.options, Import.state))
    sent = editor.visit(PAGE).values | changes
    page = editor.post(PAGE, sent, status=422)
    for name, sentence in problems.items():
        assert sentence in page.html.replace("&#39;", "'")
        assert sentence in page.alerts
        assert name in page.problems or f'id="{name}-error"' in page.html
    offered = {name: value for name, value in sent.items() if value not in ("shoes", "x") and name != "csrf_token"}
    assert offered.items() <= page.values.items()
    assert stored(select(Import.sheet, Import.options, Import.state)) == before
    assert stored(select(HeadingChoice.key)) == []


def test_the_file_may_be_looked_at_with_another_separator_before_anything_is_chosen(upload, editor, work, stored):
    upload("id|q,name\n1|z,Ada\n")
    page = editor.visit(f"{PAGE}?encoding=utf-8-sig&delimiter=%7C")
    assert [row.text for body in page.all("tbody") for row in body.all("th")] == ["id 1", "q,name z,Ada"]
    assert (page.values["delimiter"], stored(select(Import.state))) == ("|", [("ready",)])
    editor.post(PAGE, page.values | {"column-1": "name"}, status=303)
    work()
    ((sheet,),) = stored(select(Import.sheet))
    assert (sheet["delimiter"], sheet["columns"]) == ("|", ["id", "name"])


def test_another_encoding_shows_other_letters(upload, editor):
    upload("id;name\n1;José\n2;Zoë\n".encode("windows-1252"))
    assert editor.visit(PAGE).values["encoding"] == "windows-1252"
    page = editor.visit(f"{PAGE}?encoding=mac-roman&delimiter=;")
    assert page.values["encoding"] == "mac-roman"
    assert "José" not in page.text


def test_header_row_can_be_chosen_among_the_first_rows(upload, editor, work, stored):
    upload("Grade,Name,Teacher\n9,Ms Smith,x\nID,Name,Score\n1,Ada,91\n")
    page = editor.visit(f"{PAGE}?encoding=utf-8-sig&delimiter=,&header=1")
    header = next(select for select in page.all("select") if select.get("name") == "header")
    assert [option.text for option in header.all("option")] == [
        *("1: Grade · Name · Teacher", "2: 9 · Ms Smith · x", "3: ID · Name · Score", "4: 1 · Ada · 91"),
        "None: the first row is a student",
    ]
    assert page.values["header"] == "1"
    assert next(row.text for body in page.all("tbody") for row in body.all("th")) == "Grade 9 ID 1"
    back = editor.visit(f"{PAGE}?encoding=utf-8-sig&delimiter=,&header=3")
    editor.post(PAGE, back.values, status=303)
    work()
    ((sheet,),) = stored(select(Import.sheet))
    assert (sheet["header"], sheet["headings"], sheet["first_line"]) == ("3", ["ID", "Name", "Score"], 4)


@pytest.mark.parametrize("header", ["5", "0", "99", "1-3", "2-1", "x" * 500, "3 "])
def test_row_that_can_not_be_the_header_row_is_refused_at_its_field(upload, editor, header):
    upload("ID,Name\n1,Ada\n2,Bo\n")
    page = editor.visit(f"{PAGE}?encoding=utf-8-sig&delimiter=,&header={header}", status=422)
    assert page.problems["header"].endswith("This row can’t be the header row. Choose another one.")
    assert page.values["header"] == "1"


def test_sheet_without_a_header_row_is_asked_and_not_known_again(upload, editor, work, stored):
    upload("1,Ada,12\n2,Bo,13\n")
    page = editor.visit(PAGE)
    assert "The sheet has no header row. Choose which column is the Student ID or the Name." in page.text
    assert page.values["header"] == "none"
    assert [row.text for body in page.all("tbody") for row in body.all("th")] == [
        "(no heading) 1 2",
        "(no heading) Ada Bo",
        "(no heading) 12 13",
    ]
    editor.post(PAGE, page.values | {"column-0": "id", "column-1": "name", "column-2": "age", "match": "id"}, status=303)
    work()
    ((sheet, inserts),) = stored(select(Import.sheet, Import.inserts))
    assert (sheet["columns"], inserts) == (["id", "name", "age"], 2)
    assert stored(select(HeadingChoice.key)) == []


def test_a_way_of_reading_that_fails_is_said_at_its_field_and_the_sheet_stays_shown(upload, editor):
    upload(SHEET)
    page = editor.visit(f"{PAGE}?encoding=utf-8-sig&delimiter=%7C", status=422)
    assert "No heading says which column is the Student ID" in page.problems["delimiter"]
    assert _chosen(page) == ["id", "name:first", "name:last", "", "score"]
    page = editor.visit(f"{PAGE}?encoding=utf-16&delimiter=;", status=422)
    assert "The file is not written in Unicode (UTF-16). Choose another encoding." in page.problems["encoding"]
    editor.visit(f"{PAGE}?encoding=klingon&delimiter=;", status=422)


def test_of_a_workbook_the_tab_may_be_chosen(upload, editor, stored):
    upload(Path("tests/files/class-list-two-tabs.xlsx").read_bytes(), filename="class-list.xlsx")
    page = editor.visit(PAGE)
    tabs = [option.text for option in page.all("select")[0].all("option")]
    assert (page.all("select")[0].get("name"), len(tabs)) == ("tab", 2)
    assert page.values["tab"] == stored(select(Import.sheet))[0].sheet["tab"]
    assert "encoding" not in page.values


def test_hostile_headings_and_cells_are_shown_as_text(upload, editor):
    upload('id,name,"<b>x</b>",\n1,<i>Ada</i>,"{{ 7*7 }}",\n')
    page = editor.visit(PAGE)
    assert "<b>x</b> {{ 7*7 }}" in page.text
    assert "<i>Ada</i>" in page.text


def test_a_heading_that_is_missing_is_named_so(upload, editor):
    upload("id,,name\n1,x,Ada\n")
    assert "(no heading) x" in editor.visit(PAGE).text


@pytest.mark.parametrize("method", ["GET", "POST"])
@pytest.mark.parametrize("step", ["apply", "cancel"])
def test_it_is_too_late_to_choose_once_an_import_is_applied_or_cancelled(upload, editor, work, stored, step, method):
    page = upload("id,name\n1,Ada\n")
    editor.post(f"/imports/1/{step}", page.values, status=303)
    work()
    before = stored(select(Import.state, Import.sheet))
    token = {"csrf_token": editor.visit("/imports/new").values["csrf_token"]}
    if method == "GET":
        sent = editor.visit(editor.visit(PAGE, status=303).location)
        assert "You can’t edit the columns of this import now." in sent.alerts
    else:
        assert "so nothing was done" in editor.post(PAGE, token, status=409).alerts
    assert stored(select(Import.state, Import.sheet)) == before


def test_the_columns_may_be_chosen_before_a_worker_has_come(editor, work, stored):
    editor.send("/imports/new", {"file": sheet_file("id,name,mark\n1,Ada,50\n")})
    editor.post(PAGE, editor.visit(PAGE).values | {"column-2": ""}, status=303)
    work()
    ((state, sheet),) = stored(select(Import.state, Import.sheet))
    assert (state, sheet["columns"]) == ("ready", ["id", "name", None])


def test_headings_that_leave_a_question_open_lead_to_the_page_that_asks_it(editor, work, students):
    sent = editor.send("/imports/new", {"file": sheet_file("id,name,score,mark\n1,Ada,50,60\n")})
    assert sent.location == PAGE
    page = editor.visit(PAGE)
    assert "Both “score” and “mark” may be the Score." in page.text
    wrong = editor.post(PAGE, page.values, status=422)
    assert "Score is chosen more than once." in wrong.problems["column-2"]
    editor.post(PAGE, page.values | {"column-2": ""}, status=303)
    work()
    editor.post("/imports/1/apply", editor.visit("/imports/1").values, status=303)
    work()
    assert students() == [(1, "Ada", None, 60)]
    assert "1 student was added" in editor.visit("/imports/1").text


def test_a_sheet_that_could_not_be_read_to_its_end_can_be_read_otherwise(editor, work, stored):
    cells = "".join(f"{number};Ada\n" for number in range(1, 30_000)) + '30000;"Bo\n'
    editor.send("/imports/new", {"file": sheet_file("id;name\n" + cells)})
    work()
    page = editor.visit("/imports/1")
    assert "On line 30001 a quotation mark is opened and never closed." in page.text
    assert editor.visit(PAGE).heading == "Columns and options"
    assert stored(select(Import.state)) == [("failed",)]


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_only_an_editor_chooses(client, viewer, upload, method):
    upload("id,name\n1,Ada\n")
    assert client.visit(PAGE, status=302).location.startswith("/login") if method == "GET" else True
    token = {"csrf_token": viewer.visit("/imports").values["csrf_token"]}
    if method == "GET":
        viewer.visit(PAGE, status=403)
    else:
        viewer.post(PAGE, token, status=403)


def test_an_import_that_does_not_exist_has_no_columns(editor):
    editor.visit("/imports/8/columns", status=404)
    editor.post("/imports/8/columns", {"csrf_token": editor.visit("/imports").values["csrf_token"]}, status=404)


def _chosen(page):
    return [value for name, value in page.values.items() if name.startswith("column-")]
