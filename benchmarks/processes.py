"""One and two processes that answer, and how long SQLite's writers wait: python -m benchmarks.processes [SECONDS]"""

import multiprocessing
import os
import random
import statistics
import sys
import tempfile
import time
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from multiprocessing.queues import Queue
from pathlib import Path
from typing import Any, NamedTuple

from accounts import add_user
from benchmarks.browser import PASSWORD
from benchmarks.load import STUDENTS, Reader, work
from benchmarks.school import fill_school
from benchmarks.workload import make_app
from merge import record
from models import db
from tests.cluster import running_cluster, wait_until
from tests.colleague import Colleague
from tests.server import Server, running_server
from write_queue import WriteQueue

SECONDS, ROUNDS, PEOPLE, WRITERS = 10, 3, 16, 3
EMAIL = "reader@school.example"
PAGE = Path(__file__).parent / "processes.md"
INTRODUCTION = f"""# One process that answers, and two
Made by `python -m benchmarks.processes [SECONDS]`. {PEOPLE} people open pages of a school of {STUDENTS:,} without a pause; one
and two processes answer them by turns, {ROUNDS} rounds each, and the medians are told. They and the database have their share of
the same {multiprocessing.cpu_count()} cores. Where others work
on the machine, too, a second process has little to gain: its load was {{load:.0f}} when this began. The memory is that of all
processes, the import process included, idle; what they share counts once.

| database | 1: pages/s | p95 ms | MB | 2: pages/s | p95 ms | MB | pages, 2 ÷ 1 |
|---|---|---|---|---|---|---|---|
"""
WAITS = f"""
{WRITERS} processes save to one SQLite without a pause, each record by record. While one waited, others had their turn at most so
often; one who waits in order meets each of the other {WRITERS - 1} once.

| saves | median held ms | longest held ms | median wait ms | longest wait ms | median wait ÷ held | most turns of others |
|---|---|---|---|---|---|---|
"""


def main(seconds: int) -> None:
    introduction = INTRODUCTION.format(load=os.getloadavg()[1])
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        lines = []
        for name, url in (("SQLite", f"sqlite:///{folder}/school.db"), ("PostgreSQL", cluster.create("school"))):
            lines.append(_compare(name, Path(folder) / name, url, seconds))
            print(lines[-1], flush=True)
        waits = _writers(Path(folder), seconds)
    print(waits)
    PAGE.write_text(introduction + "\n".join(lines) + "\n" + WAITS + waits + "\n")


def _compare(name: str, folder: Path, url: str, seconds: int) -> str:
    app = make_app(folder, url)
    fill_school(app, STUDENTS)
    with app.app_context():
        add_user(EMAIL, "editor", PASSWORD)
        db.engine.dispose()
    found: dict[int, list[tuple[float, float, float]]] = {1: [], 2: []}
    for _ in range(ROUNDS):
        for processes, measured in found.items():
            with running_server(folder, url, migrated=True, WEB_CONCURRENCY=str(processes)) as server:
                measured.append(_measure(server, processes, seconds))
    one, two = (tuple(map(statistics.median, zip(*measured, strict=True))) for measured in found.values())
    cells = (name, *(f"{value:,.0f}" for value in (*one, *two)), f"{two[0] / one[0]:.2f}")
    return f"| {' | '.join(cells)} |"


def _measure(server: Server, processes: int, seconds: int) -> tuple[float, float, float]:
    """Give pages a second, the 95th percentile in ms, and the idle memory in MB."""
    assert wait_until(lambda: len(server.processes("pages")) == processes and server.processes("import"))
    memory = server.memory_now()
    with _readers(server) as readers:
        times, _ = work({"browse": readers}, seconds, server)
    assert not times.errors, times.errors
    return times.number("browse") / seconds, times.p95("browse"), memory


@contextmanager
def _readers(server: Server) -> Iterator[list[Any]]:
    with ExitStack() as desks:
        first = desks.enter_context(closing(Colleague(server.url)))
        first.sign_in(EMAIL, PASSWORD)
        yield [
            Reader(desks.enter_context(closing(first.another())), random.Random(number), searches=bool(number % 2))
            for number in range(PEOPLE)
        ]


def _writers(folder: Path, seconds: int) -> str:
    """Let some processes save by turns; give what they have waited and held, as a line."""
    url = f"sqlite:///{folder}/writers.db"
    fill_school(make_app(folder / "writers", url), 100)
    context = multiprocessing.get_context("spawn")
    told: Queue[list[_Turn]] = context.Queue()
    start = context.Barrier(WRITERS)
    started = [context.Process(target=_save, args=(folder, url, number, seconds, start, told)) for number in range(WRITERS)]
    for process in started:
        process.start()
    turns = [turn for _ in started for turn in told.get()]
    for process in started:
        process.join()
    waits, holds = ([(later - sooner) * 1000 for sooner, later in pairs] for pairs in zip(*map(_pairs, turns), strict=True))
    begun = sorted(turn.began for turn in turns)
    most = max(bisect_left(begun, turn.began) - bisect_right(begun, turn.came) for turn in turns)
    held, wait = statistics.median(holds), statistics.median(waits)
    cells = (f"{len(turns):,}", *(f"{value:.1f}" for value in (held, max(holds), wait, max(waits), wait / held)), str(most))
    return f"| {' | '.join(cells)} |"


class _Turn(NamedTuple):
    """When somebody came, began and ended, by the clock that all processes of a machine share."""

    came: float
    began: float
    ended: float


def _pairs(turn: _Turn) -> tuple[tuple[float, float], tuple[float, float]]:
    return (turn.came, turn.began), (turn.began, turn.ended)


class _Timed(WriteQueue):
    """Notes each turn."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.turns: list[_Turn] = []

    def take(self, timeout_s: float) -> bool:
        came = time.monotonic()
        taken = super().take(timeout_s)
        self._times = came, time.monotonic()
        return taken

    def give(self) -> None:
        self.turns.append(_Turn(*self._times, time.monotonic()))
        super().give()


def _save(folder: Path, url: str, number: int, seconds: int, start: Any, told: "Queue[list[_Turn]]") -> None:
    import database

    made: list[_Timed] = []

    def timed(path: Path) -> _Timed:
        made.append(_Timed(path))
        return made[-1]

    database.WriteQueue = timed  # type: ignore[misc, assignment]
    app = make_app(folder / f"writer {number}", url)
    with app.app_context():
        start.wait()
        until = time.monotonic() + seconds
        version = 1
        while time.monotonic() < until:
            values = {"id": number + 1, "name": f"Name {version}"}
            version = record.save(db.session(), values, version=version, actor="benchmark", reason="form").version
    told.put(made[0].turns)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
