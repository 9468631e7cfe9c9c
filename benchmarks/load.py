"""A staff of 50 at work at once over HTTP, and the bare framework under as many: python -m benchmarks.load [SECONDS]"""

import csv
import io
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote

from flask import Flask
from sqlalchemy import func, select

from accounts import add_user
from benchmarks.browser import PASSWORD
from benchmarks.school import fill_school
from benchmarks.workload import make_app
from demo import FAMILY
from models import Change, Student, db, revisions
from tests.cluster import Cluster, running_cluster
from tests.colleague import Colleague
from tests.server import Server, running_server
from tests.staff import Editor, Importer, Person

SECONDS, BARE_SECONDS, SAMPLE_S = 600, 15, 1
STAFF, EDITORS, SEARCHERS = 50, 15, 15
STUDENTS, ROWS = 100_000, 100_000
PAGES = ("/", "/students", "/students?sort=-score", "/students?sort=age&min_age=12", "/imports", "/changes")
PAGE = Path(__file__).parent / "load.md"
HEADING = "| database | staff | seconds | answers | errors | answers/s | p95 ms | bare answers/s | bare p95 ms | ÷ bare |"
KINDS = "| database | browse p95 ms | search p95 ms | edit p95 ms | edits | edits lost | sheets applied or taken back | rows/s |"
MEMORY = "| database | server's memory MB, after a quarter | half | three quarters | at the end |"


@dataclass
class Reader:
    """Opens pages, or searches for names; each with 200 or it is an error."""

    desk: Colleague
    chance: random.Random
    searches: bool

    def work_once(self) -> bool:
        path = f"/students?q={quote(self.chance.choice(FAMILY)[:4])}" if self.searches else self._page()
        return self.desk.get(path).status == 200

    def _page(self) -> str:
        return self.chance.choice((*PAGES, f"/students/{self.chance.randint(1, STUDENTS)}"))


@dataclass
class Times:
    """How long each answer to one kind of work took, in ms, and what failed."""

    taken: dict[str, list[float]] = field(default_factory=dict)
    errors: Counter[str] = field(default_factory=Counter)

    def p95(self, *kinds: str) -> float:
        return statistics.quantiles([ms for kind in kinds for ms in self.taken[kind]], n=20)[-1]

    def number(self, *kinds: str) -> int:
        return sum(len(self.taken[kind]) for kind in kinds)


def main(seconds: int) -> None:
    tables = {heading: [heading, "|---" * (heading.count("|") - 1) + "|"] for heading in (HEADING, KINDS, MEMORY)}
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for database in ("SQLite", "PostgreSQL"):
            for heading, line in zip(tables, _measure(database, seconds, Path(folder), cluster), strict=True):
                tables[heading].append(line)
                print(line, flush=True)
    PAGE.write_text(INTRODUCTION + "\n\n".join("\n".join(lines) for lines in tables.values()) + "\n")


INTRODUCTION = f"""# A staff of {STAFF} at work at once
Made by `python -m benchmarks.load [SECONDS]`. A school of {STUDENTS:,} students, and {STAFF} members of staff, each signed in and
without a pause between two clicks: {EDITORS} save records, {SEARCHERS} search, one uploads a sheet of {ROWS:,} rows, applies
it and takes it back over and over, and the others open pages. They are one process on the server's own two cores, and take
their share of them.
The bare framework is Flask on the same gunicorn with an empty page, asked by as many for {BARE_SECONDS} seconds before and after.
An error is any answer that was not the expected one. An edit is lost if it was acknowledged and is not in the record's history.
The memory is that of all its processes, what they share counted once: means over the last tenth of each quarter.

"""


def _measure(database: str, seconds: int, folder: Path, cluster: Cluster) -> tuple[str, str, str]:
    name = f"load_{database}"
    url = cluster.create(name) if database == "PostgreSQL" else f"sqlite:///{folder / name}.db"
    app = make_app(folder / name, url)
    fill_school(app, STUDENTS)
    with app.app_context():
        for number in range(STAFF):
            add_user(f"staff{number}@school.example", "editor", PASSWORD)
        db.engine.dispose()
    before = _bare(folder, url)
    with running_server(folder / name, url) as server, _staff(server) as staff:
        times, memory = work(staff, seconds, server)
    after = _bare(folder, url)
    for error, number in times.errors.most_common():
        print(f"{database}: {number} x {error}", file=sys.stderr, flush=True)
    return _lines(database, seconds, times, memory, (before, after), _lost(app, staff["edit"]), _imported(app))


@contextmanager
def _staff(server: Server) -> Iterator[dict[str, list[Person]]]:
    with ExitStack() as desks:
        seats = [desks.enter_context(closing(Colleague(server.url))) for _ in range(STAFF)]
        for number, desk in enumerate(seats):
            desk.sign_in(f"staff{number}@school.example", PASSWORD)
        importer, *others = seats
        editors, readers = others[:EDITORS], others[EDITORS:]
        yield {
            "import": [Importer(importer, _sheet())],
            "edit": [Editor(desk, number + 1) for number, desk in enumerate(editors)],
            "search": [Reader(desk, random.Random(number), searches=True) for number, desk in enumerate(readers[:SEARCHERS])],
            "browse": [Reader(desk, random.Random(number), searches=False) for number, desk in enumerate(readers[SEARCHERS:])],
        }


def _sheet() -> bytes:
    text = io.StringIO()
    rows = ((STUDENTS + row, f"Newcomer {row}", 11 + row % 8, row % 1000 / 10) for row in range(1, ROWS + 1))
    csv.writer(text).writerows([("id", "name", "age", "score"), *rows])
    return text.getvalue().encode()


def work(staff: dict[str, list[Person]], seconds: float, server: Server) -> tuple[Times, list[float]]:
    """Let everybody work for so long, and look meanwhile how much memory the server has."""
    times, over, memory = Times({kind: [] for kind in staff}), threading.Event(), []
    with ThreadPoolExecutor(STAFF) as desks:
        for kind, people in staff.items():
            for person in people:
                desks.submit(_work_until, over, person, kind, times)
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            time.sleep(SAMPLE_S)
            memory.append(server.memory_now())
        over.set()
    return times, memory


def _work_until(over: threading.Event, person: Person, kind: str, times: Times) -> None:
    while not over.is_set():
        start = time.perf_counter()
        try:
            right = person.work_once()
        except Exception as error:
            right = False
            print(repr(error)[:300], file=sys.stderr, flush=True)
        times.taken[kind].append((time.perf_counter() - start) * 1000)
        if not right:
            times.errors[f"{kind}: {person.desk.heard}"] += 1


def _bare(folder: Path, url: str) -> Times:
    # It asks no database, but gunicorn's settings do not start with one that is not migrated.
    server = Server(folder / "bare", url, ROLLBOOK_WORKER="none")
    server.program = ("gunicorn", "benchmarks.bare:app")
    server.serve()
    try:
        with ExitStack() as desks:
            people = [
                Reader(desks.enter_context(closing(Colleague(server.url))), random.Random(0), searches=False)
                for _ in range(STAFF)
            ]
            return work({"bare": people}, BARE_SECONDS, server)[0]
    finally:
        server.stop()


def _lost(app: Flask, editors: list[Person]) -> int:
    """Count the edits that were acknowledged and are not in the history of their records."""
    lost = 0
    with app.app_context():
        for editor in editors:
            assert isinstance(editor, Editor)
            kept = select(revisions.c.name).where(revisions.c.student_id == editor.student_id)
            lost += len(set(editor.acknowledged) - set(db.session.scalars(kept)))
        db.session.remove()
    return lost


def _imported(app: Flask) -> int:
    """Count the sheets that were applied or taken back."""
    with app.app_context():
        number = db.session.scalar(select(func.count()).select_from(Change).where(Change.import_id.is_not(None))) or 0
        assert db.session.scalar(select(func.count()).select_from(Student)) in (STUDENTS, STUDENTS + ROWS)
        db.session.remove()
        db.engine.dispose()
    return number


def _lines(
    database: str, seconds: int, times: Times, memory: list[float], bare: tuple[Times, Times], lost: int, imported: int
) -> tuple[str, str, str]:
    asked = ("browse", "search", "edit")
    ours = times.number(*asked) / seconds
    floor = statistics.mean(each.number("bare") for each in bare) / BARE_SECONDS
    floor_p95 = statistics.mean(each.p95("bare") for each in bare)
    tenth = max(1, len(memory) // 40)
    quarters = [statistics.mean(memory[: len(memory) * quarter // 4][-tenth:]) for quarter in (1, 2, 3, 4)]
    whole = (
        *(database, str(STAFF), f"{seconds:,}", f"{times.number(*asked):,}", f"{times.errors.total():,}"),
        *(f"{ours:,.0f}", f"{times.p95(*asked):,.0f}", f"{floor:,.0f}", f"{floor_p95:,.0f}", f"{ours / floor:.2f}"),
    )
    kinds = (
        *(database, *(f"{times.p95(kind):,.0f}" for kind in asked), f"{times.number('edit'):,}", str(lost), str(imported)),
        f"{imported * ROWS / seconds:,.0f}",
    )
    lines = [whole, kinds, (database, *(f"{megabytes:.0f}" for megabytes in quarters))]
    first, second, third = (f"| {' | '.join(cells)} |" for cells in lines)
    return first, second, third


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else SECONDS)
