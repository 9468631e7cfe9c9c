"""Signing in and out, and the set-up link of the first start."""

import re
from urllib.parse import urljoin, urlsplit

import pytest
from flask_security import hash_password, verify_password
from sqlalchemy import event, func, select

import accounts
from accounts import setup_token
from app import create_app
from models import Role, User, db
from tests.conftest import PASSWORD, SECRET, settings
from tests.visitor import Visitor

LINK = f"/setup?token={setup_token(SECRET)}"
FIRST = {"name": "Ada Chen", "email": "head@school.example", "password": PASSWORD, "again": PASSWORD}


def test_the_right_password_signs_in_and_signing_out_ends_it(sign_in):
    visitor = sign_in("viewer")
    page = visitor.visit("/")
    assert page.heading == "Dashboard"
    visitor.post("/logout", {"csrf_token": page.values["csrf_token"]}, status=302)
    assert visitor.visit("/", status=302).location.startswith("/login")


def test_signing_in_leads_back_to_the_page_that_was_asked_for(sign_in, client):
    sign_in("viewer")
    login = client.visit("/students?q=ada", status=302).location
    sent = client.send(login, {"email": "viewer@school.example", "password": PASSWORD}, status=302)
    assert sent.location == "/students?q=ada"


@pytest.mark.parametrize(("email", "password"), [("viewer@school.example", "wrong"), ("nobody@school.example", PASSWORD)])
def test_a_wrong_pair_is_refused_in_one_and_the_same_sentence(sign_in, client, email, password):
    sign_in("viewer")
    page = client.send("/login", {"email": email, "password": password}, status=422)
    assert "Incorrect email or password. Try again." in page.text
    assert page.values["email"] == email
    assert page.values["password"] == ""
    assert client.visit("/", status=302)


def test_who_was_shut_out_can_not_sign_in(sign_in, client, app, stored):
    visitor = sign_in("viewer")
    with app.app_context():
        app.extensions["migrate"].db.session.execute(User.__table__.update().values(active=False))
        app.extensions["migrate"].db.session.commit()
    client.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=422)
    visitor.visit("/", status=302)
    assert stored(select(User.active)) == [(False,)]


def test_signing_in_without_the_pages_token_is_refused(sign_in, client):
    sign_in("viewer")
    client.post("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=400)
    client.visit("/", status=302)


def test_signing_out_without_the_pages_token_is_refused(sign_in):
    visitor = sign_in("viewer")
    visitor.post("/logout", {}, status=400)
    visitor.visit("/")


def test_a_link_signs_nobody_out(sign_in):
    visitor = sign_in("viewer")
    visitor.visit("/logout", status=405)
    visitor.visit("/")


def test_passwords_are_kept_as_argon2id_hashes_of_todays_strength(database_url, tmp_path):
    app = create_app(settings(tmp_path / "instance", database_url))
    with app.app_context():
        kept = hash_password(PASSWORD)
        assert verify_password(PASSWORD, kept)
    strength = re.match(r"\$argon2id\$v=19\$m=(\d+),t=(\d+),p=(\d+)\$", kept)
    assert strength
    memory_kib, passes, _ = map(int, strength.groups())
    # OWASP's Password Storage Cheat Sheet: at least 19 MiB and 2 passes.
    assert (memory_kib, passes) >= (19 * 1024, 2)


def test_the_set_up_link_makes_the_first_administrator_and_signs_them_in(client, stored):
    assert client.send(LINK, FIRST).location == "/"
    assert "You are the administrator" in client.visit("/").alerts
    assert stored(select(User.email, User.name, Role.name).join(User.roles)) == [("head@school.example", "Ada Chen", "admin")]
    assert stored(select(User.password))[0][0].startswith("$argon2id$")


def test_the_set_up_link_is_void_as_soon_as_there_is_a_user(sign_in, client, stored):
    page = client.visit(LINK)
    sign_in("viewer")
    assert "Rollbook is set up already" in client.visit(LINK, status=404).text
    assert "/login" in client.post(LINK, FIRST | {"csrf_token": page.values["csrf_token"]}, status=404).links
    assert stored(select(func.count()).select_from(User)) == [(1,)]


@pytest.mark.parametrize("token", ["", "?token=", "?token=wrong", "?token=%C3%A9"])
def test_without_the_right_token_there_is_no_set_up_page(client, token):
    assert "to get the right one" in client.visit(f"/setup{token}", status=404).text


def test_setting_up_without_the_pages_token_makes_nobody(client, stored):
    client.post(LINK, FIRST, status=400)
    assert stored(select(User.id)) == []


BAD = [
    ("name", "head@school.example", "It can’t contain @."),
    ("email", "", "Enter the address that you will sign in with."),
    ("email", "head", "An e-mail address has an @ with something on both sides of it."),
    ("password", "", "Choose a password."),
    ("password", "short", "Password must be between 12 and 128 characters."),
    ("password", "password1234", "This password is easy to guess"),
    ("password", "head@school.example", "This password is easy to guess"),
    ("again", "another one", "The two passwords differ. Type the same one twice."),
]


@pytest.mark.parametrize(("field", "typed", "sentence"), BAD)
def test_bad_input_at_set_up_is_kept_and_its_message_stands_beside_the_field_and_in_a_summary(
    client, stored, field, typed, sentence
):
    page = client.send(LINK, FIRST | {field: typed}, status=422)
    assert sentence in page.problems[field]
    assert sentence in page.alerts
    assert page.values["email"] == (FIRST | {field: typed})["email"]
    assert stored(select(User.id)) == []


@pytest.mark.parametrize(
    "path", ["/register", "/reset", "/change", "/tf-setup", "/us-signin", "/wan-register", "/confirm", "/login/rescue"]
)
def test_nothing_of_the_auth_library_is_open_that_rollbook_does_not_use(client, path):
    client.visit(path, status=404)


def test_two_visitors_do_not_share_who_they_are(sign_in, app):
    sign_in("editor")
    assert Visitor(app).visit("/students/new", status=302)


LIKE_ANY_OTHER = [
    {"email": "nobody@school.example", "password": PASSWORD},
    {"email": "viewer@school.example", "password": "a wrong sentence"},
    {"email": "editor@school.example", "password": PASSWORD},
    {"email": "editor@school.example", "password": "a wrong sentence"},
    {"email": "invited@school.example", "password": "a wrong sentence"},
]


@pytest.fixture
def school(app, sign_in):
    """Has a viewer, an editor who was shut out, and somebody who was only invited."""
    sign_in("viewer")
    sign_in("editor")
    with app.app_context():
        accounts.add_user("head@school.example", "admin", PASSWORD)
        accounts.deactivate(accounts.find_by_address("editor@school.example"))
        accounts.invite("invited@school.example", "viewer")


def test_unknown_wrong_and_shut_out_are_answered_alike(app, school):
    pages = set()
    for data in LIKE_ANY_OTHER:
        page = Visitor(app).send("/login", data, status=422)
        html = page.html.replace(data["email"], "ADDRESS").replace(page.values["csrf_token"], "TOKEN")
        pages.add((html, str(sorted(name for name, _ in page.headers))))
    assert len(pages) == 1


def test_unknown_wrong_and_shut_out_cost_one_hash_and_the_same_queries_each(app, school, monkeypatch):
    costs = [cost(app, data, monkeypatch) for data in LIKE_ANY_OTHER]
    assert {hashes for hashes, _ in costs} == {1}
    assert len({queries for _, queries in costs}) == 1


def cost(app, data, monkeypatch):
    """Count how often a password is hashed, and what the database is asked, while somebody signs in with this."""
    visitor, hashes, queries = Visitor(app), [], []
    token = visitor.visit("/login").values["csrf_token"]
    context = app.extensions["security"].pwd_context
    for name in ("hash", "verify"):
        real = getattr(type(context), name)
        monkeypatch.setattr(type(context), name, counting(real, hashes))
    with app.app_context():
        engine = db.engine
    note = counting_queries(queries)
    event.listen(engine, "before_cursor_execute", note)
    visitor.post("/login", data | {"csrf_token": token}, status=422)
    event.remove(engine, "before_cursor_execute", note)
    monkeypatch.undo()
    return len(hashes), tuple(queries)


def counting(real, calls):
    def counted(*arguments, **options):
        calls.append(real)
        return real(*arguments, **options)

    return counted


def counting_queries(queries):
    return lambda _connection, _cursor, statement, *_: queries.append(statement)


ELSEWHERE = [
    *("https://evil.example", "//evil.example", "///evil.example", "////evil.example", "/\\evil.example", "\\\\evil.example"),
    *("http:evil.example", "http:///evil.example", "javascript:alert(1)", "data:text/html,x", "//evil.example/%2f.."),
    *("/%09/evil.example", "http://localhost@evil.example", "http://localhost.evil.example", " //evil.example"),
    *("\t//evil.example", "/\t/evil.example", "%2F%2Fevil.example"),
]


@pytest.mark.parametrize("place", ["query", "form"])
def test_next_never_leads_out_of_the_site(app, sign_in, place):
    sign_in("viewer")
    for target in ELSEWHERE:
        client, asked = Visitor(app), {"next": target}
        data = {"email": "viewer@school.example", "password": PASSWORD, "csrf_token": client.visit("/login").values["csrf_token"]}
        sent = client.open(
            "/login",
            "POST",
            query_string=asked if place == "query" else {},
            data=data | (asked if place == "form" else {}),
        )
        assert sent.status_code == 302, target
        led_to = urljoin("http://localhost/login", sent.location.replace("\\", "/").lstrip())
        assert urlsplit(led_to).hostname == "localhost", target
