"""People on pages: wherever somebody's e-mail address would stand, their name does, if they have one."""

import re

import pytest
from sqlalchemy import event, select

import accounts
from merge import erase, record
from models import Import, User, db
from tests.conftest import PASSWORD
from tests.machine import machine_of
from tests.pages import Page
from tests.server import ROOT
from tests.web.test_route_matrix import TABLE

EDITOR, NAME = "editor@school.example", "Grace Hopper"
# Whom something was done by, written as it is kept; and where an address is asked for, or stands beside the name.
AS_KEPT = re.compile(r"\w+\.(?:actor|applied_by|chosen_by)\b(?! or )(?!\)?\|person)")
ON_PURPOSE = re.compile(
    r"(?:url_for|may_undo_change|name_of)\([^)]*\)(?: or [\w.]+)?|\{% if [^%]*%\}"
    r'|value="[^"]*"|<span class="aside">\{\{ [\w.]+ \}\}</span>'
)
SHEET = "id,name,age\n3,Cy,14\n5,Eve,15\n"
# These say both: whom an administrator looks at here needs to be known exactly.
SAY_BOTH = {"/users", "/users/1", "/audit", "/audit?who=editor@school.example"}
# Pages that show who did something only when they are asked for this.
MORE = {
    *("/students?q=Cy", "/changes?actor=editor@school.example", "/audit?who=editor@school.example"),
    *(
        "/students/1/delete?version=1",
        "/students/1/revert/2",
        "/students/1/merge/2",
        "/students/3/history",
        "/students/4/history",
    ),
    *("/imports/2", "/imports/2/columns", "/users/1"),
}
LATE = {f"POST {path}" for path in ("/students/1", "/students/1/delete", "/students/1/cell", "/students/new", "/changes/1/undo")}
SHOWING = {"/", "/changes", "/imports", "/imports/1", "/audit", "/users", "/students/1/version", *MORE, *LATE}


@pytest.fixture
def backend():
    return "sqlite"


@pytest.fixture
def school(app, upload, editor, admin, work, add):
    """A school in which one editor, who is user 1, has done all that can be done, and an administrator who looks at it."""
    for student_id, name in enumerate(("Ada", "Ada", "Cy", "Di"), 1):
        add(student_id, name, age=12)
    with app.app_context():
        save(1, 1, age=13)
        save(2, 1, age=13)
        record.remove(db.session(), 3, version=1, actor=EDITOR, reason="form")
        erased = erase.outlook(db.session(), 4)
        erase.erase(db.session(), 4, version=erased.version, seen=erased.seen, actor=EDITOR)
    for number in (1, 2):
        upload(SHEET, "class.csv")
        editor.post(f"/imports/{number}/columns", editor.visit(f"/imports/{number}/columns").values, status=303)
        work()
        if number == 1:
            editor.post("/imports/1/apply", editor.visit("/imports/1").values, status=303)
            work()
    return admin


def save(student_id, version, **values):
    kept = {"id": student_id, "name": "Ada", "age": 12, "score": None}
    record.save(db.session(), kept | values, version=version, actor=EDITOR, reason="form")


def name_editor(app, name=NAME):
    with app.app_context():
        accounts.rename(accounts.find_by_address(EDITOR), name)


def texts(visitor, paths):
    """Give what each page says, by its address: those that are opened, and those that answer a form that came too late."""
    found = {}
    for path in paths - LATE:
        with visitor.open(path) as response:
            if response.status_code == 200 and response.mimetype in ("text/html", "application/json"):
                found[path] = response.text
    return found | late_answers(visitor)


def late_answers(visitor):
    token = visitor.visit("/students/1").values["csrf_token"]
    late = {"csrf_token": token, "name": "Ada", "age": "14", "version": "1"}
    sent = {
        "/students/1": late,
        "/students/1/delete": late,
        "/students/1/cell": late | {"column": "age", "value": "14"},
        "/students/new": late | {"id": "3", "version": ""},
        "/changes/1/undo": late,
    }
    answers = {}
    for path, form in sent.items():
        with visitor.open(path, "POST", data=form) as response:
            assert response.status_code in (409, 422), (path, response.status)
            answers[f"POST {path}"] = response.text
    return answers


def shown(text):
    return Page(text).text if text.lstrip().startswith("<") else text


def test_every_page_that_says_who_did_something_says_their_name(app, school):
    opened = {path for method, path in TABLE if method == "GET" and not path.startswith(("/api", "/static", "/login"))}
    before = {path: shown(text) for path, text in texts(school, {*opened, "/students/1/version", *MORE}).items()}
    named = {path: text.count(EDITOR) for path, text in before.items() if EDITOR in text}
    assert named.keys() == SHOWING
    name_editor(app)
    after = texts(school, named.keys())
    for path, count in named.items():
        assert shown(after[path]).count(NAME) >= count, path
        assert path in SAY_BOTH or EDITOR not in shown(after[path]), path


def test_templates_name_people_in_one_way():
    texts = {file: ON_PURPOSE.sub("", file.read_text()) for file in (ROOT / "templates").rglob("*.html")}
    assert {file.name: found for file, text in texts.items() if (found := AS_KEPT.findall(text))} == {}


def test_a_page_asks_for_names_once_and_only_where_it_names_somebody(app, admin, add):
    for student_id in (1, 2):
        add(student_id, "Ada")
    asked = []
    with app.app_context():
        engine = db.engine
    note = lambda _connection, _cursor, statement, *_: asked.append("users.name IS NOT NULL" in statement)  # noqa: E731
    event.listen(engine, "before_cursor_execute", note)
    try:
        admin.visit("/changes")
        assert asked.count(True) == 1
        admin.visit("/students/new")
        assert asked.count(True) == 1
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_an_edit_that_was_merged_says_whose_the_other_one_was(app, editor, admin, add):
    add(1, "Ada", age=12)
    with app.app_context():
        save(1, 1, age=13)
    name_editor(app)
    admin.send("/students/1", {"name": "Ada King", "age": "12", "version": "1"})
    assert f"Age from {NAME}" in admin.visit("/students/1").alerts


def test_namesakes_are_told_apart_and_who_has_no_account_keeps_the_address(app, editor, admin, add):
    add(1, "Ada", age=12)
    with app.app_context():
        save(1, 1, age=13)
        accounts.add_user("other@school.example", "viewer", PASSWORD, NAME)
    name_editor(app)
    assert f"{NAME} ({EDITOR})" in admin.visit("/changes").text
    with app.app_context():
        db.session.execute(User.__table__.update().where(User.email == EDITOR).values(email="new@school.example"))
        db.session.commit()
    text = admin.visit("/changes").text
    assert EDITOR in text
    assert NAME not in text


@pytest.mark.parametrize("page", ["/changes?actor=", "/audit?who=", "/audit?about="])
def test_changes_and_the_audit_log_are_searched_by_name_as_well(app, editor, admin, add, page):
    add(1, "Ada", age=12)
    with app.app_context():
        save(1, 1, age=13)
    name_editor(app)
    rows = admin.visit(page + EDITOR).rows
    assert rows
    assert admin.visit(f"{page}grace+hopper").rows == rows
    assert admin.visit(f"{page}Grace").rows == []


def test_other_systems_and_files_go_on_with_addresses(app, upload, admin, stored):
    upload(SHEET)
    name_editor(app)
    assert machine_of(app, "admin").ask("GET", "/imports/1").json["actor"] == EDITOR
    with admin.open(f"/audit.csv?who={NAME}") as response:
        lines = response.text.splitlines()[1:]
    assert lines
    assert all(f",{EDITOR}," in line and NAME not in line for line in lines)
    assert stored(select(Import.actor)) == [(EDITOR,)]


def test_a_name_can_not_pose_as_another_detail_of_an_entry(app, admin, editor):
    with app.app_context():
        accounts.rename(accounts.find_by_address(EDITOR), 'Eve"; role=admin')
    assert 'name: "Eve\\"; role=admin"' in admin.visit(f"/audit?about={EDITOR}&what=user-renamed").text
