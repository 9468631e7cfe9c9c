"""A database that answers and takes no changes: pages say so and when to come back, and once it does all goes on."""

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager

import psycopg2
import pytest
from sqlalchemy import event, select, text

import database
import doctor
import worker
from models import Student, db
from tests.cluster import running_standby, wait_until
from tests.conftest import settings

SHEET = "id,name\n1,Ada\n2,Bob\n"
STRONG = "Xq3v-a key that nobody guesses 8F2kLmZ0pW7"


@pytest.fixture
def half_working(app, backend, request, monkeypatch):
    """Let the database answer without taking changes, in one of the ways: `with half_working("read only"): …`."""
    ways = {
        ("postgresql", "read only"): lambda: _altered(request, "default_transaction_read_only", "on"),
        ("postgresql", "slow"): lambda: _slow(request),
        ("postgresql", "unconfirmed"): lambda: _altered(request, "synchronous_standby_names", "ghost", "SYSTEM"),
        ("sqlite", "read only"): _query_only,
    }
    monkeypatch.setattr(database, "COMMIT_TIMEOUT_MS", 200)

    @contextmanager
    def half_working(way):
        with app.app_context():
            engine = db.engine
        engine.dispose()
        with ways[backend, way]() if backend == "postgresql" else ways[backend, way](engine):
            yield
        engine.dispose()

    return half_working


@contextmanager
def _altered(request, name, value, what="DATABASE school"):
    cluster = request.getfixturevalue("durable")
    cluster.execute(f"ALTER {what} SET {name} = '{value}'")
    cluster.execute("SELECT pg_reload_conf()")
    cluster.wait_for(name, value) if what == "SYSTEM" else None
    try:
        yield
    finally:
        cluster.execute(f"ALTER {what} RESET {name}")
        cluster.execute("SELECT pg_reload_conf()")


@contextmanager
def _slow(request):
    """Somebody else holds the students, for longer than a statement may take."""
    with (
        _altered(request, "statement_timeout", "50ms"),
        closing(psycopg2.connect(request.getfixturevalue("durable").url("school"))) as other,
        other.cursor() as cursor,
    ):
        cursor.execute("LOCK TABLE students IN ACCESS EXCLUSIVE MODE")
        yield


@contextmanager
def _query_only(engine):
    def listen(connection, _record):
        connection.execute("PRAGMA query_only=ON")

    event.listen(engine, "connect", listen)
    yield
    event.remove(engine, "connect", listen)


WAYS = [("postgresql", "read only"), ("postgresql", "unconfirmed"), ("sqlite", "read only")]


@pytest.mark.parametrize(("backend", "way"), WAYS)
def test_a_save_is_answered_with_503_and_can_be_sent_again(editor, half_working, way, stored):
    form = {**editor.visit("/students/new").values, "name": "Ada"}
    with half_working(way):
        page = editor.post("/students/new", form, status=503)
        assert int(page.headers["Retry-After"]) > 0
        assert page.heading in ("The database can’t be changed right now", "Your change is not confirmed")
        if way == "read only":
            assert "Name" in editor.visit("/students").text
    editor.post("/students/new", form, status=303)
    assert [name for (name,) in stored(select(Student.name))] == ["Ada"]


@pytest.mark.parametrize(("backend", "way"), WAYS)
def test_an_import_waits_and_goes_on_under_the_same_worker(app, upload, editor, half_working, way, monkeypatch, caplog):
    monkeypatch.setattr(worker, "AFTER_FAULT_S", 0.05)
    page, stop = upload(SHEET), threading.Event()
    editor.post("/imports/1/apply", page.values, status=303)
    with ThreadPoolExecutor(1) as beside:
        with half_working(way):
            working = beside.submit(worker.work, app, stop)
            assert wait_until(lambda: "tries again" in caplog.text)
        assert wait_until(lambda: "2 students were added" in editor.visit("/imports/1").text)
        stop.set()
        working.result()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_statement_that_takes_too_long_says_so(app, editor, add, half_working):
    add(1, "Ada")
    with half_working("slow"):
        page = editor.visit("/students", status=503)
    assert page.heading == "That took too long"
    assert "Ada" in editor.visit("/students").text


@pytest.mark.parametrize(("backend", "way"), WAYS[:2])
def test_readyz_and_doctor_name_it(app, client, half_working, way, database_url, tmp_path):
    with half_working(way):
        answer = client.open("/readyz")
        assert answer.status_code == 503
        assert answer.json["status"] == "the database takes no changes"
        found = list(doctor.examine(settings(tmp_path, database_url, SECRET_KEY=STRONG)))
        assert answer.json["reason"] in [finding.sentence for finding in found if finding.verdict == doctor.UNKNOWN]
    assert client.open("/readyz").status_code == 200


@pytest.mark.parametrize("backend", ["postgresql"])
def test_a_standby_behind_an_address_with_several_hosts_is_named(durable, database_url, tmp_path):
    with running_standby(durable) as standby:
        url = database_url.replace(str(durable.port), str(standby.port))
        found = list(doctor.examine(settings(tmp_path, url, SECRET_KEY=STRONG)))
    assert any("The database is a standby" in finding.sentence for finding in found if finding.verdict == doctor.UNKNOWN)


@pytest.mark.parametrize("backend", ["postgresql"])
def test_only_a_server_with_synchronous_replicas_is_asked_for_more(app, database_url):
    with app.app_context():
        db.session.execute(text("SELECT 1"))
        db.session.commit()
        assert db.session.connection().connection.driver_connection._waits_for_replicas is False
    assert psycopg2.connect(database_url).closed == 0
