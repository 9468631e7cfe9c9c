"""Move a school to the other kind of database, beside bare COPY: python -m benchmarks.move [STUDENTS …]"""

import io
import resource
import sys
import time
from contextlib import closing
from pathlib import Path

import psycopg2
from sqlalchemy import create_engine, text

import database
import database_move
from app import create_app
from benchmarks.page import write_page
from benchmarks.school import fill_school
from database_url import read_database_url
from merge import search
from models import db
from tests.cluster import Cluster
from tests.conftest import migrate, settings

SIZES = (10_000, 1_000_000)
VERSIONS = 3
PAGE = Path(__file__).parent / "move.md"
HEADING = "| from | students | rows | move s | rows/s | bare COPY s | times COPY | memory MB |"
INTRODUCTION = f"""# Moving to another database
Made by `python -m benchmarks.move`. A school whose students have {VERSIONS} versions each is moved from SQLite to PostgreSQL,
or back, by `flask move`: copied, indexed, and read again for its checksums. “Bare COPY” takes the same students and revisions
out of one PostgreSQL table and into another with no index, checksum or second read: what the disk and the server need at least.
Memory is Python's peak.

"""
MORE_VERSIONS = """
INSERT INTO revisions (student_id, version, change_id, name, age, score)
SELECT student_id, {version}, change_id, name, age, {version} + 0.5 FROM revisions WHERE version = 1
"""


def _measure(kind: str, size: int, folder: Path, cluster: Cluster) -> str:
    urls = {"PostgreSQL": cluster.create(f"move_{kind.lower()}_{size}"), "SQLite": f"sqlite:///{folder / f'{kind}_{size}.db'}"}
    other = next(url for name, url in urls.items() if name != kind)
    app = create_app(settings(folder / f"{kind}_{size}", urls[kind]))
    fill_school(app, size)
    with app.app_context():
        for version in range(2, VERSIONS + 1):
            db.session.execute(text(MORE_VERSIONS.format(version=version)))
        db.session.execute(text(f"UPDATE students SET version = {VERSIONS}, score = {VERSIONS}.5"))
        db.session.commit()
        migrate(folder / "other", other)
        url = read_database_url("target", other, folder)
        target = create_engine(url, **database.engine_options(url))
        database.prepare(target)
        search.prepare(target)
        started = time.perf_counter()
        moved = database_move.move(db.engine, target, lambda _rows: None)
        seconds = time.perf_counter() - started
        target.dispose()
        db.engine.dispose()
    rows = sum(done.rows for done in moved)
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    bare = _bare(urls["PostgreSQL"])
    figures = f"{seconds:.1f} | {rows / seconds:,.0f} | {bare:.1f} | {seconds / bare:.0f} | {memory:,.0f}"
    return f"| {kind} | {size:,} | {rows:,} | {figures} |"


def _bare(url: str) -> float:
    """Copy the students and their revisions within PostgreSQL by COPY alone, through this process."""
    with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
        started = time.perf_counter()
        for name in ("students", "revisions"):
            text = io.StringIO()
            cursor.copy_expert(f"COPY {name} TO STDOUT", text)
            text.seek(0)
            cursor.execute(f"CREATE TEMPORARY TABLE bare_{name} (LIKE {name})")
            cursor.copy_expert(f"COPY bare_{name} FROM STDIN", text)
        connection.commit()
        return time.perf_counter() - started


if __name__ == "__main__":
    write_page(PAGE, INTRODUCTION, HEADING, [int(text) for text in sys.argv[1:]] or SIZES, _measure)
