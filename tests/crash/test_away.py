"""A database that is away for a while: a page says so, nothing is lost, and all goes on without a restart of ours."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from signal import SIGINT
from typing import Any

import psycopg2
import pytest
from flask import Flask
from sqlalchemy import make_url, select

import worker
from app import create_app
from merge import door
from models import db
from tests.cluster import Cluster, wait_until
from tests.conftest import settings
from tests.proxy import Proxy

SHEET = "id,name\n1,Ada\n2,Bob\n"


@pytest.fixture(params=["postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """SQLite is never away."""
    return str(request.param)


@pytest.fixture
def proxy(durable: Cluster) -> Iterator[Proxy]:
    with closing(Proxy(durable.port)) as made:
        yield made


@pytest.fixture
def app(proxy: Proxy, database_url: str, tmp_path) -> Iterator[Flask]:
    """The app, which has the database through the proxy."""
    url = make_url(database_url).set(port=proxy.port).render_as_string(hide_password=False)
    made = create_app(settings(tmp_path / "instance", url))
    yield made
    with made.app_context():
        db.engine.dispose()


@pytest.fixture
def elsewhere(database_url: str) -> Iterator[Any]:
    """Somebody else's transaction, which keeps its locks until it commits."""
    with closing(psycopg2.connect(database_url)) as connection:
        yield connection


def test_while_the_database_restarts_pages_say_so_and_then_all_goes_on(editor, client, durable):
    form = {**editor.visit("/students/new").values, "name": "Ada"}
    editor.send("/students/new", {"name": "Cy"})  # what this says, and its Undo, wait for the next page
    durable.stop(SIGINT)
    for page in (editor.visit("/students", status=503), editor.post("/students/new", form, status=503)):
        assert page.heading == "The database does not answer"
        assert int(page.headers["Retry-After"]) > 0
    assert client.open("/healthz").status_code == 200
    assert client.open("/readyz").status_code == 503
    assert durable.start()
    assert "Added Cy" in editor.visit("/students").text
    editor.post("/students/new", form, status=303)
    assert "Ada" in editor.visit("/students").text


def test_a_preview_whose_rows_a_crash_has_emptied_is_made_anew(upload, editor, work, app, durable):
    upload(SHEET)
    durable.kill()
    assert wait_until(durable.start)
    assert app.test_cli_runner().invoke(args=["verify"]).exit_code == 0
    work()
    page = editor.visit("/imports/1")
    assert "It adds 2 students" in page.text
    editor.post("/imports/1/apply", page.values, status=303)
    work()
    assert "2 students were added" in editor.visit("/imports/1").text


def test_nobody_notices_connections_that_were_cut_while_nothing_was_asked(app, editor, add, proxy):
    add(1, "Ada")
    with app.app_context():
        connections = [db.engine.connect() for _ in range(5)]
        for connection in connections:
            connection.close()
    proxy.cut()
    editor.send("/students/1", {"name": "Ada Lovelace", "version": "1"})
    proxy.cut()
    assert "Ada Lovelace" in editor.visit("/students").text


def test_an_answer_that_was_made_when_the_connection_broke_is_given(app, proxy):
    with app.app_context():
        db.session.execute(select(1))
        proxy.cut()


def test_a_save_that_is_cut_off_is_not_half_done_and_can_be_sent_again(editor, add, elsewhere, proxy):
    add(1, "Ada")
    form = {**editor.visit("/students/1").values, "name": "Ada Lovelace"}
    elsewhere.cursor().execute("SELECT * FROM students FOR UPDATE")
    with ThreadPoolExecutor(1) as desk:
        saving = desk.submit(editor.post, "/students/1", form, 503)
        assert wait_until(lambda: _waits_for_a_lock(elsewhere))
        proxy.cut()
        assert saving.result().heading == "The database does not answer"
    elsewhere.commit()
    assert editor.visit("/students/1").values["name"] == "Ada"
    editor.post("/students/1", form, status=303)
    assert editor.visit("/students/1").values["name"] == "Ada Lovelace"


def test_an_import_that_is_cut_off_goes_on_under_the_same_worker(app, upload, editor, elsewhere, proxy, monkeypatch):
    monkeypatch.setattr(worker, "AFTER_FAULT_S", 0.05)
    page = upload(SHEET)
    elsewhere.cursor().execute(f"SELECT pg_advisory_xact_lock({door.LOCK})")
    editor.post("/imports/1/apply", page.values, status=303)
    stop = threading.Event()
    with ThreadPoolExecutor(1) as beside:
        working = beside.submit(worker.work, app, stop)
        assert wait_until(lambda: _waits_for_a_lock(elsewhere))
        proxy.cut()
        elsewhere.commit()
        assert wait_until(lambda: "2 students were added" in editor.visit("/imports/1").text)
        stop.set()
        working.result()


def _waits_for_a_lock(connection: Any) -> bool:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'")
        return bool(cursor.fetchone()[0])
