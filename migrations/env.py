"""Run the migrations on the app's database, in one transaction. Large tables get their indexes after it, while people work."""

from alembic import context
from alembic.autogenerate.rewriter import Rewriter
from alembic.operations import Operations, ops
from alembic.util import CommandError
from flask import current_app
from sqlalchemy import Index, text
from sqlalchemy.exc import DBAPIError

from database import encoding_problem, migrating_alone, migration_problem
from merge.search import is_ours
from models import LARGE

database = current_app.extensions["migrate"].db
for_later: list[Index] = []
generated = Rewriter()


@generated.rewrites(ops.CreateIndexOp)
def make_it_later(_context: object, _revision: object, operation: ops.CreateIndexOp) -> ops.CreateIndexOp:
    """PostgreSQL makes an index concurrently without keeping writers out; SQLite has only one writer, and knows no such word."""
    if operation.table_name in LARGE:
        operation.kw["postgresql_concurrently"] = True
    return operation


@generated.rewrites(ops.DropIndexOp)
def drop_it_if_it_was_made(_context: object, _revision: object, operation: ops.DropIndexOp) -> ops.DropIndexOp:
    operation.if_exists = operation.table_name in LARGE
    return operation


@Operations.implementation_for(ops.CreateIndexOp, replace=True)
def create_index(operations: Operations, operation: ops.CreateIndexOp) -> None:
    """Within a transaction no index can be made concurrently."""
    index = operation.to_index(operations.migration_context)
    if operation.kw.get("postgresql_concurrently") and database.engine.dialect.name == "postgresql":
        for_later.append(index)
    else:
        operations.impl.create_index(index)


def migrate() -> None:
    with database.engine.connect() as connection:
        if problem := encoding_problem(connection):
            raise CommandError(problem)
        connection.rollback()
        context.configure(
            connection=connection,
            target_metadata=database.metadata,
            include_name=lambda name, _kind, _parents: not is_ours(name),
            process_revision_directives=generated,
        )
        with context.begin_transaction():
            if database.engine.dialect.name == "postgresql":
                # Behind whoever waits to alter a table wait all others. Nothing is lost by giving up, and it can be tried again.
                connection.execute(text("SET LOCAL lock_timeout = '10s'"))
            context.run_migrations()
    if for_later:
        with database.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for index in for_later:
                index.create(connection)


try:
    with migrating_alone(database.engine):
        migrate()
except DBAPIError as error:
    raise CommandError(migration_problem(error)) from error
