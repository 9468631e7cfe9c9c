"""What a million, ten and a hundred million students cost on one PostgreSQL server: python -m benchmarks.scale [STUDENTS …]"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

from flask import Flask
from sqlalchemy import text

from benchmarks.browser import add_editor, sign_in
from benchmarks.list import addresses, read
from benchmarks.school import fill_school
from benchmarks.workload import make_app
from merge import record
from models import Student, db
from tests.cluster import Cluster, running_cluster

SIZES = (1_000_000, 10_000_000, 100_000_000)
ROWS = 100_000
TRIES = 30
PAGES = ("first page", "a page deep in", "last page by score", "search, common", "search, rare", "record")
PAGE = Path(__file__).parent / "scale.md"
INTRODUCTION = f"""# One server, and how many students
Made by `python -m benchmarks.scale`, on PostgreSQL with the settings that it comes with.
Pages are the app's own time, medians of {TRIES}; a save is a record changed by its form's path, median of {TRIES} students
spread over the table. The sheet has {ROWS:,} rows, spread over the table too: half of them change a student, half are new.

"""
SIZE_GB = "SELECT {function}('{table}') / 1e9"


class Part(NamedTuple):
    """One line of the page, and how it is found out."""

    title: str
    measure: Callable[["School"], str]


class School(NamedTuple):
    number: int
    app: Flask
    url: str
    folder: Path
    filled_s: float


def main(sizes: list[int]) -> None:
    columns = [["", *(part.title for part in _parts())]]
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for number in sizes:
            with _school(number, Path(folder), cluster) as school:
                columns.append([f"{number:,}"])
                for part in _parts():
                    columns[-1].append(part.measure(school))
                    print(number, part.title, columns[-1][-1], flush=True)
            _write(columns)


def _write(columns: list[list[str]]) -> None:
    lines = [f"| {' | '.join(row)} |" for row in zip(*columns, strict=True)]
    lines.insert(1, "|---" * len(columns) + "|")
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _parts() -> list[Part]:
    return [
        Part("filling and indexing, s", lambda school: f"{school.filled_s:.0f}"),
        *(Part(f"{table} on disk, GB", partial(_size, table, "pg_table_size")) for table in ("students", "revisions")),
        *(Part(f"indexes of {table}, GB", partial(_size, table, "pg_indexes_size")) for table in ("students", "revisions")),
        *(Part(f"{page}, ms", partial(_page, page)) for page in PAGES),
        Part("a save, ms", _save),
        Part("a sheet: preview, apply, undo, s", _import),
    ]


@contextmanager
def _school(number: int, folder: Path, cluster: Cluster) -> Iterator[School]:
    name = f"school_{number}"
    url = cluster.create(name)
    app = make_app(folder / name, url)
    start = time.perf_counter()
    fill_school(app, number)
    filled_s = time.perf_counter() - start
    add_editor(app)
    yield School(number, app, url, folder / name, filled_s)
    with app.app_context():
        db.engine.dispose()
    cluster.drop(name)


def _size(table: str, function: str, school: School) -> str:
    with school.app.app_context():
        return f"{db.session.execute(text(SIZE_GB.format(function=function, table=table))).scalar_one():.2f}"


def _page(page: str, school: School) -> str:
    return _median_ms(partial(read, sign_in(school.app), addresses(school.app)[page]))


def _save(school: School) -> str:
    with school.app.app_context():
        ids = iter(range(1, school.number, school.number // (TRIES + 2)))
        return _median_ms(lambda: _save_one(next(ids)))


def _save_one(student_id: int) -> None:
    student = db.session.get_one(Student, student_id)
    values = {"id": student_id, "name": student.name, "age": student.age, "score": 50.55}
    record.save(db.session(), values, version=student.version, actor="benchmark", reason="form")
    db.session.remove()


def _import(school: School) -> str:
    sheet = school.folder / "sheet.csv"
    with sheet.open("w") as file:
        file.write("id,name,age,score\n")
        for number in range(ROWS):
            student_id = school.number + number if number % 2 else 1 + number * (school.number // ROWS)
            file.write(f"{student_id},Student Number {number},{11 + number % 8},{number % 1000 / 10}\n")
    command = [sys.executable, "-m", "benchmarks.one_import", str(school.folder / "instance"), school.url, str(sheet)]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    report: dict[str, Any] = json.loads(printed.splitlines()[-1])
    assert report["state"] == "undone", report
    assert report["counts"] == [ROWS // 2, ROWS // 2, 0, 0], report
    return ", ".join(f"{report[step]:.1f}" for step in ("preview", "apply", "undo"))


def _median_ms(act: Callable[[], object]) -> str:
    """Do it once to warm up, then time it."""
    act()
    times = []
    for _ in range(TRIES):
        start = time.perf_counter()
        act()
        times.append((time.perf_counter() - start) * 1000)
    return f"{statistics.median(times):.1f}"


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or list(SIZES))
