"""The log: a line of JSON a request, and nothing personal in any line."""

import json
import logging
import subprocess
import sys

import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import DBAPIError

from merge import record
from models import db
from tests import leaks
from tests.server import ROOT, running_server
from tests.web.conftest import newest_import, sheet_file

SECRET_NAME = "Plantagenet"


@pytest.fixture
def lines():
    """Give what was logged since the last time, read as JSON; what it gives away still fails the test."""
    leaks.collector.take()

    def lines(logger=None):
        taken = leaks.collector.take()
        leaks.refuse_leaks(taken)
        return [line for line in map(json.loads, taken) if logger in (None, line["from"])]

    return lines


@pytest.fixture
def planted(monkeypatch):
    monkeypatch.setattr(leaks, "WORDS", leaks.WORDS | {SECRET_NAME, "73.25"})


def test_a_request_is_one_line_with_the_number_that_its_answer_carries(viewer, add, lines):
    add(7, "Ada")
    lines()
    with viewer.open("/students/7/history?before=9&q=Ada") as answer:
        number = answer.headers["X-Request-ID"]
    (line,) = lines("web.requests")
    assert line["request"] == number
    assert (line["method"], line["route"], line["student_id"]) == ("GET", "/students/<id:student_id>/history", 7)
    assert (line["status"], line["level"], line["address"]) == (200, "info", "127.0.0.1")
    assert line["ms"] > 0


def test_an_error_page_names_the_number_of_its_request(viewer, lines):
    page = viewer.visit("/nowhere", status=404)
    assert page.headers["X-Request-ID"] in page.text
    assert lines("web.requests")[-1]["request"] == page.headers["X-Request-ID"]


@pytest.mark.usefixtures("planted")
def test_whatever_goes_wrong_nothing_that_was_typed_is_logged(client, editor, work, monkeypatch, lines):
    def fail(session, values, **_):
        session.execute(text("INSERT INTO students (id, name, version) VALUES (:id, :name, NULL)"), values)

    client.send("/login", {"email": f"{SECRET_NAME}@x.example", "password": SECRET_NAME}, status=422)
    editor.visit(f"/students?q={SECRET_NAME}")
    editor.visit(f"/{SECRET_NAME}", status=404)
    editor.visit(f"/join?token={SECRET_NAME}", status=404)
    editor.visit(f"/students?min_score={SECRET_NAME}", status=422)
    monkeypatch.setattr(record, "save", fail)
    editor.send("/students/new", {"id": "1", "name": SECRET_NAME, "score": "73.25"}, status=500)
    logged = lines()
    assert len([line for line in logged if line["from"] == "web.requests" and "route" not in line]) == 1
    (fault,) = [line for line in logged if "faults" in line]
    assert fault["faults"][0]["kind"] == "sqlalchemy.exc.IntegrityError"
    assert any("merge" in place or "web" in place for place in fault["faults"][0]["in"])
    assert fault["request"]


@pytest.mark.usefixtures("planted")
def test_a_worker_that_fails_over_a_sheet_does_not_log_its_cells(editor, work, stored, monkeypatch, lines):
    def fail(*_args, **_kwargs):
        raise ValueError(f"{SECRET_NAME} has 73.25")

    monkeypatch.setattr("merge.imports.steps.stage", fail)
    editor.send("/imports/new", {"file": sheet_file(f"id,name\n1,{SECRET_NAME}\n")})
    work()
    assert stored(newest_import())[0][0].state == "failed"
    (line,) = lines("merge.imports")
    assert line["faults"][0]["kind"] == "builtins.ValueError"


def test_an_error_of_the_database_names_no_values(app):
    with app.app_context(), pytest.raises(DBAPIError) as failed:
        db.session.execute(select(text("nothing")).where(text(":name = :name")), {"name": SECRET_NAME})
    assert SECRET_NAME not in str(failed.value)


@pytest.mark.parametrize("name", ["werkzeug", "somebody.else", "app"])
def test_of_words_that_are_not_our_own_only_numbers_are_shown(name, lines):
    logging.getLogger(name).warning("%s has %d and %s", "Ada Lovelace", 12, 3)
    assert lines()[0]["says"] == "<str> has 12 and 3"


def test_a_started_server_logs_lines_of_json_alone(tmp_path, database_url):
    with running_server(tmp_path / "instance", database_url, migrated=True) as server:
        server.setup_link()
    logged = [json.loads(line) for line in server.logged()]
    assert {"/readyz"} <= {line.get("route") for line in logged}
    assert any(line["from"] == "gunicorn.error" and "Listening at" in line["says"] for line in logged)


@pytest.mark.parametrize(
    "leak",
    [
        "web.students saved Ada Lovelace",
        "signed in as editor@school.example",
        "the password is correct horse battery staple",
        "/join?token=Zm9vYmFyYmF6cXV4Zm9vYmFyYmF6cXV4MTIz",
    ],
)
def test_the_check_sees_a_leak(leak):
    assert leaks.leaks(leak)


def test_a_leak_fails_the_run(tmp_path):
    (tmp_path / "test_leak.py").write_text(
        "import logging\n\ndef test_leak():\n    logging.getLogger('web.students').warning('saved %s', 'Ada Lovelace')\n"
    )
    plain = ("-p", "tests.leaks", "-p", "no:cacheprovider", "--rootdir", tmp_path, "-c", ROOT / "pyproject.toml")
    command = [sys.executable, "-m", "pytest", *plain, tmp_path]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert run.returncode == 1
    assert "The log gives away what is nobody's business" in run.stdout
