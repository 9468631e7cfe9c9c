"""What it costs to judge names, as a ratio to not judging them: python -m benchmarks.identity [ROWS …]"""

import csv
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from benchmarks.imports import database_with
from benchmarks.one_import import memory, step
from benchmarks.workload import NAMES, make_app, sheet_rows
from merge.compare import Reading
from merge.imports import lifecycle, receiving, steps
from merge.recheck import recheck
from models import Import, db
from tests.cluster import Cluster, running_cluster

ROWS = 1_000_000
RUNS = 3
PAGE = Path(__file__).parent / "identity.md"
# Who of those stored has another name in the sheet, and which: told from it by a letter, or only spelled otherwise.
SHEETS: dict[str, tuple[Callable[[int], bool], Callable[[str], str]]] = {
    "no other name": (lambda _number: False, str),
    "5 % other names": (lambda number: number % 20 == 0, lambda name: f"{name}a"),
    "all other names": (lambda _number: True, lambda name: f"{name}a"),
    "all in capitals": (lambda _number: True, str.upper),
    "all last name first": (lambda _number: True, lambda name: f"{name[8:]}, {name[:7]}"),
    "5 % of another student": (lambda number: number % 20 == 0, lambda name: f"Student Number {int(name[15:]) % 1000 + 1}"),
}
HEADING = (
    "| database | rows | sheet | preview s, not judged | judged | ratio | at apply s | rows to review "
    "| memory MB, not judged | judged |"
)
INTRODUCTION = f"""# Judging names
Made by `python -m benchmarks.identity`. The table holds half as many students as the sheet has rows, which are found by ID.
Each preview runs in a process of its own, in turn with the names judged and not judged; medians of {RUNS} runs.
The ratio says what judging costs; as the sheet is applied, it is looked at again who could be meant by now, in so many seconds.
The seconds say something about that machine only.

"""


def main(sizes: list[int]) -> None:
    lines = [HEADING, "|---" * HEADING.count(" | ") + "|---|"]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for database in ("SQLite", "PostgreSQL"):
            for rows in sizes:
                for line in _measure(database, rows, Path(folder), cluster):
                    lines.append(line)
                    print(line, flush=True)
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _measure(database: str, rows: int, folder: Path, cluster: Cluster) -> list[str]:
    sheet = folder / "sheet.csv"
    found = []
    with database_with(database, rows, folder, cluster) as (_app, url):
        for name in SHEETS:
            _write(sheet, rows, name)
            runs: dict[str, list[dict[str, float]]] = {"unjudged": [], "judged": []}
            for way in [*runs] * RUNS:
                command = [sys.executable, "-m", "benchmarks.identity", way, str(folder / "instance"), url, str(sheet)]
                runs[way].append(json.loads(subprocess.run(command, stdout=subprocess.PIPE, check=True).stdout))
            found.append(_line(database, rows, name, runs["unjudged"], runs["judged"]))
    return found


def _line(database: str, rows: int, name: str, unjudged: list[dict[str, float]], judged: list[dict[str, float]]) -> str:
    before, after = (statistics.median(run["preview"] for run in runs) for runs in (unjudged, judged))
    ratio = statistics.median(b["preview"] / a["preview"] for a, b in zip(unjudged, judged, strict=True))
    cells = [database, f"{rows:,}", name, f"{before:.2f}", f"{after:.2f}", f"{ratio:.2f}"]
    cells += [f"{statistics.median(run['recheck'] for run in judged):.2f}", f"{judged[0]['reviews']:,.0f}"]
    cells += [f"{max(run['memory'] for run in runs):.0f}" for runs in (unjudged, judged)]
    return f"| {' | '.join(cells)} |"


def _write(sheet: Path, rows: int, name: str) -> None:
    differs, spell = SHEETS[name]
    with sheet.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(NAMES)
        for number, stored, *rest in sheet_rows(rows):
            writer.writerow((number, spell(stored) if number <= rows // 2 and differs(number) else stored, *rest))


def _preview(way: str, instance: str, url: str, sheet: str) -> None:
    """Preview the sheet as a worker does, and print seconds, rows to review and memory in MB as JSON."""
    app = make_app(Path(instance), url)
    if way == "unjudged":
        compare = steps.compare
        steps.compare = lambda session, reading, **more: compare(session, replace(reading, named=False), **more)
    with app.app_context():
        session = db.session()
        session.execute(db.select(1))
        idle = memory("VmRSS")
        start = time.perf_counter()
        with Path(sheet).open("rb") as file:
            import_id = receiving.receive(session, app.config["UPLOADS"], "sheet.csv", file, "benchmark").id
        step(import_id)
        seconds = time.perf_counter() - start
        import_ = session.get_one(Import, import_id, populate_existing=True)
        measured = {"preview": seconds, "reviews": import_.reviews, "memory": memory("VmHWM") - idle}
        start = time.perf_counter()
        recheck(session, Reading.of(import_))
        measured["recheck"] = time.perf_counter() - start
        session.rollback()
        print(json.dumps(measured), flush=True)
        lifecycle.cancel(session, import_id, version=import_.version)


if __name__ == "__main__":
    if sys.argv[1:2] in (["judged"], ["unjudged"]):
        _preview(*sys.argv[1:])
    else:
        main([int(text) for text in sys.argv[1:]] or [ROWS])
