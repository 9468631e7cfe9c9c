"""What other systems read and write, student by student."""

from datetime import timedelta

import pytest
from sqlalchemy import delete, select, update

import accounts
import web.bearer
from merge import listing, record
from models import Change, Role, Token, User, db, now
from tests.machine import Machine, machine_of


@pytest.fixture
def machine(app):
    return machine_of(app)


def assert_problem(response, status, *words):
    assert response.status_code == status, response.text
    assert response.mimetype == "application/problem+json"
    told = response.json
    assert {"type", "title", "status", "detail"} <= told.keys()
    assert told["status"] == status
    assert told["title"]
    for word in words:
        assert word in told["detail"], told
    assert "Set-Cookie" not in response.headers
    return told


def test_the_list_is_the_pages_list_with_its_filters_sorts_and_cursors(machine, add):
    for number in range(1, 8):
        add(number, f"Student {number}", age=10 + number, score=number * 1.5)
    page = machine.ask("GET", "/students?sort=-age&per_page=3&min_age=12", 200).json
    assert [student["id"] for student in page["students"]] == [7, 6, 5]
    assert page["students"][0] == {"id": 7, "name": "Student 7", "age": 17, "score": 10.5, "version": 1}
    assert page["count"] == {"number": 6, "kind": "exactly"}
    assert page["before"] is None
    second = machine.ask("GET", f"/students?sort=-age&per_page=3&min_age=12&after={page['after']}", 200).json
    assert [student["id"] for student in second["students"]] == [4, 3, 2]
    assert second["after"] is None
    back = machine.ask("GET", f"/students?sort=-age&per_page=3&min_age=12&before={second['before']}", 200).json
    assert back["students"] == page["students"]


@pytest.mark.parametrize(
    "query",
    ["sort=height", "per_page=0", "after=x", "min_age=old", "mim_age=3", "min_age=", "min_age=1&min_age=2", "blank_age=perhaps"],
)
def test_what_no_list_has_is_a_problem_and_not_another_list(machine, query):
    assert_problem(machine.ask("GET", f"/students?{query}"), 400)


def test_a_student_is_tagged_with_its_version(machine, add, change):
    add(7, "Ada", age=12)
    first = machine.ask("GET", "/students/7", 200)
    assert first.json == {"id": 7, "name": "Ada", "age": 12, "score": None, "version": 1}
    assert first.headers["ETag"] == '"1"'
    machine.ask("GET", "/students/7", 304, headers={"If-None-Match": '"1"'})
    change(7, age=13)
    assert machine.ask("GET", "/students/7", 200, headers={"If-None-Match": '"1"'}).headers["ETag"] == '"2"'
    assert_problem(machine.ask("GET", "/students/8"), 404)


def put(machine, student_id, sent, status=None, **headers):
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return machine.ask("PUT", f"/students/{student_id}", status, json=sent, headers=named)


def test_a_student_is_made_changed_and_never_overwritten_unseen(machine, stored, students):
    made = put(machine, 7, {"name": "  Ada   Lovelace ", "age": 12, "score": 88.5}, 201, If_None_Match="*")
    assert made.headers["Location"] == "/api/v1/students/7"
    assert made.headers["ETag"] == '"1"'
    changed = put(machine, 7, {"name": "Ada Lovelace", "age": None}, 200, If_Match='"1"')
    assert changed.json == {"id": 7, "name": "Ada Lovelace", "age": None, "score": 88.5, "version": 2}
    told = assert_problem(put(machine, 7, {"name": "Eve"}, If_Match='"1"'), 412, "version 2")
    assert told["current"] == changed.json
    told = assert_problem(put(machine, 7, {"name": "Eve"}, If_None_Match="*"), 412)
    assert told["current"]["version"] == 2
    told = assert_problem(put(machine, 8, {"name": "Eve"}, If_Match='"1"'), 412, "no such student")
    assert told["current"] is None
    assert students() == [(7, "Ada Lovelace", None, 88.5)]
    assert stored(select(Change.actor, Change.reason)) == [("editor@school.example", "api")] * 2


@pytest.mark.parametrize("language", ["de", "es", "en"])
def test_a_number_is_the_same_in_every_language(machine, students, language):
    headers = {"If-None-Match": "*", "Accept-Language": language}
    machine.ask("PUT", "/students/7", 201, json={"name": "Ada", "score": 88.5}, headers=headers)
    assert students() == [(7, "Ada", None, 88.5)]
    listed = machine.ask("GET", "/students?min_score=88.5&max_score=88.5", 200, headers={"Accept-Language": language}).json
    assert listed["students"][0]["score"] == 88.5


def test_a_tag_that_was_made_weak_on_the_way_still_names_its_version(machine, add):
    add(7, "Ada")
    put(machine, 7, {"name": "Ada L."}, 200, If_Match='W/"1"')


def test_what_is_equal_already_gets_no_new_version(machine, add):
    add(7, "Ada", age=12)
    assert put(machine, 7, {"name": "Ada", "age": 12}, 200, If_Match='"1"').headers["ETag"] == '"1"'


def test_who_was_deleted_comes_back_as_a_next_version(app, machine, add):
    add(7, "Ada")
    with app.app_context():
        record.remove(db.session(), 7, version=1, actor="test", reason="form")
    assert_problem(put(machine, 7, {"name": "Ada"}, If_Match='"1"'), 412)
    answer = put(machine, 7, {"name": "Bo"}, If_None_Match="*")
    assert_problem(answer, 409)
    assert (answer.json["deleted"]["name"], answer.headers["ETag"]) == ("Ada", '"2"')
    assert put(machine, 7, {"name": "Ada"}, 201, If_Match=answer.headers["ETag"]).headers["ETag"] == '"3"'


@pytest.mark.parametrize("headers", [{}, {"If_Match": "*"}, {"If_Match": '"1"', "If_None_Match": "*"}, {"If_None_Match": '"1"'}])
def test_a_write_that_names_no_version_is_asked_for_one(machine, add, students, headers):
    add(7, "Ada")
    assert_problem(put(machine, 7, {"name": "Eve"}, **headers), 428)
    assert students() == [(7, "Ada", None, None)]


BAD = [
    ({"name": ""}, 422, "name"),
    ({"name": None}, 422, "name"),
    ({}, 422, "name"),
    ({"name": "\u202egoat"}, 422, "name"),
    ({"name": "\ud800"}, 422, "name"),
    ({"name": "x" * 201}, 422, "name"),
    ({"name": 7}, 422, "name"),
    ({"name": "Ada", "age": "12"}, 422, "age"),
    ({"name": "Ada", "age": True}, 422, "age"),
    ({"name": "Ada", "age": 12.5}, 422, "age"),
    ({"name": "Ada", "age": 151}, 422, "age"),
    ({"name": "Ada", "score": float("nan")}, 422, "score"),
    ({"name": "Ada", "score": 1e300}, 422, "score"),
    ({"name": "Ada", "height": 3}, 400, None),
    ({"name": "Ada", "id": 8}, 400, None),
    ([], 400, None),
]


@pytest.mark.parametrize(("sent", "status", "field"), BAD, ids=str)
def test_what_a_column_can_not_take_is_named_and_nothing_is_written(machine, students, sent, status, field):
    told = assert_problem(put(machine, 7, sent, If_None_Match="*"), status)
    assert [error["field"] for error in told.get("errors", [])] == ([field] if field else [])
    assert students() == []


@pytest.mark.parametrize("student_id", [0, 10**15])
def test_an_id_that_no_spreadsheet_could_keep_is_refused(machine, students, student_id):
    told = assert_problem(put(machine, student_id, {"name": "Ada"}, If_None_Match="*"), 422)
    assert told["errors"][0]["field"] == "id"
    assert students() == []


def test_what_is_no_json_is_a_problem(machine):
    headers = {"If-None-Match": "*", "Content-Type": "application/json"}
    for body in (b"{", b"[" * 100_000, b'{"name": 1' + b"0" * 5_000 + b"}", b"\xff"):
        assert_problem(machine.ask("PUT", "/students/7", data=body, headers=headers), 400)
    assert_problem(machine.ask("PUT", "/students/7", data={"name": "Ada"}, headers={"If-None-Match": "*"}), 415)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("GET", "/nowhere", 404),
        ("DELETE", "/students/7", 405),
        ("GET", "/imports/8", 404),
        ("GET", "/students/999999999999999999999", 404),
    ],
)
def test_whatever_is_refused_under_the_api_is_a_problem(machine, method, path, status):
    response = machine.ask(method, path)
    assert_problem(response, status)
    assert ("Allow" in response.headers) == (status == 405)


def test_a_fault_of_ours_is_a_problem_without_its_inside(machine, monkeypatch):
    def fail(*_):
        raise RuntimeError("inside")

    monkeypatch.setattr(listing, "page_and_count", fail)
    assert "inside" not in assert_problem(machine.ask("GET", "/students"), 500)["detail"]


def test_a_body_that_is_too_large_is_a_problem(machine):
    assert_problem(machine.ask("PUT", "/students/7", data=b" " * 2_000_000, headers={"Content-Type": "application/json"}), 413)


def test_a_problem_is_told_in_the_language_that_is_asked_for(machine):
    told = assert_problem(machine.ask("GET", "/students/7", headers={"Accept-Language": "tlh"}), 404)
    assert told["title"] == "There is nothing here"


# Who gets in

RIGHTS = [
    ("GET", "/students", {"read"}),
    ("GET", "/students/7", {"read"}),
    ("PUT", "/students/7", {"write"}),
    ("POST", "/imports", {"import"}),
    ("GET", "/imports/1", {"read", "import"}),
    ("POST", "/imports/1/answers", {"import"}),
    ("POST", "/imports/1/apply", {"import"}),
    ("POST", "/imports/1/confirm", {"import"}),
    ("POST", "/imports/1/choose", {"import"}),
    ("POST", "/imports/1/rest", {"import"}),
    ("POST", "/imports/1/undo", {"import"}),
]


def test_every_address_of_the_api_stands_among_the_rights(app):
    adapter = app.url_map.bind("")
    listed = {(method, adapter.match(f"/api/v1{path}", method)[0]) for method, path, _ in RIGHTS}
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/api/") and rule.endpoint != "api.openapi"]
    assert listed == {(method, rule.endpoint) for rule in rules for method in rule.methods - {"HEAD", "OPTIONS"}}


@pytest.mark.parametrize("scope", ["read", "write", "import"])
def test_a_token_opens_what_its_scope_names_and_nothing_else(app, add, students, scope):
    add(7, "Ada")
    machine = machine_of(app, "editor", (scope,))
    for method, path, scopes in RIGHTS:
        response = machine.ask(method, path)
        if scope in scopes:
            assert response.status_code not in (401, 403), f"{scope}: {method} {path}"
        else:
            assert_problem(response, 403)
    assert students() == [(7, "Ada", None, None)]


def test_a_role_that_was_lowered_takes_the_scope_along(app):
    machine = machine_of(app)
    with app.app_context():
        viewer = db.session.scalars(select(Role).where(Role.name == "viewer")).one()
        db.session.scalars(select(User)).unique().one().roles = [viewer]
        db.session.commit()
    for method, path, scopes in RIGHTS:
        assert (machine.ask(method, path).status_code == 403) == ("read" not in scopes)


def without_token(app, _machine):
    return Machine(app, None)


def with_another(app, machine):
    return Machine(app, machine.secret[:-1])


def with_one_that_ended(app, machine):
    return changed(app, machine, update(Token).values(until=now() - timedelta(seconds=1)))


def with_a_revoked_one(app, machine):
    return changed(app, machine, delete(Token))


def of_who_is_shut_out(app, machine):
    return changed(app, machine, update(User).values(active=False))


def changed(app, machine, statement):
    with app.app_context():
        db.session.execute(statement)
        db.session.commit()
    return machine


@pytest.mark.parametrize("kind", [without_token, with_another, with_one_that_ended, with_a_revoked_one, of_who_is_shut_out])
def test_nobody_gets_in_without_a_token_that_is_in_force(app, machine, add, students, kind):
    add(7, "Ada")
    nobody = kind(app, machine)
    for method, path, _ in RIGHTS:
        response = nobody.ask(method, path, headers={"If-Match": '"1"'}, **({"json": {"name": "Eve"}} if method == "PUT" else {}))
        assert_problem(response, 401)
        assert response.headers["WWW-Authenticate"].startswith("Bearer")
    assert students() == [(7, "Ada", None, None)]


def test_a_cookie_lets_nobody_in_and_a_token_opens_no_page(admin, machine):
    assert_problem(admin.open("/api/v1/students"), 401)
    response = admin.open("/api/v1/students/7", "PUT", json={"name": "Eve"}, headers={"If-None-Match": "*"})
    assert_problem(response, 401)
    assert "Set-Cookie" not in response.headers
    admin.visit("/students")
    assert machine._app.test_client().get("/students", headers={"Authorization": f"Bearer {machine.secret}"}).status_code == 302


def test_a_second_factor_that_the_role_needs_by_now_is_missing(app, machine):
    with app.app_context():
        accounts.require_second_factor(["editor"])
    assert_problem(machine.ask("GET", "/students"), 403, "requires two-step verification")


def test_a_token_has_so_many_requests_a_minute_in_all_processes_together(app, machine, monkeypatch, stored):
    monkeypatch.setattr(web.bearer, "PER_MINUTE", 4)
    monkeypatch.setattr(web.bearer, "GRANTED", 2)
    for _ in range(3):
        machine.ask("GET", "/students", 200)
    app.extensions["allowance"] = web.bearer.Allowance()
    response = machine.ask("GET", "/students")
    assert_problem(response, 429)
    assert 1 <= int(response.headers["Retry-After"]) <= 60
    assert stored(select(Token.used_at))[0][0] is not None
    monkeypatch.setattr(web.bearer, "now", lambda: now() + timedelta(minutes=2))
    machine.ask("GET", "/students", 200)
