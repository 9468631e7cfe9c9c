"""`flask db upgrade` on databases that can't be used says why in one sentence; of several at once, one does it."""

import os
import subprocess
import sys
from contextlib import ExitStack, contextmanager

import pytest

import doctor
from tests.cluster import free_port
from tests.conftest import settings
from tests.server import ROOT

STRONG = "Xq3v-a key that nobody guesses 8F2kLmZ0pW7"


@contextmanager
def running(tmp_path, database_url, *more):
    environ = {"PATH": os.environ["PATH"], "ROLLBOOK_INSTANCE": str(tmp_path), "DATABASE_URL": database_url, "SECRET_KEY": STRONG}
    command = [sys.executable, "-m", "flask", *(more or ("db", "upgrade"))]
    with subprocess.Popen(command, env=environ, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        yield process


def upgrade(tmp_path, database_url, *more):
    with running(tmp_path, database_url, *more) as process:
        printed, _ = process.communicate(timeout=60)
    return process.returncode, printed


@pytest.fixture
def named(cluster):
    """Give names for databases and users, which are dropped afterwards."""
    yield "half", "clerk"
    cluster.drop("half")
    cluster.execute("DROP ROLE IF EXISTS clerk")


@pytest.mark.parametrize("encoding", ["LATIN1", "SQL_ASCII"])
def test_a_database_that_is_not_utf8_is_refused_by_upgrade_and_named_by_doctor(cluster, named, tmp_path, encoding):
    cluster.execute(f"CREATE DATABASE half ENCODING '{encoding}' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0")
    code, printed = upgrade(tmp_path, cluster.url("half"))
    assert code == 1
    assert f"The database's encoding is {encoding}, in which many names can't be written." in printed
    assert "Traceback" not in printed
    found = doctor.examine(settings(tmp_path, cluster.url("half"), SECRET_KEY=STRONG))
    assert any(encoding in finding.sentence for finding in found if finding.verdict == doctor.UNSAFE)
    code, printed = upgrade(tmp_path, cluster.url("half"), "worker")
    assert (code, f"The database's encoding is {encoding}" in printed) == (1, True)


def test_a_user_who_may_not_create_tables_is_named_with_the_grant_that_helps(cluster, named, tmp_path):
    cluster.create("half")
    cluster.execute(f"CREATE ROLE clerk LOGIN PASSWORD '{cluster.password}'")
    code, printed = upgrade(tmp_path, cluster.url("half").replace("rollbook:", "clerk:"))
    assert code == 1
    assert "The user that DATABASE_URL names may not create tables" in printed
    assert "GRANT CREATE ON SCHEMA public" in printed
    assert "Traceback" not in printed


def test_a_database_that_is_away_or_does_not_exist_is_named_without_a_traceback(cluster, tmp_path):
    for url in (cluster.url("nowhere"), f"postgresql://me:hidden-word@127.0.0.1:{free_port()}/school"):
        code, printed = upgrade(tmp_path, url)
        assert code == 1
        assert "DATABASE_URL leads to a database that says: connection to server at" in printed
        assert "Traceback" not in printed
        assert "hidden-word" not in printed


def test_processes_that_migrate_one_database_at_once_wait_for_one_another(cluster, named, tmp_path):
    cluster.create("half")
    with ExitStack() as stack:
        processes = [stack.enter_context(running(tmp_path, cluster.url("half"))) for _ in range(3)]
        printed = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0, 0], printed
    assert upgrade(tmp_path, cluster.url("half"), "verify")[0] == 0


def test_an_address_with_several_hosts_works_for_the_app_and_its_backups(cluster, named, tmp_path):
    cluster.create("half")
    several = (
        cluster.url("half").replace("127.0.0.1:", f"127.0.0.1:{free_port()},127.0.0.1:") + "?target_session_attrs=read-write"
    )
    for command in (
        ("db", "upgrade"),
        ("backup", str(tmp_path / "saved")),
        ("restore", "--overwrite", str(tmp_path / "saved")),
        ("verify",),
    ):
        code, printed = upgrade(tmp_path, several, *command)
        assert (code, "Traceback" in printed) == (0, False), printed
