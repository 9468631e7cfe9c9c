"""What is sent is read before anything is done with it, and no more at once than there are places for."""

import io

import pytest

import web.arrivals
from app import create_app
from models import db
from tests.conftest import settings
from tests.visitor import Visitor


@pytest.fixture
def narrow(database_url, tmp_path, monkeypatch):
    """An app that has place for one form at a time."""
    monkeypatch.setattr(web.arrivals, "ARRIVING", 1)
    app = create_app(settings(tmp_path / "narrow", database_url))
    yield app
    with app.app_context():
        db.engine.dispose()


class Meanwhile(io.BytesIO):
    """A form on whose way something else is done."""

    def __init__(self, form, act):
        super().__init__(form)
        self._act = act

    def read(self, size=-1):
        self._act()
        return super().read(size)

    def readinto(self, buffer):
        self._act()
        return super().readinto(buffer)


def test_a_form_without_a_place_is_refused_and_pages_are_answered(narrow):
    seen = []

    def look():
        if not seen:
            other = narrow.test_client()
            seen.extend([other.get("/login"), other.post("/login", data={"email": "x"})])

    visitor = Visitor(narrow)
    form = {"input_stream": Meanwhile(b"email=x", look), "content_type": "application/x-www-form-urlencoded"}
    assert visitor.open("/login", "POST", content_length=7, **form).status_code == 400
    page, refused = seen
    assert page.status_code == 200
    assert refused.status_code == 503
    assert refused.headers["Retry-After"] == "30"
    assert "<h1>Too busy</h1>" in refused.text
    assert visitor.open("/login", "POST", data={"email": "x"}).status_code == 400


def test_a_part_without_a_name_is_no_form(client):
    body = b"--x\r\nContent-Disposition: form-data\r\n\r\n1\r\n--x--\r\n"
    answer = client.open("/login", "POST", data=body, content_type="multipart/form-data; boundary=x")
    assert "is not one that Rollbook gave out" in answer.text
