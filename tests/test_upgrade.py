"""A new release takes over what an old one has stored, by what deploy/README.md and the units run, in that order."""

import json
import os
import re
import sqlite3
import subprocess
import sys
from contextlib import ExitStack, closing, contextmanager
from urllib.request import urlopen

import pytest

import documents
from tests.cluster import free_port, wait_until
from tests.server import MOMENT_S
from tests.test_db_upgrade import STRONG
from tests.test_deploy import DEPLOY, Unit, rollbook

OLD = "0001"
# A document from before versions were written, as the old release kept it.
SHEET = {"encoding": "utf-8", "delimiter": ",", "headings": ["id", "name"], "columns": ["id", "name"]}
STORED = (
    "INSERT INTO changes (id, at, actor, reason) VALUES (1, '2026-01-05 08:00:00', 'head', 'form')",
    "INSERT INTO students (id, name, age, score, version) VALUES (1, 'Ada', 36, 97.5, 1)",
    "INSERT INTO revisions (student_id, version, change_id, deleted, name, age, score) VALUES (1, 1, 1, 0, 'Ada', 36, 97.5)",
)
IMPORT = """
    INSERT INTO imports (id, actor, at, filename, path, size, state, options, sheet,
        rows, inserts, updates, unchanged, rejected, conflicts, bytes_read)
    VALUES (1, 'flask import', '2026-01-05 08:00:00', 'class.csv', ?, 20, 'uploaded', ?, ?, 0, 0, 0, 0, 0, 0, 0)
"""


@pytest.fixture
def old(tmp_path):
    """An installation whose database an old release has made, with a student and a sheet that waits for the worker."""
    instance, port = tmp_path / "instance", free_port()
    env = {"ROLLBOOK_INSTANCE": instance, "PORT": port, "ROLLBOOK_WORKER": "none", "SECRET_KEY": STRONG}
    (tmp_path / "rollbook.env").write_text("".join(f"{name}={value}\n" for name, value in env.items()))
    assert rollbook(tmp_path, "db", "upgrade", OLD).returncode == 0
    sheet = instance / "uploads" / "sheet"
    sheet.parent.mkdir(exist_ok=True)
    sheet.write_text("id,name\n1,Ada\n2,Bo\n")
    with closing(sqlite3.connect(instance / "rollbook.db")) as connection, connection:
        for statement in STORED:
            connection.execute(statement)
        documents = json.dumps({"match": "id"}), json.dumps({"path": str(sheet), **SHEET})
        connection.execute(IMPORT, (str(sheet), *documents))
    return tmp_path, instance, port


@contextmanager
def running(folder, line):
    """Run a unit's command, as systemd does."""
    environ = {"PATH": os.environ["PATH"], "ROLLBOOK_ENV": str(folder / "rollbook.env")}
    command = [sys.executable, DEPLOY / "rollbook", *line.split()[1:]]
    with subprocess.Popen(command, env=environ, cwd="/", stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            assert process.wait(60) == 0


def value(instance, question):
    with closing(sqlite3.connect(f"file:{instance}/rollbook.db?mode=ro", uri=True)) as connection:
        return connection.execute(question).fetchone()[0]


def answers(port):
    try:
        return urlopen(f"http://127.0.0.1:{port}/readyz", timeout=2).status == 200
    except OSError:
        return False


def test_an_upgrade_keeps_what_an_old_release_has_stored_and_goes_on_with_it(old):
    folder, instance, port = old
    (upgrade,) = re.findall(r"^To upgrade, make a backup, then: `(.*)`\.$", (DEPLOY / "README.md").read_text(), re.M)
    assert [step.split()[0] for step in upgrade.split(" && ")] == ["git", "make", "systemctl"]
    (folder / "backups").mkdir()
    refused = rollbook(folder, "worker")
    assert "Make a backup, then run: .venv/bin/flask db upgrade" in refused.stderr
    assert rollbook(folder, "backup", "--folder", folder / "backups").returncode == 0
    web, worker = (Unit(name)["Service"] for name in ("rollbook-web.service", "rollbook-worker.service"))
    assert rollbook(folder, *web["ExecStartPre"].split()[1:]).returncode == 0
    with ExitStack() as stack:
        stack.enter_context(running(folder, web["ExecStart"]))
        assert wait_until(lambda: answers(port), MOMENT_S)
        stack.enter_context(running(folder, worker["ExecStart"]))
        assert wait_until(lambda: value(instance, "SELECT state FROM imports") == "ready", MOMENT_S)
    assert value(instance, "SELECT name || inserts || unchanged FROM students, imports") == "Ada11"
    assert json.loads(value(instance, "SELECT sheet FROM imports"))["_version"] == documents.SHEET.version
    verified = rollbook(folder, "verify")
    assert verified.returncode == 0, verified.stdout
