"""What users see to for themselves."""

import pytest
from sqlalchemy import select
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from accounts import SHORTEST_PASSWORD, password_problem
from models import User
from tests.conftest import PASSWORD
from tests.visitor import Visitor

NEW = "a much newer sentence"
CHANGE = {"current": PASSWORD, "password": NEW, "again": NEW}


def test_a_new_password_is_the_one_that_counts_from_then_on(app, viewer, client):
    elsewhere = Visitor(app)
    elsewhere.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=302)
    viewer.send("/profile/password", CHANGE, page="/profile")
    assert "Your password is changed." in viewer.visit("/profile").alerts
    elsewhere.visit("/students", status=302)
    client.send("/login", {"email": "viewer@school.example", "password": PASSWORD}, status=422)
    client.send("/login", {"email": "viewer@school.example", "password": NEW}, status=302)


def test_people_choose_what_they_are_called(viewer, stored):
    viewer.send("/profile/name", {"name": " Ada  Chen "}, page="/profile")
    page = viewer.visit("/profile")
    assert page.values["name"] == "Ada Chen"
    assert "Your name is saved." in page.alerts
    assert "Ada Chen" in [link.text for link in page.all("a") if link.get("href") == "/profile"]
    viewer.send("/profile/name", {"name": ""}, page="/profile")
    assert stored(select(User.name)) == [(None,)]


def test_a_name_that_can_not_be_taken_is_refused_beside_the_field_and_kept_there(viewer, stored):
    page = viewer.send("/profile/name", {"name": "head@school.example"}, page="/profile", status=422)
    assert "It can’t contain @." in page.problems["name"]
    assert "It can’t contain @." in page.alerts
    assert page.values["name"] == "head@school.example"
    assert stored(select(User.name)) == [(None,)]


BAD = [
    ("current", "", "Enter your current password."),
    ("current", "something else", "That isn’t your current password."),
    ("password", "", "Choose a password."),
    ("password", "a short one", "Password must be between 12 and 128 characters."),
    ("password", "x" * 129, "Password must be between 12 and 128 characters."),
    ("password", "qwertyuiop123", "This password is easy to guess"),
    ("password", "viewer@school.example", "This password is easy to guess"),
    ("password", "viewerschoolexample", "This password is easy to guess"),
    ("again", "another sentence", "The two passwords differ."),
]


@pytest.mark.parametrize(("field", "typed", "sentence"), BAD)
def test_a_password_that_can_not_be_taken_is_refused_beside_the_field(viewer, stored, field, typed, sentence):
    before = stored(select(User.password))
    page = viewer.send("/profile/password", CHANGE | {field: typed}, page="/profile", status=422)
    assert sentence in page.problems[field]
    assert sentence in page.alerts
    assert not {PASSWORD, NEW, typed} & set(page.values.values()) - {""}
    assert stored(select(User.password)) == before


def test_none_of_the_breached_passwords_that_are_known_is_taken():
    """Shorter ones are refused for their length."""
    breached = [password for password in FREQUENCY_LISTS["passwords"] if len(password) >= SHORTEST_PASSWORD]
    assert len(breached) > 200
    assert [password for password in breached if password_problem(password, "head@school.example") is None] == []


def test_a_long_sentence_in_any_script_is_a_good_password(viewer):
    for password in ("Моя кошка спит на крыше", "猫が屋根の上で眠っています、毎日", "the quick cat sleeps on the roof " * 3):
        viewer.send("/profile/password", {"current": PASSWORD, "password": password, "again": password}, page="/profile")
        viewer.send("/profile/password", {"current": password, "password": PASSWORD, "again": PASSWORD}, page="/profile")


def test_the_profile_of_who_is_signed_out_is_behind_the_login_page(client):
    assert client.visit("/profile", status=302).location == "/login?next=/profile"


@pytest.mark.parametrize("path", ["/profile/password", "/profile/sessions/end", "/profile/sessions/1/end"])
def test_what_changes_something_is_no_link(viewer, path):
    viewer.visit(path, status=405)
