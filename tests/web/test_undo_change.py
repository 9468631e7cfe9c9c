"""Every save, deletion and restored version answers with Undo, which is refused once somebody has changed the student since."""

import pytest
from sqlalchemy import func, select

from models import Change
from tests.web.conftest import someone

WHOLE = {"name": "Ada Chen", "age": "12", "score": "90"}
BEFORE = (7, "Ada", 12, 90.0)
ACTS = {
    "create": (None, "/students/new", {"id": "7", **WHOLE}, "Added Ada Chen as student 7."),
    "save": (BEFORE, "/students/7", {**WHOLE, "version": "1"}, "Saved Ada Chen."),
    "delete": (BEFORE, "/students/7/delete", {"version": "1"}, "Deleted Ada."),
    "restore": ((7, "Ada Chen", 12, 90.0), "/students/7/revert/1", {"version": "2"}, "Restored version 1 of Ada."),
}


@pytest.fixture
def act(editor, add, change):
    """Do something that is answered with Undo, and give the page that says so."""

    def act(what):
        before, path, form, _sentence = ACTS[what]
        if before:
            add(*BEFORE)
        if what == "restore":
            change(7, name="Ada Chen")
        sent = editor.send(path, form, page="/students/7" if what == "delete" else path)
        return editor.visit(sent.location)

    return act


@pytest.fixture
def newest(stored):
    """Give the newest change."""
    return lambda: stored(select(func.max(Change.id)))[0][0]


def undo_form(page):
    """Find the form beside what the page says, and what it sends."""
    (form,) = [form for form in page.all("form") if form.get("action").endswith("/undo")][:1]
    return form.get("action"), {field.get("name"): field.get("value") for field in form.all("input")}


@pytest.mark.parametrize("what", ACTS)
def test_undo_beside_the_sentence_brings_back_what_was_before(editor, students, act, what):
    page = act(what)
    assert f"{ACTS[what][3]} Undo" in page.alerts
    action, form = undo_form(page)
    undone = editor.post(action, form, 303)
    assert students() == ([ACTS[what][0]] if ACTS[what][0] else [])
    answer = editor.visit(undone.location)
    assert "Undone: Ada" in answer.alerts
    action, form = undo_form(answer)
    editor.post(action, form, 303)
    assert students() == {"create": [(7, "Ada Chen", 12, 90.0)], "delete": []}.get(what, students())
    assert students() != ([ACTS[what][0]] if ACTS[what][0] else [])


@pytest.mark.parametrize("what", ACTS)
def test_a_stale_undo_is_refused_with_the_student_as_they_now_are(app, editor, students, act, change, newest, what):
    action, form = undo_form(act(what))
    other = someone(app, "other@school.example", "editor")
    if what == "delete":
        other.send("/students/7/revert/1", {})
    else:
        change(7, name="Ada L.")
    before, changes = students(), newest()
    refused = editor.post(action, form, 409)
    assert refused.heading == "Nothing was undone"
    assert "/students/7/history" in refused.links
    assert what == "delete" or "Ada L." in refused.text
    assert (students(), newest()) == (before, changes)


@pytest.mark.parametrize("what", ACTS)
def test_a_second_click_on_undo_changes_nothing_more(editor, students, act, newest, what):
    action, form = undo_form(act(what))
    editor.post(action, form, 303)
    before, changes = students(), newest()
    assert "Undone" in editor.visit(editor.post(action, form, 303).location).alerts
    assert (students(), newest()) == (before, changes)


def test_undo_is_for_who_did_it_and_for_administrators(app, editor, admin, viewer, students, act):
    action, form = undo_form(act("save"))
    other = someone(app, "other@school.example", "editor")
    for visitor in (other, viewer):
        token = visitor.visit("/students").values["csrf_token"]
        visitor.post(action, form | {"csrf_token": token}, 403)
        assert not any("/undo" in node.get("action") for node in visitor.visit("/students/7/history").all("form"))
        assert not any("/undo" in node.get("action") for node in visitor.visit("/changes").all("form"))
    assert students() == [(7, "Ada Chen", 12, 90.0)]
    for page in ("/students/7/history", "/changes"):
        action, form = undo_form(admin.visit(page))
        assert admin.post(action, form, 303).location.rstrip("?") == page
    assert students() == [(7, "Ada Chen", 12, 90.0)]


def test_a_save_that_changes_nothing_offers_no_undo(editor, add):
    add(7, "Ada Chen", 12, 90.0)
    page = editor.visit(editor.send("/students/7", {**WHOLE, "version": "1"}).location)
    assert "Saved Ada Chen." in page.alerts
    assert "Undo" not in page.alerts


def test_an_erasure_is_never_undone(admin, add, students, newest):
    add(*BEFORE)
    page = admin.visit("/students/7/privacy")
    fields = {name: page.values[name] for name in ("version", "seen")}
    answer = admin.visit(admin.send("/students/7/privacy", fields).location)
    for page in (answer, admin.visit("/students/7/history"), admin.visit("/changes")):
        assert not any("/undo" in form.get("action") for form in page.all("form"))
    token = admin.visit("/students").values["csrf_token"]
    admin.post(f"/changes/{newest()}/undo", {"csrf_token": token}, 404)
    assert students() == []


@pytest.mark.parametrize("leads", ["https://elsewhere.example/", "//elsewhere.example", "/\\elsewhere.example", ""])
def test_undo_leads_nowhere_else(editor, act, leads):
    action, form = undo_form(act("save"))
    assert editor.post(action, form | {"next": leads}, 303).location == "/students/7"


def test_undo_of_an_added_student_on_their_own_page_leads_to_the_history(editor, act):
    page = act("create")
    action, form = undo_form(page)
    assert form["next"].startswith("/students/7")
    assert editor.post(action, form, 303).location == "/students/7/history"


def test_a_form_whose_student_was_undone_adds_another_only_when_sent_again(editor, students):
    form = {"token": "as it was shown", **WHOLE}
    page = editor.visit(editor.send("/students/new", form).location)
    action, undo = undo_form(page)
    editor.post(action, undo, 303)
    again = editor.send("/students/new", form, status=409)
    assert (students(), again.values["name"]) == ([], "Ada Chen")
    editor.send("/students/new", {**form, "token": again.values["token"]})
    assert students() == [(2, "Ada Chen", 12, 90.0)]
