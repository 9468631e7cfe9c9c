"""A disk that is full: a page says so, whoever reads goes on, nothing is lost, and once there is room all goes on by itself."""

import resource
import shutil
import subprocess
import tempfile
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from sqlalchemy import text

from models import db
from tests.cluster import running_cluster, wait_until
from tests.crash.conftest import colleague
from tests.server import Server

SHEET = b"id,name\n1,Ada\n2,Bob\n"
# PostgreSQL's own files, a segment of its log and ours take half of it.
DISK_MB = 160
# What PostgreSQL says as soon as something is to be written, where nobody may give it a disk of its own.
FULL = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON changes EXECUTE FUNCTION full_disk();
    CREATE TRIGGER full_disk BEFORE INSERT ON imports EXECUTE FUNCTION full_disk();
"""
ROOM = "DROP FUNCTION full_disk CASCADE"


@pytest.fixture(scope="module")
def disk():
    """Give the folder of a disk that is small enough to be filled; None to who may not mount one."""
    folder = Path(tempfile.mkdtemp(prefix="rollbook-"))
    command = ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m,mode=0755", "tmpfs", folder]
    mounted = shutil.which("mount") and subprocess.run(command, capture_output=True, check=False).returncode == 0
    yield folder if mounted else None
    if mounted:
        subprocess.run(["umount", folder], check=True)
    folder.rmdir()


@pytest.fixture(scope="module")
def durable(disk):
    with running_cluster(durable=True, disk=disk) as started:
        yield started


@pytest.fixture
def full(app, backend, request):
    """Let the disk be full meanwhile: PostgreSQL's, or on SQLite that of one process: `with full(process): …`."""

    @contextmanager
    def of_a_process(process):
        limits = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, limits[1]))
        yield
        resource.prlimit(process, resource.RLIMIT_FSIZE, limits)

    @contextmanager
    def of_the_database(_process):
        filling = request.getfixturevalue("disk") / "filling"
        fill(filling)
        yield
        filling.unlink()

    @contextmanager
    def as_it_is_said(_process):
        run(FULL)
        yield
        run(ROOM)

    def run(statement):
        with app.app_context():
            db.session.execute(text(statement))
            db.session.commit()

    if backend == "sqlite":
        return of_a_process
    return of_the_database if request.getfixturevalue("disk") else as_it_is_said


def fill(path):
    """Write to a file until its disk takes not another byte."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 20, 1 << 12, 1):
            with suppress(OSError):
                while True:
                    file.write(bytes(size))


def test_a_full_disk_is_said_and_once_there_is_room_all_goes_on(app, backend, database_url, tmp_path, full):
    # On SQLite the disk is full for one process, so one answers.
    server = Server(tmp_path / "instance", database_url, WEB_CONCURRENCY="1")
    server.serve()
    try:
        with closing(colleague(app, server)) as desk:
            form = {"name": "Ada", "token": "once"}
            with full(server.process):
                for reply in (desk.post("/students/new", form), desk.upload(SHEET)):
                    assert reply.status == 503
                    assert "<h1>There is no room left</h1>" in reply.text
                    assert int(reply.headers["Retry-After"]) > 0
                assert desk.get("/students").status == 200
                if backend == "sqlite":
                    assert desk.get("/students.csv").status == 503  # who has taken it along could not be noted
                    assert desk.get("/readyz").json["status"] == "there is no room left"
            assert desk.post("/students/new", form).status == 303
            assert "It changes 1 student" not in desk.get(desk.upload(SHEET).location).text
            assert app.test_cli_runner().invoke(args=["verify"]).exit_code == 0
    finally:
        server.stop()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_an_import_that_meets_a_full_disk_changes_nobody_says_why_and_can_be_applied_again(
    app, database_url, tmp_path, full, disk
):
    server = Server(tmp_path / "instance", database_url)
    server.serve()
    try:
        with closing(colleague(app, server)) as desk:
            page = desk.upload(SHEET).location
            wait_for(desk, page, "ready")
            with full(server.process):
                assert desk.decide(page, "apply").status == 303
                assert wait_until(lambda: "The server’s disk is full" in desk.get(page).text)
                if disk:
                    assert "The database's disk is full" in app.test_cli_runner().invoke(args=["doctor"]).output
            assert "Ada" not in desk.get("/students").text
            assert desk.decide(page, "apply").status == 303
            wait_for(desk, page, "applied")
            assert "Ada" in desk.get("/students").text
            assert app.test_cli_runner().invoke(args=["verify"]).exit_code == 0
    finally:
        server.stop()


def wait_for(desk, page, state):
    assert wait_until(lambda: desk.get(f"{page}/progress").json["state"] == state)
