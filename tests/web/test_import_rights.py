"""A worker asks again whether whoever wants a step done may have it: minutes may have passed since they clicked."""

import pytest
from sqlalchemy import select

import accounts
from models import Change, User, db
from tests.web.conftest import newest_import, sheet_file, someone

SENTENCE = "the user who asked for this no longer has permission"


@pytest.fixture
def loses(app):
    """Have a user lose their rights: loses("editor", role="viewer"), or be shut out."""

    def loses(name, role=None):
        with app.app_context():
            user = db.session.scalars(select(User).where(User.email == f"{name}@school.example")).unique().one()
            accounts.change_role(user, role) if role else accounts.deactivate(user)

    return loses


@pytest.fixture
def other_admin(app):
    return someone(app, "other@school.example", "admin")


@pytest.mark.usefixtures("other_admin")
@pytest.mark.parametrize("role", ["viewer", None])
def test_an_import_is_not_applied_for_somebody_who_may_not_any_more(upload, editor, viewer, loses, work, students, stored, role):
    page = upload("id,name\n1,Ada\n")
    editor.post("/imports/1/apply", page.values, status=303)
    loses("editor", role)
    work()
    assert students() == []
    assert stored(select(Change.id)) == []
    assert stored(newest_import())[0][0].state == "ready"  # for somebody who may apply it
    assert SENTENCE in viewer.visit("/imports/1").text


@pytest.mark.usefixtures("other_admin")
def test_a_sheet_is_not_read_for_somebody_who_was_shut_out(editor, loses, work, stored):
    editor.send("/imports/new", {"file": sheet_file("id,name\n1,Ada\n")})
    loses("editor")
    work()
    failed = stored(newest_import())[0][0]
    assert failed.state == "failed"
    assert SENTENCE in str(failed.failure)


@pytest.mark.usefixtures("other_admin")
def test_anothers_import_is_not_undone_for_who_is_no_administrator_any_more(upload, editor, admin, loses, work, students, stored):
    page = upload("id,name\n1,Ada\n")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    admin.send("/imports/1/undo")
    loses("admin", "editor")
    work()
    assert [name for _, name, _, _ in students()] == ["Ada"]
    kept = stored(newest_import())[0][0]
    assert kept.state == "applied"
    assert SENTENCE in str(kept.failure)


def test_commands_and_people_who_kept_their_role_are_served(app, upload, editor, work, students):
    page = upload("id,name\n1,Ada\n")
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    editor.send("/imports/1/undo")
    work()
    assert students() == []
    with app.app_context():
        assert accounts.allowed("flask import", "admin")
        assert not accounts.allowed("nobody@school.example", "editor")
