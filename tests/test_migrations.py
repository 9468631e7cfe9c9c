"""The migrations make what the models say, on both databases, and can be taken back."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, select, text

from accounts import add_user
from merge.search import is_ours
from models import Base, User, db
from tests.conftest import PASSWORD


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
