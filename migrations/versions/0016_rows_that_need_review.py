"""Keep why a row needs review, what it does once confirmed, and how many such rows an import has"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("reviews", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("planned_rows", sa.Column("reason", sa.String(20)))
    op.add_column("planned_rows", sa.Column("action", sa.String(8)))
    op.add_column("planned_rows", sa.Column("related", sa.BigInteger().with_variant(sa.Integer, "sqlite")))


def downgrade() -> None:
    for column in ("related", "action", "reason"):
        op.drop_column("planned_rows", column)
    op.drop_column("imports", "reviews")
