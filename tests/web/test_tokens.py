"""Tokens: made for another system, shown once, and revoked."""

from datetime import timedelta

import pytest
from sqlalchemy import select, update

import accounts
from models import AuditEntry, Token, User, db
from tests.conftest import PASSWORD
from tests.web.conftest import someone

MAKE = {"name": "Timetable", "scopes": ["read", "import"], "days": "90"}

RESETS = (accounts.make_link, accounts.reset_second_factor, accounts.deactivate)


@pytest.fixture
def find(app):
    """Tell what a secret is worth: find(secret) gives the token's scopes and its user's address, or None."""

    def find(secret):
        with app.app_context():
            found = accounts.find_token(secret)
            return found and (found[0].scopes, found[1].email)

    return find


def make(visitor, **changes):
    page = visitor.send("/profile/tokens", MAKE | changes, status=200)
    return next(text for text in page.text.split() if text.startswith("rollbook_"))


def test_a_token_is_shown_once_and_kept_as_a_hash(editor, stored, find):
    secret = make(editor)
    assert find(secret) == (["read", "import"], "editor@school.example")
    page = editor.visit("/profile/tokens")
    assert "Timetable" in page.text
    assert "never" in page.text
    assert secret not in page.html
    ((row,),) = stored(select(Token))
    assert secret not in str(vars(row))
    assert row.until - row.at > timedelta(days=89)


def test_a_token_that_is_revoked_or_has_ended_is_worth_nothing(app, editor, stored, find):
    revoked, ended = make(editor), make(editor)
    first, second = (token.id for (token,) in stored(select(Token).order_by(Token.id)))
    editor.send(f"/profile/tokens/{first}/revoke", page="/profile/tokens")
    assert "Revoked the token" in editor.visit("/profile/tokens").alerts
    with app.app_context():
        db.session.execute(update(Token).where(Token.id == second).values(until=Token.at))
        db.session.commit()
    assert find(revoked) is None
    assert find(ended) is None
    assert "Expired" in editor.visit("/profile/tokens").text


def test_nobody_revokes_or_sees_the_token_of_somebody_else(app, editor, find):
    secret = make(editor, name="Private")
    other = someone(app, "other@school.example", "admin")
    other.send("/profile/tokens/1/revoke", page="/profile/tokens", status=404)
    assert "Private" not in other.visit("/profile/tokens").text
    assert find(secret)


@pytest.mark.parametrize(
    ("field", "sent", "sentence"),
    [
        ("name", "", "Enter what the token is for"),
        ("name", "x" * 101, "at most 100 characters"),
        ("scopes", [], "Choose at least one permission."),
        ("scopes", ["write"], "'write' is not a valid choice"),
        ("days", "9999", "Not a valid choice."),
    ],
)
def test_a_token_that_can_not_be_made_is_refused_beside_the_field(viewer, stored, field, sent, sentence):
    page = viewer.send("/profile/tokens", MAKE | {"scopes": ["read"]} | {field: sent}, status=422)
    assert sentence in page.alerts
    assert stored(select(Token)) == []


def test_who_is_shut_out_has_no_tokens_any_more(app, editor, find):
    secret = make(editor)
    with app.app_context():
        user = db.session.scalars(select(User)).unique().one()
        db.session.execute(update(User).values(active=False))
        db.session.commit()
        assert accounts.find_token(secret) is None
        db.session.execute(update(User).values(active=True))
        db.session.commit()
        accounts.add_user("head@school.example", "admin", "a long password")
        accounts.deactivate(user)
        accounts.activate(user)
    assert find(secret) is None


def test_making_one_asks_once_more_who_it_is(editor, clock, stored):
    clock(minutes=40)
    assert editor.visit("/profile/tokens", status=302).location.startswith("/verify?next=")
    assert stored(select(Token)) == []


@pytest.fixture
def page_of(stored):
    """Give the address of the administrator's page of a user: page_of("editor")."""
    return lambda role: f"/users/{stored(select(User.id).where(User.email == f'{role}@school.example'))[0][0]}"


def test_an_administrator_sees_a_users_tokens_and_revokes_one(admin, editor, find, page_of, stored):
    first, second = make(editor, name="Timetable"), make(editor, name="Library")
    page = page_of("editor")
    shown = admin.visit(page).text
    assert "Timetable" in shown
    assert "Library" in shown
    token_id = min(token_id for (token_id,) in stored(select(Token.id)))
    admin.send(f"{page}/tokens/{token_id}/revoke", page=page)
    assert "The token “Timetable” of editor@school.example is revoked." in admin.visit(page).alerts
    assert find(first) is None
    assert find(second)
    admin.send(f"{page}/tokens/{token_id}/revoke", page=page, status=404)


def test_an_administrator_revokes_all_tokens_of_a_user_and_none_of_others(admin, editor, find, page_of):
    secrets, own = [make(editor), make(editor)], make(admin)
    page = page_of("editor")
    admin.send(f"{page}/tokens/revoke", page=page)
    assert "2 tokens of editor@school.example are revoked." in admin.visit(page).alerts
    assert [find(secret) for secret in secrets] == [None, None]
    assert find(own)


def test_a_token_is_revoked_on_no_other_users_page(admin, editor, find, page_of, stored):
    secret = make(editor)
    token_id = stored(select(Token.id))[0][0]
    admin.send(f"{page_of('admin')}/tokens/{token_id}/revoke", page="/users", status=404)
    assert find(secret)


@pytest.mark.parametrize(
    "reset", [accounts.make_link, accounts.reset_second_factor, accounts.deactivate], ids=lambda act: act.__name__
)
def test_what_an_administrator_resets_ends_the_users_tokens_too(app, admin, editor, find, stored, reset):
    secret, own = make(editor), make(admin)
    with app.app_context():
        reset(accounts.find_by_address("editor@school.example"))
    assert find(secret) is None
    assert find(own)
    revoked = select(AuditEntry.id).where(AuditEntry.act == "token-revoked")
    assert len(stored(revoked)) == 1


def test_ones_own_new_password_leaves_ones_tokens(editor, find):
    secret = make(editor)
    new = "a sentence of their own"
    editor.send("/profile/password", {"current": PASSWORD, "password": new, "again": new}, page="/profile")
    assert find(secret)
