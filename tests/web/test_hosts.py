"""Rollbook answers under its own names only, and believes of a proxy what the settings say."""

import pytest

from app import create_app
from models import db
from tests.conftest import settings
from tests.visitor import Visitor


@pytest.fixture
def made(database_url, tmp_path):
    """Make a visitor of an app with these settings: made(ROLLBOOK_PROXIES="1")."""
    apps = []

    def made(**more):
        apps.append(create_app(settings(tmp_path / "instance", database_url, **more)))
        return Visitor(apps[-1])

    yield made
    for app in apps:
        with app.app_context():
            db.engine.dispose()


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1:8000", "[::1]:8000", "LOCALHOST"])
def test_it_answers_under_its_own_names(client, host):
    assert client.open("/login", headers={"Host": host}).status_code == 200


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "evil.example:8000",
        "localhost@evil.example",
        "[",
        "",
        "e" * 64,
        "e" * 8_000,
        "e..example",
        "\xe9vil",
        "[::1",
    ],
)
def test_it_answers_under_no_other_name(client, host):
    response = client.open("/login", headers={"Host": host})
    assert response.status_code == 400
    assert "evil" not in response.text
    assert "<h1>Rollbook has another address</h1>" in response.text


def test_the_page_says_which_setting_it_takes(client):
    response = client.open("/login", headers={"Host": "rollbook.school.example"})
    assert "<h1>Rollbook has another address</h1>" in response.text
    assert "ROLLBOOK_URL" in response.text


def test_the_name_in_the_settings_is_its_own(made):
    visitor = made(ROLLBOOK_URL="https://rollbook.school.example")
    assert visitor.open("/login", headers={"Host": "Rollbook.school.example"}).status_code == 200


def test_links_lead_to_the_address_in_the_settings(made):
    visitor = made(ROLLBOOK_URL="https://rollbook.school.example")
    printed = visitor._app.test_cli_runner().invoke(args=["setup-link"]).output
    assert "https://rollbook.school.example/setup?token=" in printed


def seen(visitor, **headers):
    """Give what the app takes for the visitor's address and scheme."""
    from flask import request

    answers = []
    visitor._app.before_request_funcs.setdefault(None, []).insert(
        0, lambda: answers.append((request.remote_addr, request.scheme))
    )
    visitor.open("/healthz", headers=headers)
    return answers[0]


def test_without_a_proxy_in_the_settings_no_header_is_believed(made):
    headers = {"X-Forwarded-For": "192.0.2.7", "X-Forwarded-Proto": "https", "X-Forwarded-Host": "evil.example"}
    assert seen(made(), **headers) == ("127.0.0.1", "http")


def test_a_proxy_says_for_whom_it_asks_and_nothing_else(made):
    headers = {"X-Forwarded-For": "203.0.113.9, 192.0.2.7", "X-Forwarded-Proto": "http", "X-Forwarded-Host": "evil.example"}
    visitor = made(ROLLBOOK_PROXIES="1", ROLLBOOK_URL="https://localhost")
    assert seen(visitor, **headers) == ("192.0.2.7", "https")
