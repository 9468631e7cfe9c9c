"""The migrations make what the models say, on both databases, and can be taken back."""

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask_migrate import downgrade
from sqlalchemy import inspect, text

from merge.search import is_ours
from models import Base, db


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
