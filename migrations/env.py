"""Run the migrations on the app's database, in one transaction."""

from alembic import context
from flask import current_app

from merge.search import is_ours

database = current_app.extensions["migrate"].db

with database.engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        render_as_batch=True,
        include_name=lambda name, _kind, _parents: not is_ours(name),
    )
    with context.begin_transaction():
        context.run_migrations()
