"""A worker that is killed at any moment is succeeded, and the table ends as if nothing had happened."""

import os
import signal
import subprocess
import sys
from datetime import timedelta

import pytest
from sqlalchemy import func, select, update

from database import only_reading
from merge.imports import lifecycle, receiving
from models import Import, Student, db, now, planned_rows, staged_rows
from tests.cluster import wait_until
from tests.merge.conftest import assert_revisions_agree, version_of
from tests.server import ROOT

ROWS = 40_000

pytestmark = pytest.mark.long


@pytest.fixture
def worker(tmp_path, database_url):
    """Start a worker of its own, or another command: worker("watch", folder). It is killed at the end."""
    environ = {"PATH": os.environ["PATH"], "ROLLBOOK_INSTANCE": str(tmp_path / "instance"), "DATABASE_URL": database_url}
    started = []

    def start(*command):
        arguments = [sys.executable, "-m", "flask", *(command or ["worker"])]
        process = subprocess.Popen(arguments, cwd=ROOT, env=environ, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        started.append(process)
        return process

    yield start
    for process in started:
        kill(process)


def test_killed_at_each_moment_an_import_and_its_undo_come_to_the_same_end(app, tmp_path, worker):
    sheet = tmp_path / "sheet.csv"
    sheet.write_text("id,name,score\n" + "".join(f"{number},Student {number},{number % 100}\n" for number in range(1, ROWS + 1)))
    with app.app_context():
        with sheet.open("rb") as file:
            import_id = receiving.receive(db.session(), app.config["UPLOADS"], "sheet.csv", file, "test").id
        kill_while(worker, import_id, "reading")
        kill_while(worker, import_id, "comparing")
        settle(worker, import_id, "ready")
        assert look(select(func.count()).select_from(staged_rows)) == ROWS
        assert look(select(func.count()).select_from(planned_rows)) == ROWS

        lifecycle.start_apply(db.session(), import_id, "test", version=version_of(db.session(), import_id))
        kill_while(worker, import_id, "applying")
        settle(worker, import_id, "applied")
        assert look(select(func.count()).select_from(Student)) == ROWS
        assert look(select(func.sum(Student.score))) == sum(number % 100 for number in range(1, ROWS + 1))
        assert_revisions_agree(db.session())

        lifecycle.start_undo(db.session(), import_id, "test", version=version_of(db.session(), import_id))
        kill_while(worker, import_id, "undoing")
        settle(worker, import_id, "undone")
        assert look(select(func.count()).select_from(Student)) == 0
        assert_revisions_agree(db.session())


def test_a_watcher_that_is_killed_at_each_moment_has_imported_the_file_once(app, tmp_path, worker):
    folder = tmp_path / "nightly"
    folder.mkdir()
    sheet = "id,name\n" + "".join(f"{number},Student {number}\n" for number in range(1, ROWS + 1))
    (folder / "night.csv").write_text(sheet)

    def watcher():
        return worker("watch", folder, "--once", "--settled", "0", "--most-inserts", str(ROWS))

    with app.app_context():
        for step in ("reading", "comparing", "applying"):
            kill_while(watcher, 1, step)
        assert [file.name for file in folder.glob(".importing/*/*")] == ["night.csv"]
        assert watcher().wait(120) == 0
        assert look(select(func.count()).select_from(Import)) == 1
        assert look(select(Import.state)) == "applied"
        assert look(select(func.count()).select_from(Student)) == ROWS
        assert_revisions_agree(db.session())
    assert len(list((folder / "done").iterdir())) == 2
    assert not list(folder.glob("*.csv"))
    assert not list((folder / ".importing").iterdir())


def kill_while(worker, import_id, step):
    """Start a worker, kill it as soon as it is seen at that step, and let its lease run out."""
    process = worker()
    seen = wait_until(lambda: look(select(Import.step).where(Import.id == import_id)) == step)
    kill(process)
    assert seen, f"no worker was seen {step}"
    db.session.execute(update(Import).where(Import.id == import_id).values(lease_until=now() - timedelta(seconds=1)))
    db.session.commit()


def settle(worker, import_id, state):
    process = worker()
    assert wait_until(lambda: look(select(Import.state).where(Import.id == import_id)) == state)
    kill(process)


def kill(process):
    process.send_signal(signal.SIGKILL)
    process.wait()


def look(statement):
    """Look without waiting for whoever writes."""
    with only_reading():
        found = db.session.scalar(statement)
        db.session.rollback()
    return found
