"""The floor: the sheet loaded as it is and one ON CONFLICT statement that skips equal rows. No checks, preview or history."""

import csv
import subprocess
import time
from itertools import islice
from pathlib import Path

import pysqlite3
from flask import Flask
from sqlalchemy import make_url

from models import Student, db

UPSERT = """
INSERT INTO students (id, name, age, score, version) SELECT id, name, age, score, 1 FROM uploaded WHERE true
ON CONFLICT (id) DO UPDATE SET name = excluded.name, age = excluded.age, score = excluded.score
WHERE students.name IS {differs} excluded.name OR students.age IS {differs} excluded.age
    OR students.score IS {differs} excluded.score
"""


def run_floor(app: Flask, sheet: Path) -> float:
    """Give the seconds that the bare database takes."""
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"])
    return _sqlite(str(url.database), sheet) if url.get_backend_name() == "sqlite" else _postgresql(app, sheet)


def _postgresql(app: Flask, sheet: Path) -> float:
    url = make_url(app.config["SQLALCHEMY_DATABASE_URI"]).set(drivername="postgresql")
    commands = [
        "CREATE UNLOGGED TABLE uploaded (id bigint, name text, age integer, score double precision)",
        rf"\copy uploaded FROM '{sheet}' CSV HEADER",
        UPSERT.format(differs="DISTINCT FROM"),
    ]
    options = [option for command in commands for option in ("-c", command)]
    start = time.perf_counter()
    subprocess.run(["psql", "-qX", "-v", "ON_ERROR_STOP=1", url.render_as_string(hide_password=False), *options], check=True)
    return time.perf_counter() - start


def _sqlite(path: str, sheet: Path) -> float:
    connection = pysqlite3.connect(path, isolation_level=None)
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "temp_store=MEMORY"):
        connection.execute(f"PRAGMA {pragma}")
    start = time.perf_counter()
    connection.execute("CREATE TEMP TABLE uploaded (id INTEGER, name TEXT, age INTEGER, score DOUBLE)")
    connection.execute("BEGIN IMMEDIATE")
    with sheet.open(newline="") as file:
        connection.executemany("INSERT INTO uploaded VALUES (?, ?, ?, ?)", islice(csv.reader(file), 1, None))
    connection.execute(UPSERT.format(differs="NOT"))
    connection.execute("COMMIT")
    seconds = time.perf_counter() - start
    connection.close()
    return seconds


def run_merge(app: Flask, rows: list[tuple[int, str, int, float]], *, commit_each: bool) -> float:
    """Give the rows a second of `session.merge` a row, with one commit at the end or one a row, as the form does."""
    with app.app_context():
        start = time.perf_counter()
        for student_id, name, age, score in rows:
            db.session.merge(Student(id=student_id, name=name, age=age, score=score))
            if commit_each:
                db.session.commit()
        db.session.commit()
        seconds = time.perf_counter() - start
        db.session.remove()
        db.engine.dispose()
    return len(rows) / seconds
