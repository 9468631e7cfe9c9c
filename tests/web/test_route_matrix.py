"""Who may open what: every address and method of the app, walked as everybody, against one table."""

from pathlib import Path

import pytest
from sqlalchemy import select, update

import accounts
from app import create_app
from models import Base, User, db
from tests.conftest import settings
from tests.machine import Machine, machine_of
from web.limits import LONGEST_QUERY, MOST_FIELDS

NOBODY, ADMIN, EDITOR, VIEWER, USER, ANYBODY = "nobody", "admin", "editor", "viewer", "user", "anybody"
# From the lowest; each may do what those before it may.
ACTORS = (ANYBODY, USER, VIEWER, EDITOR, ADMIN, NOBODY)

# The lowest that may, by method and address. "user" is everybody who is signed in.
TABLE = {
    ("GET", "/static/app.css"): ANYBODY,
    ("GET", "/healthz"): ANYBODY,
    ("GET", "/readyz"): ANYBODY,
    ("GET", "/metrics"): ANYBODY,
    ("GET", "/setup"): ANYBODY,
    ("POST", "/setup"): ANYBODY,
    ("GET", "/join"): ANYBODY,
    ("POST", "/join"): ANYBODY,
    ("GET", "/login"): ANYBODY,
    ("POST", "/login"): ANYBODY,
    ("POST", "/language"): ANYBODY,
    ("GET", "/login/code"): ANYBODY,
    ("POST", "/login/code"): ANYBODY,
    ("GET", "/login/second-factor"): ANYBODY,
    ("POST", "/login/second-factor"): ANYBODY,
    ("GET", "/login/recovery"): ANYBODY,
    ("POST", "/login/recovery"): ANYBODY,
    ("GET", "/login/passkey"): ANYBODY,
    ("POST", "/login/passkey"): ANYBODY,
    ("POST", "/login/passkey/token"): ANYBODY,
    ("GET", "/login/rescue"): NOBODY,
    ("POST", "/login/rescue"): NOBODY,
    ("GET", "/signed-in"): USER,
    ("GET", "/verify"): USER,
    ("POST", "/verify"): USER,
    ("GET", "/verify/passkey"): USER,
    ("POST", "/verify/passkey"): USER,
    ("POST", "/verify/passkey/token"): USER,
    ("GET", "/profile"): USER,
    ("POST", "/profile/name"): VIEWER,
    ("POST", "/profile/password"): USER,
    ("POST", "/profile/sessions/99/end"): USER,
    ("POST", "/profile/sessions/end"): USER,
    ("GET", "/profile/second-factor"): USER,
    ("GET", "/profile/authenticator"): USER,
    ("POST", "/profile/authenticator"): USER,
    ("POST", "/profile/authenticator/token"): USER,
    ("GET", "/profile/recovery-codes"): USER,
    ("POST", "/profile/recovery-codes"): USER,
    ("GET", "/profile/passkeys"): USER,
    ("POST", "/profile/passkeys"): USER,
    ("POST", "/profile/passkeys/token"): USER,
    ("GET", "/profile/tokens"): VIEWER,
    ("POST", "/profile/tokens"): VIEWER,
    ("POST", "/profile/tokens/99/revoke"): VIEWER,
    ("GET", "/profile/passkeys/delete"): USER,
    ("POST", "/profile/passkeys/delete"): USER,
    ("GET", "/"): VIEWER,
    ("GET", "/styleguide"): NOBODY,
    ("GET", "/start/sample.csv"): EDITOR,
    ("GET", "/start/template.csv"): EDITOR,
    ("GET", "/start/template.xlsx"): EDITOR,
    ("POST", "/start/students"): EDITOR,
    ("GET", "/students"): VIEWER,
    ("GET", "/students/7"): VIEWER,
    ("GET", "/students/new"): EDITOR,
    ("POST", "/students/new"): EDITOR,
    ("POST", "/students/7"): EDITOR,
    ("GET", "/students/7/delete"): EDITOR,
    ("POST", "/students/7/delete"): EDITOR,
    ("GET", "/students/7/version"): VIEWER,
    ("GET", "/students/7/history"): VIEWER,
    ("POST", "/students/7/cell"): EDITOR,
    ("GET", "/students/7/revert/1"): EDITOR,
    ("POST", "/students/7/revert/1"): EDITOR,
    ("GET", "/students/7/merge"): EDITOR,
    ("GET", "/students/7/merge/9"): EDITOR,
    ("POST", "/students/7/merge/9"): ADMIN,
    ("POST", "/students/7/merge/9/distinct"): EDITOR,
    ("GET", "/students/7/privacy"): ADMIN,
    ("POST", "/students/7/privacy"): ADMIN,
    ("GET", "/students/7/privacy.json"): ADMIN,
    ("GET", "/students/7/privacy.csv"): ADMIN,
    ("GET", "/students.csv"): VIEWER,
    ("GET", "/students.xlsx"): VIEWER,
    ("POST", "/students/bulk"): EDITOR,
    ("POST", "/students/bulk/set"): EDITOR,
    ("POST", "/students/bulk/export"): VIEWER,
    ("POST", "/students/bulk/delete"): ADMIN,
    ("GET", "/changes"): VIEWER,
    ("POST", "/changes/1/undo"): EDITOR,
    ("GET", "/students/views"): VIEWER,
    ("POST", "/students/views"): VIEWER,
    ("POST", "/students/views/1"): VIEWER,
    ("POST", "/students/views/1/delete"): VIEWER,
    ("GET", "/imports"): VIEWER,
    ("GET", "/imports/1"): VIEWER,
    ("GET", "/imports/1/progress"): VIEWER,
    ("GET", "/imports/1/missing"): VIEWER,
    ("GET", "/imports/1/rejected.csv"): VIEWER,
    ("GET", "/imports/new"): EDITOR,
    ("POST", "/imports/new"): EDITOR,
    ("GET", "/imports/1/columns"): EDITOR,
    ("POST", "/imports/1/columns"): EDITOR,
    ("POST", "/imports/1/answers"): EDITOR,
    ("POST", "/imports/1/rows"): EDITOR,
    ("POST", "/imports/1/rows/2"): EDITOR,
    ("POST", "/imports/1/apply"): EDITOR,
    ("POST", "/imports/1/confirm"): EDITOR,
    ("POST", "/imports/1/rest"): EDITOR,
    ("POST", "/imports/1/choose"): EDITOR,
    ("POST", "/imports/1/cancel"): EDITOR,
    ("GET", "/imports/1/undo"): EDITOR,
    ("POST", "/imports/1/undo"): EDITOR,
    ("GET", "/audit"): ADMIN,
    ("GET", "/audit.csv"): ADMIN,
    ("GET", "/users"): ADMIN,
    ("POST", "/users"): ADMIN,
    ("POST", "/users/second-factor"): ADMIN,
    ("POST", "/users/time-zone"): ADMIN,
    ("GET", "/users/1"): ADMIN,
    ("POST", "/users/1/name"): ADMIN,
    ("POST", "/users/1/role"): ADMIN,
    ("POST", "/users/1/link"): ADMIN,
    ("POST", "/users/1/second-factor"): ADMIN,
    ("POST", "/users/1/tokens/99/revoke"): ADMIN,
    ("POST", "/users/1/tokens/revoke"): ADMIN,
    ("POST", "/users/1/activate"): ADMIN,
    ("POST", "/users/1/deactivate"): ADMIN,
    ("POST", "/logout"): ANYBODY,
    ("GET", "/api/v1/openapi.json"): ANYBODY,
    ("GET", "/api/v1/students"): VIEWER,
    ("GET", "/api/v1/students/7"): VIEWER,
    ("PUT", "/api/v1/students/7"): EDITOR,
    ("POST", "/api/v1/imports"): EDITOR,
    ("GET", "/api/v1/imports/1"): VIEWER,
    ("POST", "/api/v1/imports/1/apply"): EDITOR,
    ("POST", "/api/v1/imports/1/answers"): EDITOR,
    ("POST", "/api/v1/imports/1/confirm"): EDITOR,
    ("POST", "/api/v1/imports/1/rest"): EDITOR,
    ("POST", "/api/v1/imports/1/choose"): EDITOR,
    ("POST", "/api/v1/imports/99/undo"): EDITOR,
}
# There a token of the actor's takes the place of the cookie.
API = "/api/v1"
# What a request that gets through would write.
FORM = {"name": "Mallory", "version": "1", "email": "mallory@school.example", "role": "admin", "setup": "authenticator"}


@pytest.fixture
def world(app, upload, editor, sign_in, client):
    """A school with an import by its editor, and visitors of each kind; the editor is user 1."""
    upload("id,name\n7,Ada\n8,\n")
    visitors = {ANYBODY: client, EDITOR: editor, VIEWER: sign_in("viewer"), ADMIN: sign_in("admin")}
    for actor in (VIEWER, EDITOR, ADMIN):
        visitors[actor].machine = machine_of(app, actor)
        visitors[actor].machine.ask("GET", "/openapi.json")  # from now on the database need not count its requests for a while
    client.machine = Machine(app, None)
    return visitors


@pytest.fixture
def everything(app):
    """Give all that is stored, in the database and among the uploads."""

    def everything():
        with app.app_context():
            rows = {table.name: db.session.execute(select(table)).all() for table in Base.metadata.sorted_tables}
        return rows, {path.name: path.read_bytes() for path in Path(app.config["UPLOADS"]).rglob("*") if path.is_file()}

    return everything


@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_address_and_method_of_the_app_stands_in_the_table(app):
    adapter = app.url_map.bind("")
    listed = {(method, adapter.match(path, method)[0]) for method, path in TABLE}
    known = {(method, rule.endpoint) for rule in app.url_map.iter_rules() for method in rule.methods - {"HEAD", "OPTIONS"}}
    assert known == listed


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_page_without_a_rule_does_not_start_the_app(database_url, tmp_path, monkeypatch):
    from flask import Blueprint

    forgotten = Blueprint("forgotten", __name__)
    forgotten.get("/forgotten")(lambda: "open to everybody")
    monkeypatch.setattr("app.PAGES", (*__import__("app").PAGES, forgotten))
    with pytest.raises(RuntimeError, match=r"No rule says who may open: forgotten\."):
        create_app(settings(tmp_path / "instance", database_url))


@pytest.mark.parametrize("actor", [ANYBODY, VIEWER, EDITOR, ADMIN])
def test_what_is_refused_changes_nothing(world, everything, actor):
    visitor = world[actor]
    token = token_of(visitor)
    before = everything()
    for (method, path), lowest in TABLE.items():
        if ACTORS.index(lowest) > ACTORS.index(actor):
            for each in with_head(method):
                assert_refused(ask(visitor, each, path, token), actor, lowest)
    assert everything() == before


@pytest.mark.parametrize("shut_out", ["by an administrator", "in the database alone"])
def test_who_is_shut_out_is_refused_everything_at_once(app, world, everything, shut_out):
    visitor = world[ADMIN]
    token = token_of(visitor)
    with app.app_context():
        accounts.add_user("other@school.example", "admin", "a long password")
        user = db.session.scalars(select(User).where(User.email == "admin@school.example")).unique().one()
        if shut_out == "by an administrator":
            accounts.deactivate(user)
        else:
            db.session.execute(update(User).where(User.id == user.id).values(active=False))
            db.session.commit()
    before = everything()
    for (method, path), lowest in TABLE.items():
        if lowest != ANYBODY:
            for each in with_head(method):
                assert_refused(ask(visitor, each, path, token), ANYBODY, lowest)
    assert everything() == before


@pytest.mark.parametrize("actor", [ANYBODY, VIEWER, EDITOR, ADMIN])
def test_what_is_allowed_is_answered(world, actor):
    visitor = world[actor]
    token = token_of(visitor)
    for (method, path), lowest in TABLE.items():
        if ACTORS.index(lowest) <= ACTORS.index(actor) and path != "/logout":
            response = ask(visitor, method, path, token)
            assert b"This page had expired" not in response.data
            assert not is_refused(response), f"{actor} may {method} {path}, but got {response.status}"
            assert response.status_code < 500


def test_what_is_more_than_a_request_may_bring_is_refused_and_changes_nothing(world, everything):
    visitor = world[ADMIN]
    token = token_of(visitor)
    before = everything()
    for method, path in TABLE:
        for what, (status, arguments) in too_much(token).items():
            if method == "POST" or what == "a long address":
                with visitor.open(path, method, **arguments) as response:
                    asked = f"{method} {path} with {what} got {response.status}"
                    assert response.status_code == status, asked
                    assert "at most" in response.text.lower(), asked
    assert everything() == before


def test_what_comes_without_a_form_token_is_refused_and_changes_nothing(world, everything):
    visitor = world[ADMIN]
    before = everything()
    for method, path in TABLE:
        if method == "POST":
            with visitor.open(path, method, data=FORM) as response:
                assert 400 <= response.status_code < 500, f"{method} {path} got {response.status}"
    assert everything() == before


def too_much(token):
    """Give requests beyond each limit: the status that they have to get, and what they bring."""
    parts = "".join(f'--x\r\nContent-Disposition: form-data; name="f{place}"\r\n\r\n1\r\n' for place in range(MOST_FIELDS + 1))
    several, plain = "multipart/form-data; boundary=x", "application/x-www-form-urlencoded"
    bodies = {
        "a large body": ("x" * 1_048_577, "text/csv"),
        "a large form": (f"name={'x' * 1_048_577}", plain),
        "many fields": ("&".join(["name=x"] * (MOST_FIELDS + 1)), plain),
        "many parts": (f"{parts}--x--\r\n", several),
    }
    headers = {"X-CSRFToken": token}
    requests = {what: (413, {"data": body, "content_type": kind, "headers": headers}) for what, (body, kind) in bodies.items()}
    return {"a long address": (414, {"query_string": "q=" + "x" * LONGEST_QUERY}), **requests}


def token_of(visitor):
    opened = visitor.open("/students")
    return visitor.visit("/students" if opened.status_code == 200 else "/login").values["csrf_token"]


def ask(visitor, method, path, token):
    if path.startswith(API):
        sent = {"json": {"name": "Mallory"}, "headers": {"If-None-Match": "*"}} if method == "PUT" else {}
        return visitor.machine.ask(method, path.removeprefix(API), **sent)
    with visitor.open(path, method, data=FORM | {"csrf_token": token} if method == "POST" else None) as response:
        assert response.data is not None  # read it before it is closed
        return response


def with_head(method):
    return ("GET", "HEAD") if method == "GET" else (method,)


def is_refused(response):
    return response.status_code in (401, 403) or (response.location or "").startswith("/login?next=")


def assert_refused(response, actor, lowest):
    asked = f"{actor}: {response.request.method} {response.request.path} got {response.status}"
    if lowest == NOBODY:
        assert response.status_code == 404, asked
    elif actor == ANYBODY and response.request.path.startswith(API):
        assert response.status_code == 401, asked
    elif actor == ANYBODY:
        assert response.status_code == 302, asked
        assert response.location.startswith("/login?next="), asked
    else:
        assert response.status_code == 403, asked
