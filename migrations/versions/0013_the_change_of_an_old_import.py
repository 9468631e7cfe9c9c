"""Tell imports from before undo which change they made, so that they can be undone, too"""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("""
        UPDATE imports SET change_id = (SELECT max(changes.id) FROM changes WHERE changes.import_id = imports.id)
        WHERE change_id IS NULL AND state = 'applied'
    """)


def downgrade() -> None:
    pass
