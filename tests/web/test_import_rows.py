"""The rows on an import's page: filtered, searched, paged, and mended where they can't be used."""

from datetime import timedelta

import pytest

from merge.imports import discarding
from models import db, now
from tests.web.conftest import someone

SHEET = "id,name,age,House\n1,ADA,12,Blue\n2,Bob,13,Red\nx,Cleo,14,Blue\n7,Dan,15,Red\n7,Eve,old,Red\n"
ROWS = "/imports/1?verdict="


@pytest.fixture
def roll(add):
    add(1, "Ada", 12, 90)
    add(2, "Bob", 13, 50)
    add(3, "Finn", 13, 50)


@pytest.fixture
def page(roll, upload):
    return upload(SHEET)


@pytest.mark.usefixtures("page")
def test_every_row_stands_under_all_with_its_verdict(editor):
    page = editor.visit(f"{ROWS}all")
    assert [row[:3] for row in page.rows] == [
        ["2", "± Update", "1"],
        ["3", "= Unchanged", "2"],
        ["4", "× Rejected", "x"],
        ["5", "× Rejected", "7"],
        ["6", "× Rejected", "7"],
    ]
    assert [row[-1] for row in page.rows[2:]] == [
        "“x” is not a whole number.",
        "Student 7 is on line 5 and again on line 6. Keep one of them.",
        "“old” is not a whole number.",
    ]
    assert [mark.text for mark in page.all("mark")] == ["x", "7", "old"]


def test_the_page_opens_on_the_updates_and_each_number_leads_to_its_rows(page, editor):
    assert [row[0] for row in page.rows] == ["2"]
    tallies = [link for link in page.links if "verdict=" in link and "check=" not in link]
    assert [len(editor.visit(link).rows) for link in tallies] == [1, 1, 3, 5]


@pytest.mark.usefixtures("page")
def test_rows_are_searched_within_their_verdict(editor):
    found = editor.visit(f"{ROWS}rejected&q=red")
    assert [row[0] for row in found.rows] == ["5", "6"]
    assert found.values["q"] == "red"
    assert "No rows match your search" in editor.visit(f"{ROWS}update&q=red").text
    assert [row[0] for row in editor.visit(f"{ROWS}all&q=4").rows] == ["4"]


def test_pages_lead_to_the_next_the_previous_the_first_and_the_last(upload, editor):
    upload("id,name\n" + "".join(f"{n},Student {n}\n" for n in range(1, 251)))
    first = editor.visit(f"{ROWS}insert&q=student")
    second = editor.visit(pager(first)["Next"])
    last = editor.visit(pager(first)["Last page"])
    assert [p.rows[0][0] for p in (first, second, last)] == ["2", "102", "152"]
    assert [set(pager(p)) for p in (first, last)] == [{"Next", "Last page"}, {"First page", "Previous"}]
    assert editor.visit(pager(second)["Previous"]).rows == first.rows == editor.visit(pager(second)["First page"]).rows


def test_students_who_are_not_in_the_sheet_are_counted_and_listed(page, viewer, change):
    assert "1 student in Rollbook is not in this sheet. An import never deletes students." in page.text
    listed = viewer.visit("/imports/1/missing")
    assert [row[:2] for row in listed.rows] == [["3", "Finn"]]
    change(3, name="Finn F.")
    assert "About 1 student in Rollbook" in viewer.visit("/imports/1").text


MENDED = [
    (4, {"cell-0": "9"}, "Line 4 can be used now: it adds a student.", (1, 1, 1, 2)),
    (4, {"cell-0": "3", "cell-1": "FINN"}, "Line 4 can be used now: it changes a student.", (0, 2, 1, 2)),
    (6, {"cell-0": "8", "cell-2": "16"}, "it adds a student. So can 1 more row for the same student.", (2, 1, 1, 1)),
]


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize(("line", "typed", "sentence", "counts"), MENDED)
def test_a_mended_row_is_checked_at_once_and_counted(editor, line, typed, sentence, counts):
    sent = mend(editor, line, typed)
    assert sent.location.startswith(f"{ROWS}rejected")
    answer = editor.visit(sent.location)
    assert sentence in answer.alerts
    assert str(line) not in [row[0] for row in answer.rows]
    told = editor.open("/imports/1/progress").json
    assert tuple(told[verdict] for verdict in ("insert", "update", "unchanged", "rejected")) == counts


def test_what_was_mended_is_applied(page, editor, work, students):
    assert page
    mend(editor, 6, {"cell-0": "8", "cell-1": "=Eve", "cell-2": "16"})
    editor.send("/imports/1/apply", page="/imports/1")
    work()
    assert students()[3:] == [(7, "Dan", 15, None), (8, "=Eve", 16, None)]


@pytest.mark.usefixtures("page")
def test_a_row_that_is_still_wrong_keeps_what_was_typed_with_each_problem_at_its_cell(editor):
    before = editor.open("/imports/1/progress").json
    answer = mend(editor, 6, {"cell-0": "y", "cell-1": "Evi <b>", "cell-2": "older"}, status=422)
    assert "Line 6 can’t be used yet" in answer.alerts
    assert "“y” is not a whole number." in answer.alerts
    inputs = {field.get("id"): field for field in answer.fields}
    assert [inputs[f"cell-6-{n}"].get("value") for n in range(3)] == ["y", "Evi <b>", "older"]
    assert [inputs[f"cell-6-{n}"].get("aria-invalid") for n in range(3)] == ["true", "", "true"]
    assert "“older” is not a whole number." in answer.ids[inputs["cell-6-2"].get("aria-describedby")].text
    assert editor.open("/imports/1/progress").json == before


@pytest.mark.usefixtures("roll")
def test_whoever_mends_a_row_comes_back_to_the_place_where_it_stood(upload, editor):
    others = "".join(f"{n},Other {n}\n" for n in range(1_001, 1_201))
    upload("id,name\n" + "".join(f"x{n},Student {n}\n" for n in range(1, 151)) + others)
    page = editor.visit(f"{ROWS}rejected&q=student&after=101")
    action = next(button.get("formaction") for button in page.all("button") if "/rows/110" in button.get("formaction"))
    sent = editor.post(action, page.values | {"cell-110-0": "109"}, status=303)
    assert sent.location == "/imports/1?verdict=rejected&q=student&after=101#line-111"
    assert "110" not in [row[0] for row in editor.visit(sent.location).rows]


def test_after_the_last_row_is_mended_the_page_shows_what_would_change(upload, editor):
    upload("id,name\nx,Ada\n")
    sent = mend(editor, 2, {"cell-0": "1"})
    assert sent.location == "/imports/1"
    assert "It adds 1 student" in editor.visit(sent.location).text


@pytest.mark.usefixtures("page")
@pytest.mark.parametrize("line", [2, 99, 2**40])
def test_a_row_that_is_not_rejected_can_not_be_mended(editor, line):
    sent = mend(editor, line, {"cell-0": "9"}, status=409)
    assert "can no longer be edited. You typed: 9" in sent.alerts


def test_no_row_is_mended_once_the_import_is_applied(page, editor, work, students):
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    before = students()
    shown = editor.visit("/imports").values
    sent = editor.post("/imports/1/rows/4", {"csrf_token": shown["csrf_token"], "cell-4-0": "9"}, status=409)
    assert "can no longer be edited. You typed: 9" in sent.alerts
    assert students() == before
    assert not [field for field in editor.visit(f"{ROWS}rejected").fields if field.get("name").startswith("cell-")]


@pytest.fixture
def rejected(page, editor):
    """The rejected rows, on lines 4, 6 and 7 or so: the page, where its one form leads, and what it sends."""
    page = editor.visit(f"{ROWS}rejected")
    (form,) = [form for form in page.all("form") if form.get("id") == "corrections"]
    return page, form.get("action")


def test_one_form_holds_all_rows_and_checks_those_that_were_typed_into(rejected, editor):
    page, action = rejected
    assert {field.get("form") for field in page.fields if field.get("name").startswith("cell-")} == {"corrections"}
    before = editor.open("/imports/1/progress").json
    sent = editor.post(action, page.values | {"cell-4-0": "9", "cell-6-0": "8", "cell-6-2": "16"}, status=303)
    assert "3 rows can be used now." in editor.visit(sent.location).alerts
    told = editor.open("/imports/1/progress").json
    assert (told["rejected"], told["insert"]) == (before["rejected"] - 3, before["insert"] + 3)


@pytest.mark.parametrize("which", ["all", "one"])
def test_what_was_typed_into_other_rows_stays_whichever_row_is_checked(rejected, editor, which):
    page, action = rejected
    typed = {"cell-4-0": "9", "cell-6-0": "y", "cell-6-1": "Evi"}
    if which == "one":
        action = next(button.get("formaction") for button in page.all("button") if "/rows/4" in button.get("formaction"))
    answer = editor.post(action, page.values | typed, status=422 if which == "all" else 200)
    assert "Line 4 can be used now" in answer.alerts
    assert {name: answer.values[name] for name in ("cell-6-0", "cell-6-1")} == {"cell-6-0": "y", "cell-6-1": "Evi"}
    assert ("“y” is not a whole number." in answer.alerts) == (which == "all")
    # The page that came back holds them until they can be used, also after one more check.
    sent = editor.post("/imports/1/rows", answer.values | {"cell-6-0": "8", "cell-6-2": "16"}, status=303)
    assert "Line 6 can be used now" in editor.visit(sent.location).alerts


def test_a_check_of_rows_that_nobody_typed_into_changes_nothing(rejected, editor):
    page, action = rejected
    before = editor.open("/imports/1/progress").json
    sent = editor.post(action, page.values, status=303)
    assert "Nothing was changed in these rows." in editor.visit(sent.location).alerts
    assert editor.open("/imports/1/progress").json == before


def test_rows_typed_into_while_somebody_else_corrects_others_are_kept(rejected, app, editor):
    page, action = rejected
    someone(app, "other@school.example", "editor").send("/imports/1/rows/4", {"cell-4-0": "9"}, page="/imports/1")
    answer = editor.post(action, page.values | {"cell-6-1": "Evi"}, status=409)
    assert answer.values["cell-6-1"] == "Evi"
    assert "What you typed is kept in line 6." in answer.alerts
    assert "Line 4" not in answer.alerts


def test_a_page_of_wide_rows_has_no_more_fields_than_a_request_may_bring(upload, editor):
    wide = ",".join(f"column {n}" for n in range(60))
    upload(f"id,name,{wide}\n" + "".join(f"{n},Student {n},,,,{',' * (n % 2)}\n" for n in range(1, 101)))
    page = editor.visit(f"{ROWS}rejected")
    fields = [field for field in page.fields if field.get("form") == "corrections"]
    assert 0 < len(fields) <= 1_600
    assert "The other rows can be corrected once these are" in page.text
    (first,) = [name for name in page.values if name.endswith("-1") and name.startswith("cell-2-")]
    editor.post("/imports/1/rows", page.values | {first: "Ada"}, status=303)
    assert "Line 2 can be used now" in editor.visit(f"{ROWS}rejected").alerts


@pytest.mark.usefixtures("page")
def test_a_viewer_sees_the_rows_and_mends_none(viewer):
    page = viewer.visit(f"{ROWS}rejected")
    assert page.rows[0][1:-1] == ["x", "Cleo", "14", "Blue"]
    token = viewer.visit("/").values["csrf_token"]
    viewer.post("/imports/1/rows/4", {"csrf_token": token, "cell-4-0": "9"}, status=403)


def test_a_row_of_an_import_that_does_not_exist_is_not_found(editor):
    token = editor.visit("/imports").values["csrf_token"]
    editor.post("/imports/8/rows/2", {"csrf_token": token}, status=404)
    editor.visit("/imports/8/missing", status=404)


def test_once_its_rows_are_dropped_an_import_still_shows_its_numbers(app, page, editor, work):
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    with app.app_context():
        discarding.drop_old(db.session(), now() + timedelta(days=1))
    page = editor.visit("/imports/1")
    assert "The rows were deleted" in page.text
    assert "1 student was changed" in page.text
    assert "The rows were deleted" in editor.visit(f"{ROWS}rejected&q=x").text
    assert "no longer exist" in editor.visit(editor.visit("/imports/1/missing", status=303).location).alerts


@pytest.mark.parametrize("query", ["q=%00", "before=x", "verdict=insert&before=-3", "after=1e3"])
def test_an_address_that_no_link_gave_out_is_refused(page, editor, query):
    assert page
    editor.visit(f"/imports/1?{query}", status=400)
    editor.visit(f"/imports/1/missing?{query.replace('q=', 'after=')}", status=400)


def mend(editor, line, typed, status=303):
    typed = {name.replace("cell-", f"cell-{line}-"): text for name, text in typed.items()}
    return editor.send(f"/imports/1/rows/{line}", typed, page="/imports/1", status=status)


def pager(page):
    return {link.text: link.get("href") for nav in page.all("nav") if nav.get("class") == "pager" for link in nav.all("a")}
