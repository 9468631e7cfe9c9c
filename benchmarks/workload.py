"""The workload: the table holds N/2 students, the sheet N rows; half of the common rows differ."""

import csv
import io
from collections.abc import Iterator
from pathlib import Path

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import insert, select, text

import config
from app import create_app
from merge import search
from models import Change, db, revisions, students

NAMES = ("id", "name", "age", "score")


def row(number: int, *, changed: bool) -> tuple[int, str, int, float]:
    """Give one student; a changed one differs in age and score."""
    return number, f"Student Number {number}", 11 + (number * 7 + changed) % 8, (number * 13 + 5 * changed) % 1000 / 10


def sheet_rows(rows: int) -> Iterator[tuple[int, str, int, float]]:
    return (row(number, changed=number % 2 == 1 and number <= rows // 2) for number in range(1, rows + 1))


def write_sheet(path: Path, rows: int, remark: str = "") -> None:
    """Write the sheet; with a remark, each row has one in a column that Rollbook does not know, as exports have."""
    more = (remark,) if remark else ()
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow((*NAMES, *(["remarks"] if remark else [])))
        writer.writerows((*row, *more) for row in sheet_rows(rows))


def make_app(instance: Path, database_url: str) -> Flask:
    environ = {"ROLLBOOK_INSTANCE": str(instance), "DATABASE_URL": database_url, "ROLLBOOK_WORKER": "none"}
    return create_app(config.load(environ))


def fill(app: Flask, rows: int) -> None:
    """Migrate, and store the N/2 students with their first revisions."""
    with app.app_context():
        upgrade()
        _load_students(rows // 2)
        search.index_anew(db.session())
        db.session.execute(insert(Change).values(id=-1, actor="benchmark", reason="form"))
        first = select(students.c.id, students.c.version, -1, *(students.c[name] for name in NAMES[1:]))
        names = ["student_id", "version", "change_id", *NAMES[1:]]
        db.session.execute(revisions.insert().from_select(names, first))
        db.session.commit()
        settle()
        db.session.remove()
        db.engine.dispose()


def _load_students(number: int) -> None:
    stored = ((*row(n, changed=False), 1) for n in range(1, number + 1))
    connection = db.session.connection()
    cursor = connection.connection.cursor()
    if connection.dialect.name == "postgresql":
        file = io.StringIO()
        csv.writer(file).writerows(stored)
        file.seek(0)
        cursor.copy_expert("COPY students (id, name, age, score, version) FROM STDIN (FORMAT csv)", file)
        cursor.execute("SELECT setval('students_id_seq', %s)", (number,))
    else:
        cursor.executemany("INSERT INTO students (id, name, age, score, version) VALUES (?, ?, ?, ?, ?)", stored)
    cursor.close()


def settle() -> None:
    """Let both sides start from a database at rest."""
    if db.engine.dialect.name == "postgresql":
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
