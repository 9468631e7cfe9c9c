"""Who may open what: each page and role in turn, from the app's own list of addresses."""

import pytest
from sqlalchemy import func, select

from models import Import, Student, User

EDITORS = [
    ("GET", "/students/new"),
    ("POST", "/students/new"),
    ("POST", "/students/7"),
    ("POST", "/students/7/delete"),
    ("POST", "/students/bulk"),
    ("POST", "/students/bulk/set"),
    ("POST", "/students/bulk/delete"),
    ("GET", "/students/7/revert/1"),
    ("POST", "/students/7/revert/1"),
    ("GET", "/imports/new"),
    ("POST", "/imports/new"),
    ("GET", "/imports/1/columns"),
    ("POST", "/imports/1/columns"),
    ("POST", "/imports/1/rows/2"),
    ("POST", "/imports/1/apply"),
    ("POST", "/imports/1/cancel"),
    ("GET", "/imports/1/undo"),
    ("POST", "/imports/1/undo"),
]
VIEWERS = [
    ("GET", "/"),
    ("GET", "/students"),
    ("GET", "/students/7"),
    ("GET", "/students/7/version"),
    ("GET", "/students/7/history"),
    ("GET", "/students.csv"),
    ("GET", "/students/views"),
    ("POST", "/students/views"),
    ("POST", "/students/views/1"),
    ("POST", "/students/views/1/delete"),
    ("GET", "/changes"),
    ("GET", "/imports"),
    ("GET", "/imports/1"),
    ("GET", "/imports/1/progress"),
    ("GET", "/imports/1/missing"),
    ("GET", "/imports/1/rejected.csv"),
]
PUBLIC = ["/healthz", "/readyz", "/login"]
TABLES = (Student, Import, User)


def test_every_address_of_the_app_stands_in_these_lists(app):
    adapter = app.url_map.bind("")
    listed = {(method, adapter.match(path, method)[0]) for method, path in [*EDITORS, *VIEWERS]}
    foreign = ("security.", "accounts.", "health.", "static")
    rules = [rule for rule in app.url_map.iter_rules() if not rule.endpoint.startswith(foreign)]
    known = {(method, rule.endpoint) for rule in rules for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}}
    assert known == listed


@pytest.mark.parametrize(("method", "path"), [*EDITORS, *VIEWERS])
def test_who_is_signed_out_is_sent_to_the_login_page(client, method, path):
    token = client.visit("/login").values["csrf_token"]
    response = client.open(path, method, data={"csrf_token": token} if method == "POST" else None)
    assert response.status_code == 302
    assert response.location.startswith("/login?next=")


@pytest.mark.parametrize(("method", "path"), EDITORS)
def test_a_viewer_may_look_but_not_write(viewer, add, students, method, path):
    add(7, "Ada")
    token = viewer.visit("/").values["csrf_token"]
    data = {"csrf_token": token, "name": "Mallory", "version": "1"} if method == "POST" else None
    response = viewer.open(path, method, data=data)
    assert response.status_code == 403
    assert students() == [(7, "Ada", None, None)]


def test_a_viewer_is_offered_no_page_that_they_may_not_open(viewer, add):
    add(7, "Ada")
    for path in ("/", "/students", "/students/7", "/imports"):
        page = viewer.visit(path)
        assert not {"/students/new", "/imports/new"} & set(page.links)
        own = {"/logout", "/students/views"}  # a view is the viewer's own, and no record
        assert {form.get("action") for form in page.all("form") if form.get("method") == "post"} <= own


@pytest.mark.parametrize("path", [path for method, path in EDITORS if method == "POST"])
def test_a_form_without_the_pages_token_is_refused_and_changes_nothing(editor, add, stored, path):
    add(7, "Ada")
    before = [stored(select(func.count()).select_from(table)) for table in TABLES]
    page = editor.post(path, {"name": "Mallory", "version": "1"}, status=400)
    assert page.heading == "This page had expired"
    assert [stored(select(func.count()).select_from(table)) for table in TABLES] == before
    assert stored(select(Student.name)) == [("Ada",)]


def test_the_token_of_one_visitor_is_worth_nothing_to_another(editor, client, students):
    token = client.visit("/login").values["csrf_token"]
    editor.post("/students/new", {"name": "Mallory", "csrf_token": token}, status=400)
    assert students() == []


@pytest.mark.parametrize("path", PUBLIC)
def test_anybody_may_open_what_has_to_be_open(client, path):
    assert client.open(path).status_code == 200
