"""Import a sheet, beside the bare database and the seed's way: python -m benchmarks.imports [ROWS …]"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from typing import Any

from flask import Flask

from benchmarks.floor import run_floor, run_merge
from benchmarks.workload import fill, make_app, sheet_rows, write_sheet
from merge import record
from models import db
from tests.cluster import Cluster, running_cluster

Run = dict[str, Any]
SIZES = (10_000, 100_000, 1_000_000)
RUNS = 3
MERGED, MERGED_AND_COMMITTED = 3_000, 300
PAGE = Path(__file__).parent / "imports.md"
HEADING = (
    "| database | rows | floor s | preview s | apply s | whole / floor | preview / floor | undo s | memory MB | "
    "save p95 ms (max) | merge rows/s | × merge | × merge and commit |"
)


def main(sizes: list[int]) -> None:
    lines = [HEADING, "|---" * HEADING.count(" | ") + "|---|"]
    print("\n".join(lines), flush=True)
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for database in ("SQLite", "PostgreSQL"):
            for rows in sizes:
                lines.append(_measure(database, rows, Path(folder), cluster))
                print(lines[-1], flush=True)
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


INTRODUCTION = f"""# Importing a sheet
Made by `make benchmark`. The table holds half as many students as the sheet has rows; half of the common rows differ.
Medians of {RUNS} runs.
The floor is the bare database: the sheet loaded, one ON CONFLICT statement that skips equal rows; no checks, preview or history.
A ratio's two sides ran in turn on the same machine; the seconds say something about that machine only.
Memory is the worker's peak over its idle process. Saves are form saves, one after the other, of a student that is
not in the sheet, while the sheet is applied and undone in one more run.
`session.merge` a row is timed on a part of the same rows,
once with one commit at the end and once with a commit a row, as the form does.

"""


def _measure(database: str, rows: int, folder: Path, cluster: Cluster) -> str:
    sheet = folder / "sheet.csv"
    write_sheet(sheet, rows)
    floors, runs = [], []
    for _ in range(RUNS):
        with database_with(database, rows, folder, cluster) as (app, _url):
            floors.append(run_floor(app, sheet))
        with database_with(database, rows, folder, cluster) as (_app, url):
            runs.append(run(url, folder, sheet, rows))
    with database_with(database, rows, folder, cluster) as (app, url):
        saves = _run_beside_saves(app, url, folder, sheet, rows)
    with database_with(database, rows, folder, cluster) as (app, _url):
        merged = run_merge(app, _around_the_middle(rows, MERGED), commit_each=False)
        committed = run_merge(app, _around_the_middle(rows, MERGED_AND_COMMITTED), commit_each=True)
    return _line(database, rows, floors, runs, saves, merged, committed)


def _around_the_middle(rows: int, number: int) -> list[tuple[int, str, int, float]]:
    """Give a part of the sheet in which as many students are stored as new."""
    return list(islice(sheet_rows(rows), (rows - number) // 2, (rows + number) // 2))


def _line(
    database: str, rows: int, floors: list[float], runs: list[Run], saves: list[float], merged: float, committed: float
) -> str:
    middle = {name: statistics.median(run[name] for run in runs) for name in ("preview", "apply", "undo", "memory")}
    whole = middle["preview"] + middle["apply"]
    floor = statistics.median(floors)
    p95 = saves[int(len(saves) * 0.95)]
    cells = [
        *(database, f"{rows:,}", f"{floor:.2f}", f"{middle['preview']:.2f}", f"{middle['apply']:.2f}"),
        *(f"{whole / floor:.2f}", f"{middle['preview'] / floor:.2f}", f"{middle['undo']:.2f}", f"{middle['memory']:.0f}"),
        f"{p95 * 1000:.0f} ({saves[-1] * 1000:.0f}, n={len(saves)})",
        *(f"{merged:,.0f}", f"{rows / whole / merged:.0f}", f"{rows / whole / committed:.0f}"),
    ]
    return f"| {' | '.join(cells)} |"


def run(database_url: str, folder: Path, sheet: Path, rows: int) -> Run:
    """Import in a worker of its own, and let it report."""
    with _worker(database_url, folder, sheet) as worker:
        printed = worker.communicate()[0]
    return _checked(printed, rows)


def _run_beside_saves(app: Flask, database_url: str, folder: Path, sheet: Path, rows: int) -> list[float]:
    """Save a student's record again and again while the sheet is applied and undone; give how long each save took, sorted."""
    with app.app_context(), _worker(database_url, folder, sheet) as worker:
        assert worker.stdout
        _save_bystander(rows * 10, None)
        assert worker.stdout.readline() == "applying\n"
        saves = sorted(_saves(rows * 10, worker))
        _checked(worker.stdout.read(), rows)
    return saves


def _worker(database_url: str, folder: Path, sheet: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "benchmarks.one_import", str(folder / "instance"), database_url, str(sheet)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _checked(printed: str, rows: int) -> Run:
    report: Run = json.loads(printed.splitlines()[-1])
    assert report["state"] == "undone", report
    assert report["counts"] == [rows // 2, rows // 4, rows // 4, 0], report
    return report


def _saves(bystander: int, worker: "subprocess.Popen[str]") -> Iterator[float]:
    """Save until the worker has applied and undone; give how long each save took."""
    version = 1
    while worker.poll() is None:
        start = time.perf_counter()
        _save_bystander(bystander, version)
        version += 1
        yield time.perf_counter() - start
        time.sleep(0.02)  # as fast as no person clicks


def _save_bystander(student_id: int, version: int | None) -> None:
    values = {"id": student_id, "name": f"Bystander {version}", "age": None, "score": None}
    record.save(db.session(), values, version=version, actor="benchmark", reason="form")
    db.session.remove()


@contextmanager
def database_with(database: str, rows: int, folder: Path, cluster: Cluster) -> Iterator[tuple[Flask, str]]:
    """Make a database that holds the workload's students, and drop it again."""
    path = folder / "students.db"
    url = cluster.create("students") if database == "PostgreSQL" else f"sqlite:///{path}"
    app = make_app(folder / "instance", url)
    fill(app, rows)
    try:
        yield app, url
    finally:
        with app.app_context():
            db.engine.dispose()
        if database == "PostgreSQL":
            cluster.drop("students")
        for file in folder.glob("students.db*"):
            file.unlink()


if __name__ == "__main__":
    main([int(text) for text in sys.argv[1:]] or list(SIZES))
