"""A page has one parser: forms go to pages, JSON objects to the API, and whatever else there is, nowhere."""

import json
import re

import pytest
from sqlalchemy import func, select

from models import AuditEntry, Throttle
from tests.attack.school import email_of
from tests.conftest import PASSWORD

DEEP = 5_000
NO_OBJECTS = {
    "a number": b"5",
    "a list": b"[]",
    "a text": b'"x"',
    "nothing": b"null",
    "NaN": b"NaN",
    "many digits": b"9" * 5_000,
    "deep lists": b"[" * DEEP + b"]" * DEEP,
    "deep objects": b'{"a":' * DEEP + b"1" + b"}" * DEEP,
    "half a list": b"[" * DEEP,
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
}
KINDS = ("application/json", "application/vnd.api+json", "Application/JSON; charset=utf-8")


@pytest.fixture(scope="module")
def addresses(school):
    """Give each method and address that there is, with numbers in place of what varies."""
    rules = school.app.url_map.iter_rules()
    return [(method, re.sub("<[^>]+>", "1", rule.rule)) for rule in rules for method in sorted(rule.methods or ())]


@pytest.mark.parametrize("name", NO_OBJECTS)
def test_json_that_is_no_object_is_refused_at_every_address(school, addresses, name):
    somebody = school.stranger()
    for number, (method, path) in enumerate(addresses):
        kind = {"Content-Type": KINDS[number % len(KINDS)]}
        answer = somebody.ask(method, path, NO_OBJECTS[name], kind)
        takes_json = path.startswith("/api/") and path != "/api/v1/imports"
        assert answer.status == (400 if takes_json else 415), (method, path)


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "text/json", "application/xml", "", "x"])
def test_page_that_is_sent_no_form_does_nothing(school, addresses, kind):
    before = school.everything()
    admin = school.member("admin")
    body = json.dumps({"csrf_token": admin.token(), "name": "Eve", "email": "eve@school.example", "role": "admin"}).encode()
    for method, path in addresses:
        if not path.startswith("/api/"):
            answer = admin.ask(method, path, body, {"Content-Type": kind, "Accept": "application/json"})
            assert answer.status == 415, (method, path)
    assert school.everything() == before


@pytest.mark.parametrize(
    "path", ["/login", "/login?include_auth_token", "/verify", "/login/code", "/login/recovery", "/login/passkey"]
)
def test_guess_in_json_is_refused_however_often_and_right_it_is(school, path):
    somebody = school.stranger()
    body = {"email": email_of("viewer"), "password": PASSWORD, "code": "123456", "credential": "{}"}
    counted = school.stored(select(func.count()).select_from(Throttle))
    noted = school.stored(select(func.count()).select_from(AuditEntry))
    for _ in range(12):
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        assert somebody.ask("POST", path, json.dumps(body).encode(), headers).status == 415
    assert not somebody.is_signed_in()
    assert school.stored(select(func.count()).select_from(Throttle)) == counted
    assert school.stored(select(func.count()).select_from(AuditEntry)) == noted


@pytest.mark.parametrize(
    "credential", [*(body.decode("utf-8", "replace") for body in NO_OBJECTS.values()), '{"id":"x","evil":1}', "{}"]
)
@pytest.mark.parametrize("path", ["/login/passkey", "/verify/passkey"])
def test_passkey_that_is_no_object_of_known_keys_is_refused_on_the_page(school, path, credential):
    somebody = school.newcomer("viewer") if path.startswith("/verify") else school.stranger()  # each with tries of their own
    begun = somebody.send(path)
    action = next(form.get("action") for form in begun.all("form") if form.get("data-passkey"))
    answer = somebody.send(action, {"credential": credential[:16_000]})
    assert answer.status in (302, 422), answer.content
    assert somebody.is_signed_in() == path.startswith("/verify")


def test_form_of_any_length_without_a_file_stays_within_a_forms_limit(school):
    """What is no file is held in memory, also where sheets are taken."""
    body = b"a=" + b"x" * 1_040_000
    for path in ("/imports/new", "/api/v1/imports"):
        answer = school.stranger().ask("POST", path, body, {"Content-Type": "application/x-www-form-urlencoded"})
        assert answer.status == 413, path
