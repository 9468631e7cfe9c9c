"""Whatever is killed at whatever moment: what was acknowledged is there afterwards, and nothing is half done.

TEST_TIMES=50 makes it a long run, CRASH_SEED another one.
"""

import os
import random
import secrets
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from models import Import, Student, db, now, revisions
from tests.cluster import Cluster, wait_until
from tests.colleague import Colleague
from tests.crash.conftest import colleague
from tests.examples import examples
from tests.server import Server
from tests.staff import PATIENCE_S, Editor, Importer, Person, Registrar

ROUNDS = examples(3)
SEED = os.environ.get("CRASH_SEED", "Rollbook")
EDITORS = 3
ROWS = 2_000
FIRST = 100_000
SHEET = ("id,name,score\n" + "".join(f"{FIRST + row},Pupil {row},{row % 100}\n" for row in range(ROWS))).encode()
SCORES = sum(row % 100 for row in range(ROWS))


@dataclass
class School:
    """What runs, and how each part of it is killed and comes back as a service manager would bring it."""

    app: Flask
    server: Server
    cluster: Cluster | None
    worker: Any = None

    def start(self) -> None:
        self.server.serve()
        self._start_worker()

    def stop(self) -> None:
        self.worker.kill()
        self.worker.wait()
        self.server.stop()

    @property
    def parts(self) -> list[Callable[[], None]]:
        parts = [self.kill_web, self.kill_worker, self.kill_answering_process, self.kill_both]
        return [self.kill_database, *parts] if self.cluster else parts

    def kill_web(self) -> None:
        self.server.kill()
        self.server.serve()

    def kill_answering_process(self) -> None:
        """Gunicorn itself starts another one."""
        os.kill(self.server.process, signal.SIGKILL)

    def kill_worker(self) -> None:
        self.worker.kill()
        self.worker.wait()
        self._let_leases_run_out()
        self._start_worker()

    def kill_both(self) -> None:
        self.worker.kill()
        self.kill_web()
        self.kill_worker()

    def kill_database(self) -> None:
        """Neither the server nor the worker is started again for that."""
        assert self.cluster
        self.cluster.kill()
        assert wait_until(self.cluster.start)

    def _start_worker(self) -> None:
        self.worker = self.server.run("flask", "worker")

    def _let_leases_run_out(self) -> None:
        with self.app.app_context():
            held = update(Import).where(Import.lease_holder.is_not(None)).values(lease_until=now() - timedelta(seconds=1))
            db.session.execute(held)
            db.session.commit()


@pytest.fixture
def school(app, backend, database_url, tmp_path, request) -> Iterator[School]:
    cluster = request.getfixturevalue("durable") if backend == "postgresql" else None
    server = Server(tmp_path / "instance", database_url, ROLLBOOK_WORKER="none")
    made = School(app, server, cluster)
    try:
        made.start()
        yield made
        made.stop()
    finally:
        print(server.log.read_text()[-200_000:])  # noqa: T201  shown where a test has failed


@pytest.fixture
def desk(school) -> Iterator[Colleague]:
    with closing(colleague(school.app, school.server)) as made:
        yield made


def test_nothing_acknowledged_is_lost_and_nothing_is_half_done(school, desk, backend):
    editors = [Editor(desk.another(), made(desk, "First")) for _ in range(EDITORS)]
    for editor in editors:
        editor.acknowledged.append("First")
    registrar, importer = Registrar(desk.another()), Importer(desk.another(), SHEET)
    chance = random.Random(f"{SEED} {backend}")
    for round_ in range(ROUNDS):
        kill = school.parts[round_ % len(school.parts)]
        over = threading.Event()
        with told(f"round {round_}: {kill.__name__}"), ThreadPoolExecutor(EDITORS + 2) as desks:
            at_work = [desks.submit(work, person, over) for person in (*editors, registrar, importer)]
            try:
                time.sleep(chance.uniform(0, 1.5))
                kill()
            finally:
                over.set()
            for person in at_work:
                person.result()
            check(school.app, editors, registrar, importer)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Say of a failure when it was."""
    try:
        yield
    except BaseException as failure:
        failure.add_note(what)
        raise


def made(desk: Colleague, name: str) -> int:
    return int(desk.post("/students/new", {"name": name, "token": secrets.token_urlsafe(24)}).location.rpartition("/")[2])


def work(person: Person, over: threading.Event) -> None:
    """Go on until something was acknowledged after it was over: whatever was killed has recovered by then."""
    until = time.monotonic() + PATIENCE_S
    while True:
        late = over.is_set()
        if person.work_once() and late:
            return
        assert time.monotonic() < until, f"nothing was acknowledged any more: {person}"


def check(app: Flask, editors: list[Editor], registrar: Registrar, importer: Importer) -> None:
    verified = app.test_cli_runner().invoke(args=["verify"])
    assert verified.exit_code == 0, verified.output
    with app.app_context():
        for editor in editors:
            kept = select(revisions.c.name).where(revisions.c.student_id == editor.student_id).order_by(revisions.c.version)
            assert list(db.session.scalars(kept)) == editor.acknowledged
        made_once = select(Student.name).where(Student.name.startswith("New "))
        assert sorted(db.session.scalars(made_once)) == sorted(registrar.acknowledged)
        imported = select(func.count(), func.coalesce(func.sum(Student.score), 0)).where(Student.name.startswith("Pupil "))
        whole = (ROWS, SCORES) if importer.state == "applied" else (0, 0)
        assert db.session.execute(imported).one() == whole, f"the import is {importer.state}"
        db.session.rollback()
