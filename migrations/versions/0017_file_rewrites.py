"""Note when the database's files have to be rewritten after an erasure"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moments = [sa.Column(name, sa.DateTime(timezone=True)) for name in ("erased_at", "pending_since", "rewritten_at")]
    key = sa.PrimaryKeyConstraint("id", name="pk_file_rewrites")
    op.create_table("file_rewrites", sa.Column("id", sa.Integer, autoincrement=False, nullable=False), *moments, key)


def downgrade() -> None:
    op.drop_table("file_rewrites")
