"""Keep each name beside itself as search compares it, and in the indexes that lists are read by what is looked at on the way"""

import logging
from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from alembic import op
from sqlalchemy.exc import DBAPIError

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

AT_ONCE = 20_000
KEEP_FOLDED = (
    """
    CREATE OR REPLACE FUNCTION keep_folded() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN
            NEW.folded := fold_name(NEW.name);
            RETURN NEW;
        END
    $$
    """,
    "DROP TRIGGER IF EXISTS fold_new_name ON students",
    "CREATE TRIGGER fold_new_name BEFORE INSERT ON students FOR EACH ROW EXECUTE FUNCTION keep_folded()",
    "DROP TRIGGER IF EXISTS fold_changed_name ON students",
    """
    CREATE TRIGGER fold_changed_name BEFORE UPDATE ON students FOR EACH ROW
    WHEN (NEW.name IS DISTINCT FROM OLD.name OR NEW.folded IS NULL) EXECUTE FUNCTION keep_folded()
    """,
)
SEARCH = "CREATE INDEX CONCURRENTLY ix_students_folded ON students USING gin (folded gin_trgm_ops)"
SORTED = {"name": ["age", "score", "folded"], "age": ["score", "folded"], "score": ["age", "folded"]}


def upgrade() -> None:
    if op.get_bind().dialect.name != "postgresql":
        op.add_column("students", sa.Column("folded", sa.Text(), nullable=True))
        op.execute("UPDATE students SET folded = fold_name(name)")
        _sort_anew(SORTED)
        return
    # People go on working meanwhile. What was broken off begins anew, and finds done what was done.
    with op.get_context().autocommit_block():
        op.execute("ALTER TABLE students ADD COLUMN IF NOT EXISTS folded text")
        for statement in KEEP_FOLDED:
            op.execute(statement)
        _fold_all()
        _index_search()
        _sort_anew_beside_work(SORTED)


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        with op.get_context().autocommit_block():
            _sort_anew_beside_work(dict.fromkeys(SORTED, ()))
        op.execute("DROP TRIGGER fold_new_name ON students")
        op.execute("DROP TRIGGER fold_changed_name ON students")
        op.execute("DROP FUNCTION keep_folded()")
        if op.get_bind().scalar(sa.text("SELECT EXISTS (SELECT FROM pg_extension WHERE extname = 'pg_trgm')")):
            op.execute("CREATE INDEX ix_students_search ON students USING gin (fold_name(name) gin_trgm_ops)")
    else:
        _sort_anew(dict.fromkeys(SORTED, ()))
    op.drop_column("students", "folded")


def _fold_all() -> None:
    """The trigger does it: a few thousand at a time, so that nobody waits long for one of them."""
    stretch = sa.text("SELECT max(id) FROM (SELECT id FROM students WHERE id > :last ORDER BY id LIMIT :number) AS stretch")
    fold = sa.text("UPDATE students SET folded = NULL WHERE id BETWEEN :first AND :last AND folded IS NULL")
    last = 0
    while end := op.get_bind().scalar(stretch, {"last": last, "number": AT_ONCE}):
        op.get_bind().execute(fold, {"first": last + 1, "last": end})
        last = end


def _index_search() -> None:
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_students_folded")
    try:
        op.execute("CREATE EXTENSION IF NOT EXISTS pg_trgm")
        op.execute(SEARCH)
    except DBAPIError as refused:
        logging.getLogger(__name__).warning("Search will do without an index: %s", refused.orig)
    op.execute("DROP INDEX CONCURRENTLY IF EXISTS ix_students_search")


def _sort_anew(columns: Mapping[str, Sequence[str]]) -> None:
    for column, more in columns.items():
        op.drop_index(f"ix_students_{column}", "students")
        op.execute(f"CREATE INDEX ix_students_{column} ON students ({', '.join([column, 'id', *more])})")


def _sort_anew_beside_work(columns: Mapping[str, Sequence[str]]) -> None:
    """Put new indexes in the place of the old ones while people read by those."""
    for column, more in columns.items():
        name = f"ix_students_{column}"
        op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new")
        op.execute(f"CREATE INDEX CONCURRENTLY {name}_new ON students ({', '.join([column, 'id', *more])})")
        op.execute(f"DROP INDEX CONCURRENTLY {name}")
        op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
