"""Hold the name in the indexes by other columns, so that a few students who were found by one are sorted without the table"""

from collections.abc import Mapping

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

BEFORE = {"age": "age, id, score, folded", "score": "score, id, age, folded"}
AFTER = {"age": "age, id, name, score, folded", "score": "score, id, name, age, folded"}


def upgrade() -> None:
    _index(AFTER)


def downgrade() -> None:
    _index(BEFORE)


def _index(columns: Mapping[str, str]) -> None:
    """Put new indexes in the place of the old ones. What was broken off begins anew, and finds done what was done."""
    if op.get_bind().dialect.name != "postgresql":
        for column, held in columns.items():
            op.drop_index(f"ix_students_{column}", "students")
            op.execute(f"CREATE INDEX ix_students_{column} ON students ({held})")
        return
    # People go on reading by the old one meanwhile.
    with op.get_context().autocommit_block():
        for column, held in columns.items():
            name = f"ix_students_{column}"
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}_new")
            op.execute(f"CREATE INDEX CONCURRENTLY {name}_new ON students ({held})")
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute(f"ALTER INDEX {name}_new RENAME TO {name}")
