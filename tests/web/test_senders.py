"""Forms are taken from our own pages, under each address by which people may open Rollbook."""

import pytest

from app import create_app
from models import db
from tests.conftest import settings
from tests.visitor import Visitor


@pytest.fixture
def behind_proxy(database_url, tmp_path):
    """Somebody in front of a proxy that speaks https on a port of its own, and passes the bare name on."""
    app = create_app(settings(tmp_path / "secure", database_url, ROLLBOOK_URL="https://rollbook.school.example:8443"))
    yield Visitor(app)
    with app.app_context():
        db.engine.dispose()


def sent_from(visitor, origin, base_url):
    return visitor.open("/login", "POST", base_url=base_url, headers={"Origin": origin})


def test_the_address_in_the_settings_is_our_own(behind_proxy):
    answer = sent_from(behind_proxy, "https://rollbook.school.example:8443", "https://rollbook.school.example")
    assert "<h1>This page had expired</h1>" in answer.text


@pytest.mark.parametrize("origin", ["http://rollbook.school.example:8443", "https://rollbook.school.example:9443", "null"])
def test_what_looks_like_it_is_not(behind_proxy, origin):
    answer = sent_from(behind_proxy, origin, "https://rollbook.school.example")
    assert answer.status_code == 403
    assert "<h1>Another site sent this</h1>" in answer.text


def test_the_name_that_was_asked_for_is_our_own(client):
    assert "<h1>This page had expired</h1>" in sent_from(client, "http://localhost:8000", "http://localhost:8000").text
