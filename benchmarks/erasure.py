"""Erase a student and rewrite the database's files, while somebody saves: python -m benchmarks.erasure [STUDENTS …]"""

import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flask import Flask

import vacuum
from app import create_app
from benchmarks.page import write_page
from benchmarks.school import fill_school
from merge import erase, file_rewrite, record
from models import Student, db
from tests.cluster import Cluster
from tests.conftest import settings

SIZES = (1_000, 1_000_000)
PAUSE_S = 0.05
PAGE = Path(__file__).parent / "erasure.md"
HEADING = "| database | students | size MB | erase s | rewrite s | longest save meanwhile s |"
INTRODUCTION = """# Erasing a student
Made by `python -m benchmarks.erasure`. One student is erased, then the database's files are rewritten as the worker does it
at night (a small database at once), while somebody saves another student twenty times a second.

"""


def _measure(database: str, size: int, folder: Path, cluster: Cluster) -> str:
    name = f"erasure_{size}"
    url = cluster.create(name) if database == "PostgreSQL" else f"sqlite:///{folder / name}.db"
    app = create_app(settings(folder / name, url))
    fill_school(app, size)
    with app.app_context():
        session, engine = db.session(), db.engine
        megabytes = vacuum.size(engine) / 1e6
        there = erase.outlook(session, 2)
        assert there
        started = time.perf_counter()
        erase.erase(session, 2, version=there.version, seen=there.seen, actor="benchmark")
        erased = time.perf_counter() - started
        with _saving(app) as waits:
            started = time.perf_counter()
            assert file_rewrite.rewrite_files(session, engine)
            rewritten = time.perf_counter() - started
    return f"| {database} | {size:,} | {megabytes:,.0f} | {erased:.2f} | {rewritten:.1f} | {max(waits):.1f} |"


@contextmanager
def _saving(app: Flask) -> Iterator[list[float]]:
    """Save a student over and over, and note how long each save takes, in seconds."""
    waits, over = list[float](), threading.Event()

    def save() -> None:
        while not over.is_set():
            with app.app_context():
                student = db.session.get_one(Student, 1)
                values = {"id": 1, "name": student.name, "age": len(waits) % 90, "score": student.score}
                version = student.version
                db.session.rollback()
                started = time.perf_counter()
                record.save(db.session(), values, version=version, actor="benchmark", reason="form")
                waits.append(time.perf_counter() - started)
            over.wait(PAUSE_S)

    saver = threading.Thread(target=save)
    saver.start()
    try:
        yield waits
    finally:
        over.set()
        saver.join()


if __name__ == "__main__":
    write_page(PAGE, INTRODUCTION, HEADING, [int(text) for text in sys.argv[1:]] or SIZES, _measure)
