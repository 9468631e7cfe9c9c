"""The server as it is run for real: it stops without cutting anybody off, keeps a log, and any number of it serve as one."""

import os
import re
import secrets
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing
from pathlib import Path
from types import SimpleNamespace

import pytest
from sqlalchemy import text

from accounts import add_user
from models import db
from server import Worker
from tests.cluster import wait_until
from tests.colleague import Colleague
from tests.conftest import PASSWORD
from tests.server import ROOT, Server, running_server

EMAIL = "office@school.example"
# What keeps everybody else from saving.
LOCKS = {"sqlite": "SELECT 1", "postgresql": "LOCK TABLE students IN EXCLUSIVE MODE"}
SHEET = b"id,name\n1,Ada\n2,Bob\n,\n"


@pytest.fixture
def office(app):
    """Somebody who may do what an editor may: `office(url)` signs them in there."""
    with app.app_context():
        add_user(EMAIL, "editor", PASSWORD)
    with ExitStack() as desks:

        def sign_in(url):
            desk = desks.enter_context(closing(Colleague(url)))
            desk.sign_in(EMAIL, PASSWORD)
            return desk

        yield sign_in


def test_a_save_that_is_under_way_when_the_server_is_told_to_stop_is_finished_and_answered(
    app, backend, database_url, tmp_path, office
):
    log = tmp_path / "access.log"
    with running_server(tmp_path / "instance", database_url, migrated=True, ROLLBOOK_ACCESS_LOG=str(log)) as server:
        desk = office(server.url)
        desk.get("/students?q=Lovelace")
        with app.app_context(), ThreadPoolExecutor(1) as beside:
            db.session.execute(text(LOCKS[backend]))
            saving = beside.submit(desk.another().post, "/students/new", {"name": "Ada", "token": "once"})
            assert wait_until(lambda: "rollbook_requests_running 2.0" in desk.get("/metrics").text)
            server.tell_to_stop()
            assert wait_until(lambda: not server.answers())
            db.session.rollback()
            assert saving.result().status == 303
        assert server.stop() == 0
    lines = log.read_text()
    assert " GET /students 200 " in lines
    assert " POST /students/new 303 " in lines
    assert "Lovelace" not in lines, "the log need not know for whom somebody searched"


def test_whoever_stops_does_not_look_for_garbage_first(tmp_path):
    """A server that is told to stop has half a minute, and not always a processor: what is frozen is not looked through."""
    told_last = "import atexit, gc, runpy; atexit.register(lambda: print(gc.get_freeze_count() > 0)); "
    command = [sys.executable, "-c", f"{told_last}runpy.run_path('gunicorn.conf.py')"]
    environ = {"ROLLBOOK_INSTANCE": str(tmp_path / "instance")}
    assert subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout == "True\n"


@pytest.mark.parametrize("backend", ["sqlite"])
def test_import_process_that_is_killed_is_succeeded_and_all_end_with_the_server(database_url, tmp_path, office):
    with running_server(tmp_path / "instance", database_url, migrated=True) as server:
        desk = office(server.url)
        _wait_for(desk, desk.upload(SHEET).location, "ready")
        (killed,) = server.processes("import")
        os.kill(killed, signal.SIGKILL)
        assert wait_until(lambda: server.processes("import") not in ([killed], []))
        page = desk.upload(SHEET.replace(b"Bob", b"Barbara")).location
        _wait_for(desk, page, "ready")
        assert desk.decide(page, "apply").status == 303
        _wait_for(desk, page, "applied")
        started = [*server.processes("import"), *server.processes("pages")]
    assert not any(Path(f"/proc/{process}").exists() for process in started)


@pytest.mark.parametrize("backend", ["sqlite"])
def test_processes_end_when_their_master_is_killed(database_url, tmp_path):
    server = Server(tmp_path / "instance", database_url)
    server.serve()
    assert wait_until(lambda: server.processes("import") and server.processes("pages"))
    started = server.all_processes()[1:]
    server.kill_master()
    assert wait_until(lambda: not any(Path(f"/proc/{process}").exists() for process in started))


def test_processes_serve_as_one(database_url, tmp_path, office):
    """What one has been told the others know, and the metrics are those of all, whichever is asked."""
    with running_server(tmp_path / "instance", database_url, migrated=True, WEB_CONCURRENCY="3") as server:
        assert wait_until(lambda: len(server.processes("pages")) == 3)
        desk = office(server.url)
        with ThreadPoolExecutor(8) as beside:
            saved = list(beside.map(lambda number: _save(desk, number), range(24)))
        assert saved == [303] * 24
        assert server.memory_now() < 350, "in MB, of all processes"
        told = desk.another().get("/metrics").text
        assert re.findall(r'^rollbook_requests_total\{.*route="/students/new",status="303"\} (\d+)', told, re.M) == ["24"]
        pids = {int(pid) for pid in re.findall(r'^process_open_fds\{pid="(\d+)"', told, re.M)}
        assert {*server.processes("pages"), *server.processes("import")} <= pids
        os.kill(server.processes("pages")[0], signal.SIGKILL)
        assert wait_until(lambda: len(server.processes("pages")) == 3)
        assert 'status="303"} 24.0' in desk.another().get("/metrics").text, "what a process has counted outlives it"


def _save(desk, number):
    with closing(desk.another()) as window:
        return window.post("/students/new", {"name": f"Student {number}", "token": f"once {number}"}).status


@pytest.mark.parametrize("backend", ["sqlite"])
def test_server_without_worker_runs_no_imports(database_url, tmp_path, office):
    with running_server(tmp_path / "instance", database_url, migrated=True, ROLLBOOK_WORKER="none") as server:
        desk = office(server.url)
        page = desk.upload(SHEET).location
        assert server.processes("import") == []
        assert desk.get(f"{page}/progress").json["state"] == "uploaded"


@pytest.mark.parametrize(
    ("others", "number", "runs_imports"),
    [
        ([], 2, False),
        ([False], 2, True),
        ([True], 2, False),
        ([False, False], 3, True),
        ([False, True], 3, False),
        # All are replaced: those who were there before go, the oldest first.
        ([True, False, False], 3, True),
        ([False, False, True], 3, False),
        ([False, False, True, False, False], 3, True),
        ([], 1, False),
    ],
)
def test_share_out_leaves_one_process_that_runs_imports(others, number, runs_imports):
    aged = [SimpleNamespace(age=age, runs_imports=runs) for age, runs in enumerate(others)]
    new = SimpleNamespace()
    Worker.share_out(new, aged, number)
    assert new.runs_imports is runs_imports


@pytest.mark.parametrize("backend", ["postgresql"])
def test_any_server_answers_any_request(database_url, tmp_path, office):
    """Two servers and a worker, each as on a machine of its own, share the database, the key and the folder of sheets."""
    shared = {"SECRET_KEY": secrets.token_urlsafe(48), "ROLLBOOK_UPLOADS": str(tmp_path / "shared"), "ROLLBOOK_WORKER": "none"}
    shared["ROLLBOOK_URL"] = "http://127.0.0.1"  # people open both by one address
    with ExitStack() as running:
        one, other = (
            running.enter_context(running_server(tmp_path / name, database_url, migrated=True, **shared))
            for name in ("one", "other")
        )
        here = office(one.url)
        there = here.another(other.url)
        page = here.upload(SHEET).location
        worker = other.run("flask", "worker")
        try:
            _wait_for(there, page, "ready")
            assert "It adds 2 students" in here.get(page).text
            assert there.get(f"{page}/columns").status == 200, "the sheet itself is looked at"
            assert there.decide(page, "apply").status == 303
            _wait_for(here, page, "applied")
        finally:
            worker.terminate()
            worker.wait()
        assert here.post("/students/1", {"name": "Ada Lovelace", "version": "1"}).status == 303
        assert there.get("/students/1").value("name") == "Ada Lovelace"
        assert there.get("/profile").status == 200
        there.post("/logout", {})
        assert here.get("/profile").status == 302, "who has signed out is signed out everywhere"


def _wait_for(desk, page, state):
    assert wait_until(lambda: desk.get(f"{page}/progress").json["state"] == state)
