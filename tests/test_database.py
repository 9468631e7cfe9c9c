"""Both databases are opened so that nothing acknowledged is lost and writers wait for each other."""

import io
import threading
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import insert, select, text
from sqlalchemy.exc import OperationalError

import worker
from database import empty_log, has_safe_wal, only_reading, reading
from merge import record
from merge.faults import Fault, fault_of
from merge.imports import receiving
from models import Student, db
from tests.cluster import wait_until


def pragma(name):
    return db.session.execute(text(f"PRAGMA {name}")).scalar()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_sqlite_waits_checks_and_syncs(app):
    with app.app_context():
        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 2
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") >= 10_000


SAFE = [(3, 44, 6), (3, 50, 7), (3, 51, 3), (3, 53, 4)]
UNSAFE = [(3, 40, 1), (3, 44, 5), (3, 45, 0), (3, 50, 6), (3, 51, 2)]


@pytest.mark.parametrize("version", SAFE + UNSAFE)
def test_write_ahead_logging_is_used_only_where_its_bug_is_mended(version):
    assert has_safe_wal(version) is (version in SAFE)


def test_somebody_can_read_while_somebody_writes(app):
    with app.app_context():
        db.session.add(Student(id=1, name="Ada"))
        db.session.flush()
        seen = []

        def look():
            with app.app_context():
                token = reading.set(True)
                seen.append(db.session.scalars(select(Student.name)).all())
                reading.reset(token)

        thread = threading.Thread(target=look)
        thread.start()
        thread.join(10)
        assert seen == [[]]
        db.session.rollback()


def test_a_page_is_read_while_somebody_writes(app, sign_in):
    visitor, answers = sign_in("viewer"), []
    with app.app_context():
        db.session.add(Student(id=1, name="Ada"))
        db.session.flush()
        thread = threading.Thread(target=lambda: answers.append(visitor.visit("/students")))
        thread.start()
        thread.join(10)
        waited = thread.is_alive()
        db.session.rollback()
    thread.join()
    assert not waited
    assert "There are no students yet" in answers[0].text


def test_others_write_while_an_uploaded_sheet_is_looked_at(app, sign_in, monkeypatch):
    editor, looked, waited = sign_in("editor"), receiving.inspect, []

    def write():
        with app.app_context():
            record.save(db.session(), {"id": 1, "name": "Ada"}, version=None, actor="test", reason="form")

    def look(path):
        thread = threading.Thread(target=write, daemon=True)
        thread.start()
        thread.join(10)
        waited.append(thread.is_alive())
        return looked(path)

    monkeypatch.setattr(receiving, "inspect", look)
    editor.send("/imports/new", {"file": (io.BytesIO(b"id,name\n2,Bob\n"), "sheet.csv")})
    assert waited == [False]


def test_an_upload_is_answered_while_the_worker_writes_for_long(app, sign_in, monkeypatch):
    editor, receive, answers = sign_in("editor"), receiving.receive, []
    app.config["ROLLBOOK_WORKER"] = "inline"
    monkeypatch.setattr("web.imports.shared.PATIENCE_S", 0.1)
    with app.app_context():
        worker = db.engine.connect()

    def received(*arguments, **options):
        taken_in = receive(*arguments, **options)
        worker.execute(insert(Student).values(id=1, name="Ada", version=1))
        return taken_in

    monkeypatch.setattr(receiving, "receive", received)
    sheet = {"file": (io.BytesIO(b"id,name\n2,Bob\n"), "sheet.csv")}
    thread = threading.Thread(target=lambda: answers.append(editor.send("/imports/new", sheet)))
    thread.start()
    thread.join(10)
    waited = thread.is_alive()
    worker.close()
    thread.join()
    assert not waited
    assert answers[0].location == "/imports/1"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_pages_are_read_while_a_whole_staff_waits_to_write(app, sign_in):
    visitor, written = sign_in("viewer"), []
    with app.app_context():
        engine = db.engine

    def write():
        with engine.begin():
            written.append(True)

    threads = [threading.Thread(target=write, daemon=True) for _ in range(50)]
    with engine.begin():
        for thread in threads:
            thread.start()
        assert wait_until(lambda: engine.pool.checkedout() == 51)
        assert "There are no students yet" in visitor.visit("/students").text
        assert not written
    for thread in threads:
        thread.join()
    assert len(written) == 50


@pytest.mark.parametrize("backend", ["sqlite"])
def test_who_waits_too_long_to_write_hears_that_sqlite_is_busy(app, monkeypatch):
    monkeypatch.setattr("database.BUSY_TIMEOUT_MS", 10)
    with app.app_context(), db.engine.begin():
        with pytest.raises(OperationalError) as error, db.engine.begin():
            pass
        assert fault_of(error.value) is Fault.AWAY
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(insert(Student).values(id=1, name="Ada", version=1))


@pytest.fixture
def log_file(app):
    """Give SQLite's write-ahead log, into which a student has been written."""
    write(app, 1, "Ada")
    with app.app_context():
        return Path(f"{db.engine.url.database}-wal")


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_log_is_emptied_though_there_is_always_somebody_who_reads(app, log_file, monkeypatch):
    monkeypatch.setattr("database.LOG", 1)
    monkeypatch.setattr("database.READERS_MS", 30_000)
    over, begun = threading.Event(), [threading.Event() for _ in range(4)]

    def read_on(begun):
        while not over.is_set():
            with look(app):
                begun.set()
                over.wait(0.02)

    threads = [threading.Thread(target=read_on, args=[own]) for own in begun]
    for thread, own in zip(threads, begun, strict=True):
        thread.start()
        assert own.wait(10)
    with app.app_context():
        assert log_file.stat().st_size
        empty_log(db.engine)
        assert not log_file.stat().st_size
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_log_that_somebody_reads_for_long_keeps_nobody_from_writing(app, log_file, monkeypatch):
    monkeypatch.setattr("database.LOG", 1)
    monkeypatch.setattr("database.READERS_MS", 20)
    with look(app) as seen, app.app_context():
        write(app, 2, "Bo")
        empty_log(db.engine)
        write(app, 3, "Cy")
        assert log_file.stat().st_size
        assert seen() == ["Ada"]
    with app.app_context():
        empty_log(db.engine)
        assert not log_file.stat().st_size


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_log_that_somebody_writes_for_long_is_left_for_later(app, log_file, monkeypatch):
    monkeypatch.setattr("database.LOG", 1)
    monkeypatch.setattr("database.LOG_TURN_MS", 20)
    with app.app_context():
        with db.engine.begin():
            empty_log(db.engine)
            assert log_file.stat().st_size
        empty_log(db.engine)
        assert not log_file.stat().st_size


@pytest.mark.parametrize("backend", ["sqlite"])
def test_the_worker_empties_the_log_once_it_has_grown(app, log_file, monkeypatch):
    monkeypatch.setattr("database.LOG", log_file.stat().st_size + 1)
    with app.app_context():
        empty_log(db.engine)
        assert log_file.stat().st_size
    monkeypatch.setattr("database.LOG", log_file.stat().st_size)
    stop = threading.Event()
    thread = threading.Thread(target=worker.work, args=(app, stop))
    thread.start()
    assert wait_until(lambda: not log_file.stat().st_size)
    stop.set()
    thread.join()


def write(app, number, name):
    with app.app_context(), db.engine.begin() as connection:
        connection.execute(insert(Student).values(id=number, name=name, version=1))


@contextmanager
def look(app):
    """Read for as long as this lasts, and see what was there in the beginning."""
    with app.app_context(), only_reading(), db.engine.connect() as connection:
        names = select(Student.name).order_by(Student.id)
        connection.execute(names)
        yield lambda: connection.scalars(names).all()


def test_twenty_writers_at_once_all_get_through(app):
    failures = []

    def write(number):
        with app.app_context():
            try:
                record.save(db.session(), {"id": number, "name": "Ada"}, version=None, actor="test", reason="form")
            except Exception as error:
                failures.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(1, 21)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    with app.app_context():
        assert len(db.session.scalars(select(Student.id)).all()) == 20
