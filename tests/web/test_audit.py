"""The page of the audit log: what is noted, how it is found again, and how it is taken along."""

import csv
import gc
import io

import pytest
from sqlalchemy import select

import audit
from audit import Act
from models import AuditEntry, User, db
from tests.conftest import PASSWORD
from tests.web.conftest import someone
from tests.web.phone import set_up_phone
from web.audit import ENTRIES, WORDS


@pytest.fixture
def noted(stored):
    """Give what was noted: who, what, about what, with which details."""
    columns = (AuditEntry.actor, AuditEntry.act, AuditEntry.about, AuditEntry.details)
    return lambda *acts: [tuple(row) for row in stored(select(*columns).order_by(AuditEntry.id)) if not acts or row[1] in acts]


def test_every_act_has_words():
    assert set(WORDS) == set(Act)


def test_signing_in_and_out_is_noted_and_failures_without_what_was_typed(client, viewer, noted, stored):
    client.send("/login", {"email": "viewer@school.example", "password": "a wrong one"}, status=422)
    client.send("/login", {"email": "mistyped@school.example", "password": "a wrong one"}, status=422)
    viewer.send("/logout", page="/profile", status=302)
    assert noted()[1:] == [
        ("viewer@school.example", "signed-in", None, {"factors": 1}),
        ("viewer@school.example", "sign-in-failed", None, {"secret": "password"}),
        (None, "sign-in-failed", None, {"secret": "password"}),
        ("viewer@school.example", "signed-out", None, {}),
    ]
    kept = str(stored(select(AuditEntry.__table__)))
    assert "a wrong one" not in kept
    assert "mistyped" not in kept
    assert {address for (address,) in stored(select(AuditEntry.address))} == {None, "127.0.0.1"}


def test_what_administrators_do_about_users_is_noted(admin, app, noted):
    someone(app, "editor@school.example", "editor")
    admin.send("/users/2/name", {"name": "Ada Chen"}, page="/users/2")
    admin.send("/users/2/name", {"name": "Ada Chen"}, page="/users/2")
    admin.send("/users/2/role", {"role": "viewer"}, page="/users/2")
    admin.send("/users/2/second-factor", page="/users/2")
    admin.send("/users/2/deactivate", page="/users/2")
    admin.send("/users/2/activate", page="/users/2")
    admin.send("/users/2/link", page="/users/2", status=200)
    admin.send("/users", {"email": "new@school.example", "role": "editor"}, status=200)
    admin.send("/users/second-factor", {"roles": ["admin", "editor"]}, page="/users")
    who, about = "admin@school.example", "editor@school.example"
    assert noted()[4:] == [
        (who, "user-renamed", about, {"name": "Ada Chen"}),
        (who, "role-changed", about, {"before": "editor", "role": "viewer"}),
        (who, "second-factor-reset", about, {}),
        (who, "user-shut-out", about, {}),
        (who, "user-let-in", about, {}),
        (who, "link-made", about, {}),
        (who, "user-invited", "new@school.example", {"role": "editor"}),
        (who, "second-factor-asked", None, {"roles": "admin, editor"}),
    ]


def test_what_people_do_about_their_own_account_is_noted(app, viewer, noted):
    own = "viewer@school.example"
    set_up_phone(app, viewer)
    viewer.send("/profile/recovery-codes", page="/profile/recovery-codes", status=200)
    viewer.send("/profile/sessions/end", page="/profile")
    form = {"current": "not mine", "password": "another long password", "again": "another long password"}
    viewer.send("/profile/password", form, page="/profile", status=422)
    viewer.send("/profile/password", form | {"current": PASSWORD}, page="/profile")
    assert noted()[2:] == [
        (own, "app-set-up", own, {}),
        (own, "recovery-codes-made", own, {}),
        (own, "sessions-ended", own, {"sessions": 0}),
        (own, "not-confirmed", None, {"secret": "password"}),
        (own, "password-changed", own, {}),
        (own, "signed-in", None, {"factors": 2}),
    ]


def test_what_comes_in_and_goes_out_is_noted_with_counts(upload, editor, work, viewer, noted):
    page = upload("id,name,age\n1,Ada,12\n2,Bo,13\nx,Cy,14\n")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    for path in ("/students.csv", "/students.csv?q=ada", "/students.xlsx", "/imports/1/rejected.csv"):
        viewer.open(path).get_data()
    editor.open("/students/bulk/export", "POST", data={"csrf_token": page.values["csrf_token"], "ids": "2"}).get_data()
    viewer.visit("/students/1/history")
    viewer.visit("/students/9/history", status=404)
    editor.send("/imports/1/undo")
    work()
    editor_, viewer_ = "editor@school.example", "viewer@school.example"
    counts = {"kind": "sheet", "inserts": 2, "updates": 0, "deletes": 0}
    assert [entry for entry in noted() if entry[1] not in ("user-added", "signed-in")] == [
        (editor_, "sheet-uploaded", "import 1", {"bytes": 37}),
        (editor_, "import-applied", "import 1", counts | {"conflicts": 0}),
        (viewer_, "students-exported", None, {"rows": 2}),
        (viewer_, "students-exported", None, {"rows": 1}),
        (viewer_, "students-exported", None, {"rows": 2}),
        (viewer_, "rejects-exported", "import 1", {"rows": 1}),
        (editor_, "students-exported", None, {"rows": 1}),
        (viewer_, "history-viewed", "student 1", {}),
        (editor_, "import-undone", "import 1", counts | {"inserts": 0, "deletes": 2, "skipped": 0}),
    ]


def test_tokens_and_cancelled_imports_are_noted_by_whom_they_were_made_and_cancelled(editor, upload, noted):
    token = {"name": "Timetable", "scopes": ["read", "import"], "days": "90"}
    editor.send("/profile/tokens", token, status=200)
    editor.send("/profile/tokens/1/revoke", page="/profile/tokens")
    page = upload("id,name\n1,Ada\n")
    editor.post("/imports/1/cancel", page.values, status=303)
    who = "editor@school.example"
    assert noted("token-made", "token-revoked", "import-cancelled") == [
        (who, "token-made", "token 1", {"scopes": "read, import"}),
        (who, "token-revoked", "token 1", {}),
        (who, "import-cancelled", "import 1", {}),
    ]


def test_an_export_that_is_broken_off_is_noted_all_the_same(viewer, add, noted):
    add(1, "Ada")
    viewer.open("/students.csv").close()
    assert noted("students-exported") == [("viewer@school.example", "students-exported", None, {"rows": 0})]


def test_who_asks_for_the_head_of_an_export_alone_has_taken_nothing_along(viewer, add, noted):
    add(1, "Ada")
    assert viewer.open("/students.csv", "HEAD").get_data() == b""
    gc.collect()  # pytest fails for what complains while it is thrown away
    assert noted("students-exported") == []


def test_entries_are_found_by_who_what_about_what_and_when(admin, add, app):
    add(12, "Ada")
    someone(app, "viewer@school.example", "viewer").visit("/students/12/history")

    def rows(query):
        return [row.text for body in admin.visit(f"/audit?{query}").all("tbody") for row in body.all("tr")]

    assert "Viewed a history" in rows("")[0]
    assert len(rows("who=viewer@school.example")) == 2
    assert len(rows("what=signed-in")) == 2
    assert len(rows("about=student+12")) == 1
    assert len(rows("to=2999-01-01")) == 5
    assert rows("from=2999-01-01") == rows("to=2000-01-01") == []
    assert "/students/12/history" in admin.visit("/audit?about=student+12").links


@pytest.mark.parametrize("query", ["what=nothing", "from=soon", "before=x"])
def test_an_address_that_was_made_up_is_refused_in_plain_words(admin, query):
    admin.visit(f"/audit?{query}", status=400)
    admin.visit(f"/audit.csv?{query}", status=400)


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", "kind: a sheet, added: 1,204, not changed: 1, before: 1 March 2026"),
        ("de", "Art: eine Tabelle, hinzugefügt: 1.204, nicht geändert: 1, vorher: 1. März 2026"),
    ],
)
def test_details_are_told_in_words_and_without_what_there_is_none_of(app, admin, language, told):
    with app.app_context():
        counts = {"inserts": 1204, "updates": 0, "deletes": 0, "skipped": 1}
        audit.add(db.session(), Act.IMPORT_APPLIED, "import 4", kind="sheet", **counts, before="2026-03-01")
        db.session.commit()
    admin.send("/language", {"language": language}, page="/profile")
    row = admin.visit("/audit?what=import-applied").all("tbody")[0].all("tr")[0]
    assert told in row.text


def test_long_logs_come_in_pages(app, admin, session_of_entries):
    seen, page = [], admin.visit("/audit?what=link-made")
    while True:
        seen += [row.text for row in page.all("tbody")[0].all("tr")]
        further = [link for link in page.links if "before=" in link]
        if not further:
            break
        page = admin.visit(further[-1])
    assert len(seen) == len(set(seen)) == ENTRIES + 5


@pytest.fixture
def session_of_entries(app):
    with app.app_context():
        for place in range(ENTRIES + 5):
            audit.add(db.session(), Act.LINK_MADE, f"user{place}@school.example")
        db.session.commit()


def test_the_log_is_taken_along_as_csv_and_that_is_noted(admin, noted):
    answer = admin.open("/audit.csv?what=signed-in")
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True).removeprefix("\ufeff"))))
    assert rows[0] == ["when", "who", "what", "about", "details", "from", "request"]
    assert [row[1:6] for row in rows[1:]] == [["admin@school.example", "signed-in", "", "factors=1", "127.0.0.1"]]
    assert noted("audit-exported") == [("admin@school.example", "audit-exported", None, {"rows": 1})]


def test_users_lead_to_the_log(admin, stored):
    assert "/audit" in admin.visit("/users").links
    assert stored(select(User.email)) == [("admin@school.example",)]
