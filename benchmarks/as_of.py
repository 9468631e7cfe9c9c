"""Read the table as of a moment, beside the plain list: python -m benchmarks.as_of [STUDENTS]"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Select, insert, text

from benchmarks.imports import database_with
from merge import as_of, listing
from merge.parts import in_parts
from models import Change, db, now
from tests.cluster import running_cluster

STUDENTS = 1_000_000
TRIES = 50
PAGE = Path(__file__).parent / "as_of.md"
HEADING = "| database | students | list ms | as of: first page ms | deep page ms | ratio | list CSV s | as of CSV s | ratio |"
INTRODUCTION = """# The table as of a moment
Made by `python -m benchmarks.as_of`. Each student has three versions, and the moment lies after the second.
Medians of 50 pages, read by the server in one process; the plain list is its first page by name.
The files are read once to their end.

"""


def main(students: int) -> None:
    lines = [HEADING, "|---" * (HEADING.count("|") - 1) + "|"]
    with tempfile.TemporaryDirectory() as folder, running_cluster(durable=True) as cluster:
        for database in ("SQLite", "PostgreSQL"):
            with database_with(database, students * 2, Path(folder), cluster) as (app, _url), app.app_context():
                _age(students)
                lines.append(_measure(database, students))
                print(lines[-1], flush=True)
    PAGE.write_text(INTRODUCTION + "\n".join(lines) + "\n")


def _age(students: int) -> None:
    """Give each student two more versions, as two imports of a whole school would."""
    session = db.session()
    for version in (2, 3):
        change = {"id": version, "actor": "benchmark", "reason": "form", "at": now() + timedelta(days=version)}
        session.execute(insert(Change), [change])
        columns = "name, age, score"
        session.execute(
            text(
                f"INSERT INTO revisions (student_id, version, change_id, {columns}) "
                f"SELECT id, {version}, {version}, {columns} FROM students WHERE id <= {students}"
            )
        )
    session.execute(text("UPDATE students SET version = 3"))
    session.commit()
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))


def _measure(database: str, students: int) -> str:
    moment = (now() + timedelta(days=2, hours=1)).isoformat()
    plain = _median(lambda: listing.page(db.session(), listing.parse_query({})))
    first = _median(lambda: as_of.page(db.session(), as_of.parse_query({"as_of": moment})))
    deep = _median(lambda: as_of.page(db.session(), as_of.parse_query({"as_of": moment, "after": str(students // 2)})))
    file = _seconds(lambda: _read(listing.everybody(db.session(), listing.parse_query({}))))
    then = _seconds(lambda: _read(as_of.everybody(db.session(), as_of.parse_query({"as_of": moment}))))
    ms = [f"{seconds * 1000:.1f}" for seconds in (plain, first, deep)]
    cells = [
        database,
        f"{students:,}",
        *ms,
        f"{max(first, deep) / plain:.1f}",
        f"{file:.1f}",
        f"{then:.1f}",
        f"{then / file:.1f}",
    ]
    return f"| {' | '.join(cells)} |"


def _median(act: Callable[[], object]) -> float:
    return statistics.median(_seconds(act) for _ in range(TRIES))


def _read(students: Select[Any]) -> int:
    return sum(map(len, in_parts(db.session(), students)))


def _seconds(act: Callable[[], object]) -> float:
    start = time.perf_counter()
    act()
    seconds = time.perf_counter() - start
    db.session.remove()
    return seconds


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else STUDENTS)
