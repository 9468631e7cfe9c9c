"""Cookies: each Rollbook has names of its own, in whatever address it is opened."""

from http.cookies import SimpleCookie

import pytest

from app import cookie_name, create_app
from models import db
from tests.conftest import PASSWORD, settings
from tests.visitor import Visitor

SIGN_IN = {"email": "viewer@school.example", "password": PASSWORD}


@pytest.fixture
def name(tmp_path):
    """Name the session's cookie with these settings: name(PORT="8001")."""
    return lambda url="sqlite:////srv/rollbook.db", **more: cookie_name(settings(tmp_path / "instance", url, **more), "session")


def test_two_rollbooks_on_one_host_have_cookies_of_their_own(name):
    names = [name(), name(PORT="8001"), name("sqlite:////srv/other.db"), name(ROLLBOOK_URL="http://localhost:8000")]
    assert len(set(names)) == len(names)


def test_the_servers_of_one_rollbook_and_a_new_key_share_the_name(name):
    assert name() == name() == name(SECRET_KEY="a newer key that only the tests know")
    assert name("postgresql://a:one@db/school") == name("postgres://a:two@db/school")


@pytest.mark.parametrize(
    ("address", "prefix", "path"),
    [
        ("http://localhost", "rollbook_", "/"),
        ("http://localhost/school", "rollbook_", "/school"),
        ("https://localhost", "__Host-rollbook_", "/"),
        ("https://localhost/school", "__Secure-rollbook_", "/school"),
    ],
)
@pytest.mark.parametrize("backend", ["sqlite"])
def test_every_cookie_is_bound_as_tightly_as_its_address_allows(database_url, sign_in, tmp_path, address, prefix, path):
    sign_in("viewer")
    app = create_app(settings(tmp_path / "again", database_url, ROLLBOOK_URL=address))
    visitor = Visitor(app)
    visitor._client = app.test_client(use_cookies=False)
    page = visitor.open("/login")
    token = page.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    sent = SimpleCookie("; ".join(page.headers.getlist("Set-Cookie")))
    header = {"Cookie": "; ".join(f"{name}={morsel.value}" for name, morsel in sent.items())}
    signed_in = visitor.open("/login", "POST", data=SIGN_IN | {"csrf_token": token}, headers=header)
    spoken = visitor.open("/language", "POST", data={"language": "de", "csrf_token": token}, headers=header)
    assert (signed_in.status_code, spoken.status_code) == (302, 303)
    lines = [*signed_in.headers.getlist("Set-Cookie"), *spoken.headers.getlist("Set-Cookie")]
    kinds = set()
    for line in lines:
        named, *attributes = line.split("; ")
        assert named.startswith(prefix)
        kinds.add(named.removeprefix(prefix).partition("_")[0])
        assert f"Path={path}" in attributes
        assert ("Secure" in attributes) is address.startswith("https")
        assert {"HttpOnly", "SameSite=Lax"} <= set(attributes)
        assert not any(attribute.startswith("Domain") for attribute in attributes)
    assert kinds == {"session", "device", "language"}
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_opening_another_rollbook_signs_nobody_out(viewer, database_url, tmp_path):
    other = create_app(settings(tmp_path / "other", f"sqlite:///{tmp_path / 'other.db'}", PORT="8001"))
    own = viewer._client.get_cookie(viewer._app.config["SESSION_COOKIE_NAME"])
    assert own is not None
    with other.test_client() as browser:
        browser.set_cookie(own.key, own.value)
        browser.get("/login").close()
        assert browser.get_cookie(own.key).value == own.value
    viewer.visit("/students")
    with other.app_context():
        db.engine.dispose()
