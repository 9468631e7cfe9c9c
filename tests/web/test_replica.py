"""Pages that may be a little old come from a replica, and nobody misses there what they have just done."""

import threading
from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from sqlalchemy import event, make_url
from sqlalchemy.exc import OperationalError

import web.replica
from app import create_app
from models import db
from tests.cluster import Cluster, free_port, running_standby, wait_until
from tests.conftest import settings
from tests.visitor import Visitor
from tests.web.conftest import sheet_file

RESUME = "SELECT pg_wal_replay_resume()"


@pytest.fixture(scope="module")
def standby(cluster: Cluster) -> Iterator[Cluster]:
    with running_standby(cluster) as started:
        yield started


@pytest.fixture(params=["postgresql"])
def backend(request: pytest.FixtureRequest) -> str:
    """SQLite has no replicas."""
    return str(request.param)


@pytest.fixture
def app(cluster: Cluster, standby: Cluster, database_url: str, tmp_path, monkeypatch) -> Iterator[Flask]:
    standby.execute(RESUME)
    monkeypatch.setattr(web.replica, "ALONE_S", 0)
    monkeypatch.setattr(web.replica, "PATIENCE_S", 0.02)
    replica = standby.url(make_url(database_url).database)
    made = create_app(settings(tmp_path / "instance", database_url, DATABASE_REPLICA_URL=replica))
    yield made
    with made.app_context():
        db.engine.dispose()
    made.extensions["replica"].engine.dispose()
    standby.execute(RESUME)
    assert wait_until(cluster.is_followed)


@pytest.fixture
def asked(app: Flask) -> list[str]:
    """The questions that the replica was asked about students."""
    statements: list[str] = []

    @event.listens_for(app.extensions["replica"].engine, "before_cursor_execute")
    def note(_connection, _cursor, statement, *_more):
        if "students" in statement:
            statements.append(statement)

    return statements


@pytest.fixture
def followed(cluster: Cluster) -> Callable[[], None]:
    """Wait until the replica has all that was written so far."""

    def followed() -> None:
        assert wait_until(cluster.is_followed)

    return followed


@pytest.mark.parametrize("page", ["/", "/students", "/students?q=ada&min_age=10", "/students.csv", "/students.xlsx"])
def test_what_may_be_a_little_old_is_asked_of_the_replica(viewer, add, followed, asked, page):
    add(1, "Ada", 12)
    followed()
    assert viewer.open(page).data
    assert asked


@pytest.mark.parametrize("page", ["/students/1", "/students/1/history", "/changes", "/imports"])
def test_what_somebody_may_go_on_to_edit_is_asked_of_the_database_itself(editor, add, followed, asked, page):
    add(1, "Ada", 12)
    followed()
    editor.visit(page)
    assert not asked


def test_what_others_have_just_written_may_come_a_little_later(viewer, add, followed, standby):
    add(1, "Ada")
    followed()
    _pause(standby)
    add(2, "Ben")
    assert "Ben" not in _listed(viewer)
    standby.execute(RESUME)
    followed()
    assert "Ben" in _listed(viewer)


def test_what_one_has_written_oneself_is_there_though_the_replica_lags(editor, followed, standby, asked):
    followed()
    _pause(standby)
    editor.send("/students/new", {"name": "Ada"})
    assert "Ada" in _listed(editor)
    assert not asked


def test_a_page_waits_a_moment_for_what_its_reader_has_written(editor, followed, standby, asked, monkeypatch):
    monkeypatch.setattr(web.replica, "PATIENCE_S", 20)
    followed()
    _pause(standby)
    editor.send("/students/new", {"name": "Ada"})
    threading.Timer(0.1, standby.execute, [RESUME]).start()
    assert "Ada" in _listed(editor)
    assert asked


def test_whoever_has_seen_an_import_applied_finds_its_students_in_the_list(editor, work, followed, standby):
    followed()
    _pause(standby)
    sheet = editor.send("/imports/new", {"file": sheet_file("id,name\n1,Ada\n")}).location
    work()
    editor.send(f"{sheet}/apply", page=sheet)
    work()
    editor.visit(sheet)
    assert "Ada" in _listed(editor)


def test_a_replica_that_is_cut_off_from_the_database_is_not_asked(viewer, add, followed, standby, asked):
    add(1, "Ada")
    followed()
    address = standby.value("SHOW primary_conninfo")
    _follow(standby, "")
    try:
        assert wait_until(lambda: not standby.value("SELECT count(*) FROM pg_stat_wal_receiver"))
        add(2, "Ben")
        assert "Ben" in _listed(viewer)
        assert not asked
    finally:
        _follow(standby, address)
    followed()
    assert "Ben" in _listed(viewer)
    assert asked


def test_a_replica_that_is_far_behind_is_not_asked(viewer, add, followed, standby, monkeypatch):
    monkeypatch.setattr(web.replica, "MOST_BEHIND", web.replica.MOST_BEHIND * 0)
    followed()
    _pause(standby)
    add(1, "Ada")
    assert wait_until(lambda: standby.value("SELECT pg_last_wal_receive_lsn() > pg_last_wal_replay_lsn()"))
    assert "Ada" in _listed(viewer)


def test_a_replica_that_fails_in_the_middle_of_a_page_leaves_it_to_the_database(app, viewer, add, followed):
    add(1, "Ada")
    followed()

    @event.listens_for(app.extensions["replica"].engine, "before_cursor_execute")
    def fail(_connection, _cursor, statement, *_more):
        if "students" in statement:
            raise OperationalError(statement, {}, Exception("terminating connection due to conflict with recovery"))

    assert "Ada" in _listed(viewer)


def test_a_replica_that_is_away_is_left_alone_for_a_while(database_url, tmp_path, monkeypatch):
    url = f"postgresql://rollbook@127.0.0.1:{free_port()}/nothing"
    replica = create_app(settings(tmp_path, database_url, DATABASE_REPLICA_URL=url)).extensions["replica"]
    tries = []
    monkeypatch.setattr(replica.engine, "connect", lambda connect=replica.engine.connect: tries.append(1) or connect())
    assert not replica.caught_up("0/0")
    assert not replica.caught_up("0/0")
    assert tries == [1]


def _listed(visitor: Visitor) -> str:
    """Give the list's rows as text, without the notice of what was just done."""
    return " ".join(table.text for table in visitor.visit("/students").all("tbody"))


def _pause(standby: Cluster) -> None:
    standby.execute("SELECT pg_wal_replay_pause()")
    assert wait_until(lambda: standby.value("SELECT pg_get_wal_replay_pause_state()") == "paused")


def _follow(standby: Cluster, primary: str) -> None:
    standby.execute("ALTER SYSTEM SET primary_conninfo = '{}'".format(primary.replace("'", "''")))
    standby.execute("SELECT pg_reload_conf()")
