"""A disk that is full: a page says so, whoever reads goes on, nothing is lost, and once there is room all goes on by itself."""

import resource
from contextlib import closing, contextmanager

import pytest
from sqlalchemy import text

from models import db
from tests.crash.conftest import colleague
from tests.server import Server

SHEET = b"id,name\n1,Ada\n2,Bob\n"
# What PostgreSQL says as soon as something is to be written. It can't be had from a real disk without being root.
FULL = """
    CREATE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
    $$ BEGIN RAISE EXCEPTION 'could not extend file: No space left on device' USING ERRCODE = 'disk_full'; END $$;
    CREATE TRIGGER full_disk BEFORE INSERT ON changes EXECUTE FUNCTION full_disk();
"""
ROOM = "DROP FUNCTION full_disk CASCADE"


@pytest.fixture
def full(app, backend):
    """Let the disk be full meanwhile for the database, or for a whole process: `with full(process): …`."""

    @contextmanager
    def of_a_process(process):
        limits = resource.prlimit(process, resource.RLIMIT_FSIZE)
        resource.prlimit(process, resource.RLIMIT_FSIZE, (0, limits[1]))
        yield
        resource.prlimit(process, resource.RLIMIT_FSIZE, limits)

    @contextmanager
    def of_the_database(_process):
        run(FULL)
        yield
        run(ROOM)

    def run(statement):
        with app.app_context():
            db.session.execute(text(statement))
            db.session.commit()

    return of_a_process if backend == "sqlite" else of_the_database


def test_a_full_disk_is_said_and_once_there_is_room_all_goes_on(app, database_url, tmp_path, full, backend):
    server = Server(tmp_path / "instance", database_url)
    server.serve()
    try:
        with closing(colleague(app, server)) as desk:
            form = {"name": "Ada", "token": "once"}
            with full(server.process):
                refused = [desk.post("/students/new", form)] + ([desk.upload(SHEET)] if backend == "sqlite" else [])
                for reply in refused:
                    assert reply.status == 503
                    assert "<h1>There is no room left</h1>" in reply.text
                    assert int(reply.headers["Retry-After"]) > 0
                assert desk.get("/students").status == 200
            assert desk.post("/students/new", form).status == 303
            assert "It changes 1 student" not in desk.get(desk.upload(SHEET).location).text
            assert app.test_cli_runner().invoke(args=["verify"]).exit_code == 0
    finally:
        server.stop()
