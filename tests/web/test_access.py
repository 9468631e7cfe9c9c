"""Who may do what, beyond the table in test_route_matrix: form tokens, what is one's own, and proving anew who one is."""

from sqlalchemy import func, select

from models import Import, Student, User, UserSession
from tests.conftest import PASSWORD
from tests.web.conftest import someone

WRITING = [
    "/students/new",
    "/students/7",
    "/students/7/delete",
    "/students/7/revert/1",
    "/students/bulk",
    "/students/bulk/set",
    "/students/bulk/delete",
    "/imports/new",
    "/imports/1/columns",
    "/imports/1/rows/2",
    "/imports/1/apply",
    "/imports/1/cancel",
    "/imports/1/undo",
    "/users",
    "/users/1/role",
    "/users/1/deactivate",
    "/profile/password",
    "/profile/sessions/end",
]
TABLES = (Student, Import, User, UserSession)


def test_a_viewer_is_offered_no_page_that_they_may_not_open(viewer, add):
    add(7, "Ada")
    for path in ("/", "/students", "/students/7", "/imports"):
        page = viewer.visit(path)
        assert not {"/students/new", "/imports/new"} & set(page.links)
        own = {"/logout", "/language", "/students/views"}  # a view is the viewer's own, and no record
        sent = [form.get("action") or "" for form in page.all("form") if form.get("method") == "post"]
        assert {action.partition("?")[0] for action in sent} <= own


def test_a_form_without_the_pages_token_is_refused_and_changes_nothing(admin, add, stored):
    add(7, "Ada")
    before = [stored(select(func.count()).select_from(table)) for table in TABLES]
    for path in WRITING:
        page = admin.post(path, {"name": "Mallory", "version": "1"}, status=400)
        assert page.heading == "This page had expired"
    assert [stored(select(func.count()).select_from(table)) for table in TABLES] == before
    assert stored(select(Student.name)) == [("Ada",)]


def test_the_token_of_one_visitor_is_worth_nothing_to_another(editor, client, students):
    token = client.visit("/login").values["csrf_token"]
    editor.post("/students/new", {"name": "Mallory", "csrf_token": token}, status=400)
    assert students() == []


def test_an_editor_takes_back_their_own_imports_only(app, editor, upload, work):
    upload("id,name\n7,Ada\n")
    editor.send("/imports/1/apply", page="/imports/1")
    work()
    other = someone(app, "second@school.example", "editor")
    assert "/imports/1/undo" in editor.visit("/imports/1").links
    assert "/imports/1/undo" not in other.visit("/imports/1").links
    other.visit("/imports/1/undo", status=403)
    other.send("/imports/1/undo", page="/students/new", status=403)
    editor.send("/imports/1/undo")


def test_an_administrator_takes_back_anybodys_import_after_proving_who_they_are(upload, editor, work, sign_in, clock):
    upload("id,name\n7,Ada\n")
    editor.send("/imports/1/apply", page="/imports/1")
    work()
    admin = sign_in("admin")
    clock(minutes=20)
    verify = admin.visit("/imports/1/undo", status=302).location
    assert verify == "/verify?next=/imports/1/undo"
    clock()  # the library that asks looks at a clock of its own
    assert admin.send(verify, {"password": PASSWORD}, status=302).location == "/imports/1/undo"
    admin.send("/imports/1/undo")


def test_a_form_whose_page_was_opened_in_time_may_be_sent_a_little_late(sign_in, clock):
    admin = sign_in("admin")
    page = admin.visit("/users")
    invitation = {"email": "new@school.example", "role": "viewer", "csrf_token": page.values["csrf_token"]}
    clock(minutes=20)
    admin.post("/users", invitation, status=200)
    clock(minutes=40)
    asked = admin.open(
        "/users", "POST", data=invitation | {"email": "newer@school.example"}, headers={"Referer": "http://localhost/users"}
    )
    assert asked.location == "/verify?next=/users"
    assert "Nothing was changed yet." in admin.visit("/verify").alerts
