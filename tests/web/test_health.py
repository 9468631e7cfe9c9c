"""What a machine asks."""

from app import create_app
from config import VERSION
from tests.conftest import settings
from tests.visitor import Visitor

# A PostgreSQL that nobody serves.
AWAY = "postgresql://me@127.0.0.1:1/school"


def test_a_living_process_and_an_answering_database_say_so(client):
    for path, told in (("/healthz", {"status": "ok", "version": VERSION}), ("/readyz", {"status": "ok"})):
        response = client.open(path)
        assert (response.status_code, response.json) == (200, told)


def test_page_and_command_tell_the_version(app, client):
    assert f"Version {VERSION}" in client.visit("/login").text
    assert app.test_cli_runner().invoke(args=["version"]).output == f"{VERSION}\n"


def test_a_database_that_is_away_is_told_while_the_process_still_lives(tmp_path):
    app = create_app(settings(tmp_path / "instance", AWAY))
    visitor = Visitor(app)
    assert visitor.open("/healthz").status_code == 200
    assert visitor.open("/readyz").status_code == 503


def test_a_page_says_in_plain_words_that_the_database_is_away(tmp_path):
    app = create_app(settings(tmp_path / "instance", AWAY))
    page = Visitor(app).visit("/setup?token=x", status=503)
    assert page.heading == "The database does not answer"
    assert int(page.headers["Retry-After"]) > 0
