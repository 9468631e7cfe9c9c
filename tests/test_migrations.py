"""The migrations make what the models say, on both databases, and can be taken back."""

import re

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask_migrate import downgrade, upgrade
from sqlalchemy import event, inspect, select, text

from accounts import add_user
from merge.record import save
from merge.search import is_ours
from merge.verify import verify
from models import LARGE, Base, Student, User, View, db
from tests.conftest import PASSWORD

# What a school had stored when there was but the first migration: Ada was edited, Mia deleted.
AT_FIRST = """
INSERT INTO imports (id, actor, at, ended_at, filename, path, size, state, options, sheet, rows, inserts, updates, unchanged,
    rejected, conflicts, bytes_read)
VALUES (1, 'head', '2026-01-05 08:00:00', '2026-01-05 08:00:05', 'class.csv', '', 40, 'applied', '{}', '{}', 2, 2, 0, 0,
    0, 0, 40);
INSERT INTO changes (id, at, actor, reason, import_id) VALUES
    (1, '2026-01-05 08:00:05', 'head', 'import', 1),
    (2, '2026-01-06 09:00:00', 'head', 'form', NULL),
    (3, '2026-01-07 09:00:00', 'head', 'form', NULL);
INSERT INTO students (id, name, age, score, version) VALUES (1, 'Ada King', 36, 97.5, 2);
INSERT INTO revisions (student_id, version, change_id, deleted, name, age, score) VALUES
    (1, 1, 1, false, 'Ada Lovelace', 36, NULL),
    (1, 2, 2, false, 'Ada King', 36, 97.5),
    (2, 1, 1, false, 'Mia', NULL, 12),
    (2, 2, 3, true, 'Mia', NULL, 12);
"""
STORED = "SELECT id, name, age, score, version FROM students"
KEPT = "SELECT student_id, version, change_id, deleted, name, age, score FROM revisions ORDER BY student_id, version"
# The migrations that came before the rule are not measured by it: every school has run them.
BEFORE_THE_RULE = "0007"
KEEPS_OUT = tuple(
    re.compile(pattern.replace("LARGE", rf"({'|'.join(LARGE)})\b"), re.DOTALL)
    for pattern in (
        r"CREATE (UNIQUE )?INDEX (?!CONCURRENTLY)\S+ ON LARGE",
        r"ALTER TABLE LARGE.*( TYPE | SET NOT NULL|ADD CONSTRAINT(?!.* NOT VALID))",
        r"UPDATE LARGE(?!.* BETWEEN )",
        r"DELETE FROM LARGE",
    )
)


def test_the_newest_migration_makes_the_tables_that_the_models_name(app):
    with app.app_context(), db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "include_name": _is_the_models})
        assert compare_metadata(context, Base.metadata) == []


def _is_the_models(name, _kind, _parents):
    return not is_ours(name)


def test_the_first_migration_can_be_taken_back(app):
    with app.app_context():
        downgrade(revision="base")
        assert inspect(db.engine).get_table_names() == ["alembic_version"]


def test_what_a_school_had_at_first_passes_every_migration_and_comes_back(app):
    with app.app_context():
        db.engine.dispose()
        downgrade(revision="base")
        upgrade(revision="0001")
        with db.engine.begin() as connection:
            for statement in AT_FIRST.strip().removesuffix(";").split(";\n"):
                connection.execute(text(statement))
        stored = all_that_is_stored()
        for revision in migrations()[1:]:
            upgrade(revision=revision)
            assert all_that_is_stored() == stored, revision
        assert [finding for finding in verify(db.session()) if finding.broken] == []
        db.session.remove()
        for revision in reversed(migrations()[:-1]):
            downgrade(revision=revision)
            assert all_that_is_stored() == stored, revision
        upgrade()
        assert all_that_is_stored() == stored
        db.engine.dispose()


@pytest.mark.parametrize("backend", ["postgresql"])
def test_no_migration_keeps_people_out_of_a_large_table_for_long(app):
    statements = []
    with app.app_context():
        db.engine.dispose()
        downgrade(revision=BEFORE_THE_RULE)
        event.listen(db.engine, "before_cursor_execute", lambda *about: statements.append(about[2]))
        upgrade()
        db.engine.dispose()
    assert any("alembic_version" in statement for statement in statements)
    assert [statement for statement in statements if any(pattern.match(statement.strip()) for pattern in KEEPS_OUT)] == []


def test_names_with_signs_that_nobody_sees_get_the_keys_that_new_ones_have(app):
    keys = select(Student.name, Student.name_key).order_by(Student.id)
    with app.app_context():
        session = db.session()
        for name in ("Ada\u200b Love\u2212lace", "Bo Nowak"):
            save(session, {"id": None, "name": name, "age": None, "score": None}, version=None, actor="office", reason="form")
        before = session.execute(keys).all()
        db.session.remove()
        db.engine.dispose()
        downgrade(revision="0027")
        with db.engine.begin() as connection:
            connection.execute(text("UPDATE students SET name_key = folded"))
        upgrade()
        assert (
            db.session().execute(keys).all() == before == [("Ada\u200b Love\u2212lace", "ada lovelace"), ("Bo Nowak", "bo nowak")]
        )
        db.session.remove()
        db.engine.dispose()


def migrations():
    """Name them all, the first one first."""
    found = [script.revision for script in ScriptDirectory("migrations").walk_revisions()]
    return found[::-1]


def all_that_is_stored():
    with db.engine.connect() as connection:
        return [tuple(row) for statement in (STORED, KEPT) for row in connection.execute(text(statement))]


@pytest.mark.parametrize("backend", ["sqlite"])
def test_a_saved_view_means_the_same_time_after_there_is_a_time_zone(app):
    addresses = {"q=ada&since=2026-03-01T12%3A00": "q=ada&since=2026-03-01T12%3A00%3A00%2B00%3A00", "since=soon": "since=soon"}
    with app.app_context():
        user = add_user("head@school.example", "editor", PASSWORD)
        db.session.add_all(View(user_id=user.id, name="Lately", address=address) for address in addresses)
        db.session.commit()
        downgrade(revision="0029")
        upgrade()
        assert set(db.session.scalars(select(View.address))) == set(addresses.values())


def test_what_a_sheet_is_staged_in_is_not_in_the_write_ahead_log(app, backend):
    unlogged = "SELECT relname FROM pg_class WHERE relpersistence = 'u' AND relkind = 'r' ORDER BY relname"
    with app.app_context():
        if backend == "postgresql":
            assert list(db.session.scalars(text(unlogged))) == ["planned_rows", "staged_rows"]
        else:
            assert inspect(db.engine).has_table("staged_rows")


def test_a_user_from_before_can_still_sign_in_and_gets_a_hash_that_outlives_the_key(app, client, monkeypatch):
    monkeypatch.setitem(app.config, "SECURITY_PASSWORD_SINGLE_HASH", [])
    with app.app_context():
        add_user("before@school.example", "admin", PASSWORD)
        db.engine.dispose()
        downgrade(revision="0002")
        upgrade()
        db.engine.dispose()
    monkeypatch.undo()
    sign_in = {"email": "before@school.example", "password": PASSWORD}
    client.send("/login", sign_in | {"password": "wrong"}, status=422)
    client.send("/login", sign_in, status=302)
    with app.app_context():
        (user,) = db.session.scalars(select(User)).unique()
        assert user.password.startswith("$argon2id$")
        assert app.extensions["security"].pwd_context.verify(PASSWORD, user.password)
