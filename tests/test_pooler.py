"""Behind a pooler that gives a connection to somebody else after each transaction, nothing is left behind on it."""

import os
import shutil
import subprocess
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from sqlalchemy import text

import database
from app import create_app
from models import Student, db
from tests.cluster import END_OTHERS, free_port, wait_until
from tests.conftest import settings
from tests.web.conftest import sheet_file, someone
from vacuum import rewrite
from worker import run_until_idle

pytestmark = pytest.mark.parametrize("backend", ["postgresql"])
PROGRAMS = ("pgbouncer", "/usr/sbin/pgbouncer")
SERVER_CONNECTIONS = 3
SETTINGS = ("work_mem", "jit", "lock_timeout", "statement_timeout", "default_transaction_read_only")


@contextmanager
def running_pooler(database_url):
    """Give the address of PgBouncer in transaction mode before this database; where it is not installed, that of the database."""
    program = next(filter(None, map(shutil.which, PROGRAMS)), None)
    if program is None:
        yield database_url
        return
    folder, port, url = Path(tempfile.mkdtemp(prefix="rollbook-")), free_port(), urlsplit(database_url)
    name = url.path.lstrip("/")
    server = f"host={url.hostname} port={url.port} user={url.username} password={url.password}"
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n{name} = {server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {SERVER_CONNECTIONS}\nserver_reset_query =\n"
    )
    identity = {"user": "nobody", "extra_groups": []} if os.geteuid() == 0 else {}  # it refuses to run as root
    folder.chmod(0o755)
    with subprocess.Popen([program, "-q", folder / "pgbouncer.ini"], **identity, stderr=subprocess.DEVNULL) as pooler:
        try:
            address = f"postgresql://{url.username}:{url.password}@127.0.0.1:{port}/{name}"
            assert wait_until(lambda: answers(address))
            yield address
        finally:
            pooler.terminate()
    shutil.rmtree(folder)


def answers(address):
    with suppress(psycopg2.OperationalError), closing(psycopg2.connect(address)):
        return True
    return False


def shown(address):
    """Give the settings of each of the pooler's connections, as somebody else finds them."""
    connections = [psycopg2.connect(address) for _ in range(SERVER_CONNECTIONS)]
    found = set()
    for connection in connections:
        with connection.cursor() as cursor:
            cursor.execute(f"SELECT {', '.join(f'current_setting({name!r})' for name in SETTINGS)}")
            found.add(cursor.fetchone())
    for connection in connections:
        connection.close()
    return found


@pytest.fixture
def pooled(database_url, tmp_path):
    with running_pooler(database_url) as address:
        app = create_app(settings(tmp_path / "instance", address))
        yield app, address
        with app.app_context():
            db.engine.dispose()


def test_all_work_is_done_and_no_setting_is_left_to_others(pooled, database_url):
    app, address = pooled
    before = shown(address)
    editor = someone(app, "editor@school.example", "editor")
    editor.send("/students/new", {"name": "Ada"})
    sent = editor.send("/imports/new", {"file": sheet_file("id,name\n7,Bo\n8,Cy\n")})
    runner = app.test_cli_runner()
    with app.app_context():
        run_until_idle()
        assert db.session.scalar(text("SHOW work_mem")) == "32MB"
        assert db.session.scalar(text("SHOW jit")) == "off"
    editor.post(f"{sent.location}/apply", editor.visit(sent.location).values, status=303)
    with app.app_context():
        run_until_idle()
        assert db.session.query(Student).count() == 3
        db.session.rollback()
        assert rewrite(db.engine, ["students"])
        db.engine.dispose()
    for command in (["db", "upgrade"], ["verify"], ["doctor"]):
        result = runner.invoke(args=command)
        assert "Traceback" not in result.output
    assert len(before) == 1
    assert shown(address) == before


def test_tune_sets_for_the_user_what_each_transaction_has_set(pooled, cluster):
    app, address = pooled
    runner = app.test_cli_runner()
    assert "jit and work_mem" in runner.invoke(args=["doctor"]).output
    try:
        done = runner.invoke(args=["tune"])
        assert done.output.count("ALTER ROLE CURRENT_USER IN DATABASE") == 2
        with app.app_context():
            db.engine.dispose()
        with closing(psycopg2.connect(address)) as connection, connection.cursor() as cursor:
            cursor.execute(END_OTHERS)
        assert wait_until(lambda: ("32MB", "off", "0", "0", "off") in shown(address))
        with app.app_context(), db.engine.connect() as connection:
            assert database.lacking(connection) == []
        assert "All is set already" in runner.invoke(args=["tune"]).output
        assert "does not set" not in runner.invoke(args=["doctor"]).output
    finally:
        cluster.execute(f'ALTER ROLE rollbook IN DATABASE "{urlsplit(address).path.lstrip("/")}" RESET ALL')
