"""Headers that every answer carries, and the cookies' flags."""

import pytest

from app import create_app
from models import db
from tests.conftest import settings
from tests.visitor import Visitor

PATHS = ["/login", "/healthz", "/static/app.js", "/", "/nowhere"]


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_tells_the_browser_to_run_and_load_only_our_own(client, path):
    with client.open(path) as response:
        headers = response.headers
    policy = dict(part.split(" ", 1) for part in headers["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert policy["frame-ancestors"] == "'none'"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "same-origin"
    assert headers["Cross-Origin-Opener-Policy"] == "same-origin"
    assert headers["Cross-Origin-Resource-Policy"] == "same-origin"
    assert "camera=()" in headers["Permissions-Policy"]
    assert "Strict-Transport-Security" not in headers


def test_records_stay_out_of_every_cache(editor):
    for path in ("/", "/students", "/students/new", "/profile"):
        assert editor.visit(path).headers["Cache-Control"] == "no-store"


def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(client):
    cookie = client.visit("/login").headers["Set-Cookie"]
    assert "HttpOnly" in cookie
    assert "SameSite=Lax" in cookie


@pytest.fixture
def secure(database_url, tmp_path):
    """Somebody who opens Rollbook by an https address."""
    app = create_app(settings(tmp_path / "secure", database_url, ROLLBOOK_URL="https://rollbook.school.example"))
    yield Visitor(app)
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("path", PATHS)
def test_behind_https_browsers_are_told_to_stay_there(secure, path):
    with secure.open(path, base_url="https://rollbook.school.example") as response:
        assert response.headers["Strict-Transport-Security"] == "max-age=31536000"


def test_behind_https_no_cookie_goes_elsewhere(secure):
    response = secure.open("/login", base_url="https://rollbook.school.example")
    cookie = response.headers["Set-Cookie"]
    assert cookie.startswith("__Host-rollbook_session_")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "Domain" not in cookie


def test_the_cookie_that_knows_the_browser_again_has_the_same_flags(client, sign_in):
    sign_in("viewer")
    answer = client.send("/login", {"email": "viewer@school.example", "password": "correct horse battery staple"}, status=302)
    cookie = next(cookie for cookie in answer.headers.getlist("Set-Cookie") if cookie.startswith("rollbook_device_"))
    assert {"HttpOnly", "Path=/", "SameSite=Lax"} <= set(cookie.split("; "))
    assert "viewer" not in cookie
