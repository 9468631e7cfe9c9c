"""A made-up school of any size, filled by the database itself: names of many languages, some ages and scores blank."""

from flask import Flask
from flask_migrate import upgrade
from sqlalchemy import Connection, insert, text

from benchmarks.workload import settle
from demo import FAMILY, GIVEN
from merge import search
from models import Change, Import, db, students

# One name in the whole school, in its middle: what a rare search is for.
RARE = "Quetzalcoatl Featherstonehaugh"
SERIES = {
    "postgresql": "generate_series(1, {number}::bigint) AS series(i)",
    "sqlite": "(WITH RECURSIVE s(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i < {number}) SELECT i FROM s) AS series",
}
STUDENTS = """
INSERT INTO students (id, name, age, score, version, folded, name_key)
SELECT made_up.*, fold_name(name), name_key(fold_name(name)) FROM (
SELECT i, CASE WHEN i = {number} / 2 + 1 THEN '{rare}' ELSE given.name || ' ' || family.name END AS name,
    CASE WHEN i % 50 <> 7 THEN 11 + i * 7 % 8 END, CASE WHEN i % 30 <> 11 THEN i * 7919 % 1001 / 10.0 END, 1
FROM {series}
JOIN given_names AS given ON given.n = i % {given} JOIN family_names AS family ON family.n = i / {given} * 31 % {family}
) AS made_up
"""
REVISIONS = """
INSERT INTO revisions (student_id, version, change_id, name, age, score)
SELECT id, 1, {change_id}, name, age, score FROM students
"""


def fill_school(app: Flask, number: int) -> None:
    """Migrate, and store so many students with their first revisions, as one import would."""
    with app.app_context():
        upgrade()
        connection = db.session.connection()
        _fill(connection, number)
        search.index_anew(db.session())
        db.session.commit()
        settle()
        db.session.remove()
        db.engine.dispose()


def _fill(connection: Connection, number: int) -> None:
    postgresql = connection.dialect.name == "postgresql"
    for kind, names in (("given", GIVEN), ("family", FAMILY)):
        connection.execute(text(f"CREATE TEMPORARY TABLE {kind}_names (n integer PRIMARY KEY, name text)"))
        rows = [{"n": n, "name": name} for n, name in enumerate(names)]
        connection.execute(text(f"INSERT INTO {kind}_names (n, name) VALUES (:n, :name)"), rows)
    series = SERIES[connection.dialect.name].format(number=number)
    sizes = {"given": len(GIVEN), "family": len(FAMILY)}
    if postgresql:
        connection.execute(text("DROP INDEX ix_students_folded"))
        connection.execute(text("SET LOCAL maintenance_work_mem = '512MB'"))
        connection.execute(text("ALTER TABLE students DISABLE TRIGGER USER"))
    # An index is built in a tenth of the time that it takes to grow by ten million rows.
    for index in students.indexes:
        index.drop(connection)
    connection.execute(text(STUDENTS.format(number=number, rare=RARE, series=series, **sizes)))
    connection.execute(text(REVISIONS.format(change_id=_import(connection, number))))
    for index in students.indexes:
        index.create(connection)
    if postgresql:
        connection.execute(text("ALTER TABLE students ENABLE TRIGGER USER"))
        connection.execute(text("CREATE INDEX ix_students_folded ON students USING gin (folded gin_trgm_ops)"))


def _import(connection: Connection, number: int) -> int:
    """Note that one sheet brought them all, as it would have, and give the change's id."""
    sheet = insert(Import).values(actor="benchmark", filename="school.csv", path="", size=0, sha256="", state="applied")
    import_id = connection.execute(sheet.values(rows=number, inserts=number).returning(Import.id)).scalar_one()
    change = insert(Change).values(actor="benchmark", reason="import", import_id=import_id)
    return connection.execute(change.returning(Change.id)).scalar_one()
