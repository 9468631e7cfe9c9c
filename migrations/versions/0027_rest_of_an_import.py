"""Keep which import goes on with the rows that nobody had confirmed in another, and how many rows were left out by choice"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("rest_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
    op.add_column("imports", sa.Column("omitted", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_imports_rest_of", "imports", ["rest_of"])


def downgrade() -> None:
    op.drop_index("ix_imports_rest_of", "imports")
    for column in ("omitted", "rest_of"):
        op.drop_column("imports", column)
