"""A decision holds for what was seen: what names something older, or nothing, is not done, and the page is shown as it now is."""

import pytest
from sqlalchemy import select

from models import Change, Import, db, planned_rows, revisions, staged_rows, students
from tests.machine import machine_of
from tests.web.conftest import someone

# What each address that changes something needs so that it can't be taken for what it did not mean.
VERSION = "names the version of the record or the import that it was shown with"
NEW = "adds something, and changes nothing that is there"
PREPARES = "prepares a preview, which is decided on by itself"
ABSOLUTE = "sets what it says, whatever was there"
OWN = "is about how somebody signs in, and only they can press it"
ONE = "names the one change that it takes back, while nothing has followed that"
READS = "changes nothing that is stored"

DECLARED = {
    "students.create": NEW,
    "students.save": VERSION,
    "students.delete": VERSION,
    "cell.save": VERSION,
    "history.revert": VERSION,
    "privacy.erase": VERSION,
    "duplicates.merge": VERSION,
    "duplicates.distinct": ABSOLUTE,
    "imports.create": NEW,
    "corrections.check": VERSION,
    "corrections.check_all": VERSION,
    "imports.choose_columns": VERSION,
    "imports.answer": VERSION,
    "imports.apply": VERSION,
    "imports.confirm": VERSION,
    "imports.choose_student": VERSION,
    "imports.go_on_with_rest": VERSION,
    "imports.cancel": VERSION,
    "imports.undo": VERSION,
    "changes.undo": ONE,
    "bulk.choose": READS,
    "bulk.export": READS,
    "bulk.set_column": PREPARES,
    "bulk.delete": PREPARES,
    "start.fill": NEW,
    "views.keep": NEW,
    "views.change": ABSOLUTE,
    "views.delete": ABSOLUTE,
    "users.invite": NEW,
    "users.require_second_factor": ABSOLUTE,
    "users.change_role": ABSOLUTE,
    "users.rename": ABSOLUTE,
    "users.choose_time_zone": ABSOLUTE,
    "users.make_link": ABSOLUTE,
    "users.activate": ABSOLUTE,
    "users.deactivate": ABSOLUTE,
    "users.reset_second_factor": ABSOLUTE,
    "users.revoke_token": ABSOLUTE,
    "users.revoke_tokens": ABSOLUTE,
    "tokens.make": NEW,
    "tokens.revoke": ABSOLUTE,
    "language.choose": ABSOLUTE,
    "profile.change_password": OWN,
    "profile.change_name": OWN,
    "profile.end_session": ABSOLUTE,
    "profile.end_other_sessions": ABSOLUTE,
    "accounts.create_first": NEW,
    "accounts.choose_password": OWN,
    "api.put_student": VERSION,
    "api.upload": NEW,
    "api.answer": VERSION,
    "api.confirm": VERSION,
    "api.choose_student": VERSION,
    "api.go_on_with_rest": VERSION,
    "api.apply": VERSION,
    "api.undo": VERSION,
}
SHEET = "id,name,age,score\n7,Ada,13,80\nx,Bo,14,70\n"
SWAPPED = {"column-2": "score", "column-3": "age"}

# An address of each page that names a version, and what it sends beside that.
PAGES = {
    "students.save": ("/students/7", {"id": "7", "name": "Mallory", "age": "99", "score": "1"}),
    "students.delete": ("/students/7/delete", {}),
    "cell.save": ("/students/7/cell", {"column": "age", "value": "99"}),
    "history.revert": ("/students/7/revert/1", {}),
    "privacy.erase": ("/students/7/privacy", {"seen": ""}),
    "duplicates.merge": ("/students/7/merge/21", {"survivor": "first", "column-name": "second", "column-age": "first"}),
    "corrections.check": ("/imports/1/rows/3", {"cell-3-0": "9"}),
    "corrections.check_all": ("/imports/1/rows", {"cell-3-0": "9"}),
    "imports.choose_columns": (
        "/imports/1/columns",
        {"match": "id", "blank": "keep", "decimal": ".", "thousands": "", **SWAPPED},
    ),
    "imports.answer": ("/imports/1/answers", {"question": "other-names:0", "answer": "name"}),
    "imports.apply": ("/imports/1/apply", {}),
    "imports.confirm": ("/imports/1/confirm", {"lines": "2"}),
    "imports.choose_student": ("/imports/1/choose", {"line": "2", "student": "7"}),
    "imports.go_on_with_rest": ("/imports/2/rest", {}),
    "imports.cancel": ("/imports/1/cancel", {}),
    "imports.undo": ("/imports/2/undo", {}),
}
REQUESTS = {
    "api.put_student": ("PUT", "/students/7", {"json": {"name": "Mallory"}}, 412),
    "api.answer": ("POST", "/imports/1/answers", {"json": {"question": "other-names:0", "answer": "name"}}, 409),
    "api.confirm": ("POST", "/imports/1/confirm", {"json": {"lines": [2]}}, 409),
    "api.choose_student": ("POST", "/imports/1/choose", {"json": {"line": 2, "student": 7}}, 409),
    "api.go_on_with_rest": ("POST", "/imports/2/rest", {}, 409),
    "api.apply": ("POST", "/imports/1/apply", {}, 409),
    "api.undo": ("POST", "/imports/2/undo", {}, 409),
}
KEPT = (students, revisions, staged_rows, planned_rows, Change.__table__, Import.__table__)


@pytest.fixture
def school(add, change, upload, editor, work):
    """Student 7 at version 2, import 1 that waits with a row that can't be used, and import 2 that was applied."""
    add(7, "Ada", 12, 90)
    change(7, age=14)
    upload(SHEET)
    editor.post("/imports/2/apply", upload("id,name\n21,Zoe\n").values, status=303)
    work()


@pytest.fixture
def everything(app):
    """Give all that a decision may change."""

    def everything():
        with app.app_context():
            return [sorted(map(repr, db.session.execute(select(table)).all())) for table in KEPT]

    return everything


@pytest.mark.parametrize("backend", ["sqlite"])
def test_each_address_that_changes_something_says_what_it_rests_on(app):
    rules = [rule for rule in app.url_map.iter_rules() if rule.methods - {"GET", "HEAD", "OPTIONS"}]
    ours = {rule.endpoint for rule in rules if not rule.endpoint.startswith("security.")}
    assert ours == set(DECLARED)
    assert {name for name, rests in DECLARED.items() if rests == VERSION} == {*PAGES, *REQUESTS}


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("page", PAGES)
def test_a_button_that_names_no_version_or_another_does_nothing(admin, everything, page):
    path, sent = PAGES[page]
    before = everything()
    token = admin.visit("/students").values["csrf_token"]
    for version in (None, "", "0", "1", "99", "x", "9" * 40):
        named = {} if version is None else {"version": version}
        with admin.open(path, "POST", data={**sent, **named, "csrf_token": token}) as answer:
            assert answer.status_code == 409, f"{path} answered {answer.status} to version {version}"
    assert everything() == before


@pytest.mark.usefixtures("school")
@pytest.mark.parametrize("request_", REQUESTS)
def test_a_request_that_names_another_version_does_nothing_and_gets_what_is_there(app, everything, request_):
    method, path, sent, status = REQUESTS[request_]
    before = everything()
    answer = machine_of(app, "admin").ask(method, path, headers={"If-Match": '"99"'}, **sent)
    assert answer.status_code in (status, 403)
    answer = machine_of(app).ask(method, path, status, headers={"If-Match": '"99"'}, **sent)
    assert answer.json["current"]["version"] == int(answer.headers["ETag"].strip('"'))
    assert everything() == before


@pytest.mark.usefixtures("school")
def test_the_apply_on_the_screen_does_not_apply_what_a_colleague_has_made_of_the_sheet(app, editor, students, work):
    shown = editor.visit("/imports/1")
    colleague = someone(app, "colleague@school.example", "editor")
    choice = colleague.visit("/imports/1/columns")
    colleague.post("/imports/1/columns", choice.values | SWAPPED, status=303)
    work()
    answer = editor.post("/imports/1/apply", shown.values, status=409)
    work()
    assert "This import has changed since you opened the page" in answer.alerts
    assert "80" in answer.text
    assert students()[0] == (7, "Ada", 14, 90)
    editor.post("/imports/1/apply", answer.values, status=303)  # what the page shows now can be applied
    work()
    assert students()[0] == (7, "Ada", 80, 13)


@pytest.mark.usefixtures("school")
def test_of_two_who_have_undo_open_the_second_does_not_put_the_import_back(app, editor, admin, students, work):
    pages = [visitor.visit("/imports/2/undo") for visitor in (editor, admin)]
    editor.post("/imports/2/undo", pages[0].values, status=303)
    work()
    answer = admin.post("/imports/2/undo", pages[1].values, status=409)
    work()
    assert "This import was undone" in answer.text
    assert [row[0] for row in students()] == [7]


@pytest.mark.usefixtures("school")
def test_what_was_typed_into_a_row_or_chosen_for_the_columns_is_kept(app, editor, work):
    row, choice = editor.visit("/imports/1?verdict=rejected"), editor.visit("/imports/1/columns")
    colleague = someone(app, "colleague@school.example", "editor")
    colleague.post("/imports/1/columns", colleague.visit("/imports/1/columns").values, status=303)
    work()
    answer = editor.post("/imports/1/rows/3", row.values | {"cell-3-0": "23"}, status=409)
    assert answer.values["cell-3-0"] == "23"
    assert "What you typed is kept in line 3." in answer.alerts
    again = editor.post("/imports/1/columns", choice.values | SWAPPED, status=409)
    assert {name: again.values[name] for name in SWAPPED} == SWAPPED
    editor.post("/imports/1/columns", again.values, status=303)
    work()
    assert "80" in editor.visit("/imports/1").text


@pytest.mark.usefixtures("school")
def test_a_system_that_names_no_version_goes_on_only_with_what_it_uploaded(app, editor, work):
    machine = machine_of(app)
    assert machine.ask("GET", "/imports/1", 200).json["version"] == 2
    editor.send("/imports/1/rows/3", {"cell-3-0": "23"}, page="/imports/1")
    answer = machine.ask("POST", "/imports/1/apply", 428)
    assert answer.json["current"]["version"] == 3
    machine.ask("POST", "/imports/1/apply", 202, headers={"If-Match": answer.headers["ETag"]})
    work()
    machine.ask("POST", "/imports/1/undo", 202)
    work()
    editor.send("/imports/1/undo")
    work()
    answer = machine.ask("POST", "/imports/1/undo", 428)
    machine.ask("POST", "/imports/1/undo", 202, headers={"If-Match": answer.headers["ETag"]})
