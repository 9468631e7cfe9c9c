"""What an act needs holds on every way to it: pages, files, bulk changes and the API."""

import io
import json

import pytest
from sqlalchemy import select

from models import AuditEntry, Change, Import, KeptAnswer
from tests.machine import machine_of
from tests.web.conftest import someone
from tests.web.test_route_matrix import API, FORM, TABLE, token_of
from web import acts

# Where other systems do the same as people on a page.
ALIKE = {
    "api.list_students": "students.list_",
    "api.show_student": "students.edit",
    "api.put_student": "students.save",
    "api.upload": "imports.create",
    "api.show_import": "imports.show",
    "api.apply": "imports.apply",
    "api.answer": "imports.answer",
    "api.confirm": "imports.confirm",
    "api.choose_student": "imports.choose_student",
    "api.go_on_with_rest": "imports.go_on_with_rest",
    "api.undo": "imports.undo",
}
PERSONAL_DATA = ["/students/7/privacy", "/students/7/privacy.json", "/students/7/privacy.csv"]


@pytest.fixture
def ada(add):
    add(7, "Ada", age=12, score=98)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_view_names_its_act(app):
    known = [value for value in vars(acts).values() if isinstance(value, acts.Needs)]
    named = {id(view.act) for view in app.view_functions.values() if view.act}
    assert all(view.act or view.rule in ("public", "closed") for view in app.view_functions.values())
    assert [needs for needs in known if id(needs) not in named] == [acts.UNDO_FOR_OTHERS]
    assert named <= set(map(id, known))


@pytest.mark.parametrize("backend", ["sqlite"])
def test_an_act_needs_the_same_of_people_and_of_other_systems(app):
    views = app.view_functions
    assert {name for name in views if name.startswith("api.") and views[name].rule != "public"} == ALIKE.keys()
    for name, page in ALIKE.items():
        assert views[name].act is views[page].act, name
        assert views[name].act.scopes, name
    without_scope = {views[name].act for name in views if name not in ALIKE and views[name].act} - {
        views[name].act for name in ALIKE
    }
    assert not any(needs.scopes for needs in without_scope)


@pytest.mark.parametrize("path", PERSONAL_DATA)
def test_all_that_is_held_on_a_student_takes_a_fresh_proof_on_every_page_and_in_every_file(admin, ada, clock, stored, path):
    entries = select(AuditEntry.id).where(AuditEntry.act.in_(("history-viewed", "students-exported")))
    with admin.open(path) as response:
        assert response.status_code == 200
    assert len(stored(entries)) == 1
    clock(minutes=40)
    assert admin.visit(path, status=302).location.startswith("/verify?next=")
    assert len(stored(entries)) == 1


@pytest.mark.parametrize("page", ["authenticator", "recovery-codes", "passkeys", "passkeys/delete"])
def test_what_a_user_signs_in_with_is_changed_only_by_who_has_just_proven_who_they_are(viewer, clock, page):
    clock(minutes=40)
    assert viewer.visit(f"/profile/{page}", status=302).location.startswith("/verify?next=")


def prepared_deletion(admin, work):
    sent = admin.send("/students/bulk/delete", {"within": "", "ids": "7"}, page="/students")
    work()
    return sent.location


def test_a_bulk_deletion_takes_a_fresh_proof_when_it_is_applied_too(admin, ada, clock, work, students):
    page = prepared_deletion(admin, work)
    shown = admin.visit(page).values
    clock(minutes=40)
    sent = {name: shown[name] for name in ("csrf_token", "version")}
    assert admin.post(f"{page}/apply", sent, status=302).location.startswith("/verify?next=")
    work()
    assert len(students()) == 1


def test_to_undo_what_somebody_else_has_changed_takes_an_administrator_who_has_just_proven_who_they_are(
    app, admin, editor, clock, students, stored
):
    page = editor.visit("/students/new").values
    editor.post("/students/new", {"csrf_token": page["csrf_token"], "token": page["token"], "name": "Ada"}, status=303)
    ((change_id,),) = stored(select(Change.id))
    other = someone(app, "other@school.example", "editor")
    other.send(f"/changes/{change_id}/undo", page="/students", status=403)
    token = admin.visit("/students").values["csrf_token"]
    clock(minutes=40)
    admin.post(f"/changes/{change_id}/undo", {"csrf_token": token}, status=302)
    assert len(students()) == 1
    clock(minutes=0)
    admin.send(f"/changes/{change_id}/undo", page="/students")
    assert students() == []


@pytest.fixture
def writer(app):
    """Another system that may write and not read."""
    return machine_of(app, "editor", ("write",))


def test_a_token_that_may_only_write_is_told_nothing_that_it_did_not_write(writer, ada):
    told = writer.ask("PUT", "/students/7", 412, json={"name": "Mallory"}, headers={"If-None-Match": "*"})
    assert "current" not in told.json
    refused = [told.text, writer.ask("PUT", "/students/7", 412, json={"name": "M"}, headers={"If-Match": '"9"'}).text]
    written = writer.ask("PUT", "/students/7", 200, json={"name": "Grace"}, headers={"If-Match": told.headers["ETag"]})
    assert written.json == {"id": 7, "name": "Grace", "version": 2}
    assert not any(secret in text for secret in ("Ada", "age", "score") for text in refused)


def test_a_token_that_may_only_write_is_not_told_who_had_an_id(app, editor, writer, ada):
    page = editor.visit("/students/7").values
    editor.post("/students/7/delete", {"csrf_token": page["csrf_token"], "version": page["version"]}, status=303)
    told = writer.ask("PUT", "/students/7", json={"name": "Grace"}, headers={"If-None-Match": "*"})
    assert told.status_code == 409
    assert "Ada" not in told.text


def test_an_answer_to_a_token_that_may_read_is_not_repeated_to_one_that_may_not(app, writer, ada, stored):
    sent = {"json": {"name": "Grace"}, "headers": {"If-Match": '"1"', "Idempotency-Key": "one"}}
    assert machine_of(app, "editor").ask("PUT", "/students/7", 200, **sent).json["age"] == 12
    again = writer.ask("PUT", "/students/7", 422, **sent)
    assert "12" not in again.text
    assert len(stored(select(KeptAnswer.key))) == 1


def test_two_fields_of_one_name_are_refused_by_every_form(admin, ada, stored):
    before = stored(select(AuditEntry.id))
    token = token_of(admin)
    for method, path in TABLE:
        if method == "POST" and not path.startswith(API):
            data = {**FORM, "csrf_token": token, "name": ["Ada", "Mallory"]}
            with admin.open(path, "POST", data=data) as response:
                assert response.status_code == 400, f"{path} got {response.status}"
                assert "two fields of one name" in response.text, path
    assert stored(select(AuditEntry.id)) == before


@pytest.mark.parametrize("second", ["another file", "a field"])
def test_two_sheets_in_one_form_are_refused(app, editor, stored, second):
    token = editor.visit("/imports/new").values["csrf_token"]

    def body():
        sheet = (io.BytesIO(b"id,name\n7,Ada\n"), "one.csv")
        other = (io.BytesIO(b"id,name\n8,Bob\n"), "two.csv") if second == "another file" else "two.csv"
        return {"csrf_token": token, "blank": "keep", "file": [sheet, other]}

    with editor.open("/imports/new", "POST", data=body()) as response:
        assert response.status_code == 400
    sent = {name: value for name, value in body().items() if name != "csrf_token"}
    machine_of(app, "editor").ask("POST", "/imports", 400, data=sent)
    assert stored(select(Import.id)) == []


@pytest.mark.parametrize("sent", ['{"name": "Ada", "name": "Mallory"}', '{"name": {"a": 1, "a": 2}}'])
def test_two_values_of_one_name_in_json_are_refused(writer, students, sent):
    told = writer.ask("PUT", "/students/7", 400, data=sent, content_type="application/json", headers={"If-None-Match": "*"})
    assert "appears once" in json.loads(told.text)["detail"]
    assert students() == []


def test_a_look_at_the_histories_of_two_students_is_noted_for_each(editor, add, stored):
    add(7, "Ada")
    add(9, "Ada")
    editor.visit("/students/7/merge/9")
    looked = select(AuditEntry.about).where(AuditEntry.act == "history-viewed").order_by(AuditEntry.id)
    assert stored(looked) == [("student 7",), ("student 9",)]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_bulk_deletion_is_offered_for_applying_to_administrators_alone(admin, editor, ada, work):
    page = prepared_deletion(admin, work)
    assert "Apply 1 change" in admin.visit(page).text
    seen = editor.visit(page)
    assert "Apply" not in seen.text
    assert "you need the role of an administrator" in seen.text
    editor.send(f"{page}/apply", page=page, status=403)
