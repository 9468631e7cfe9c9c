"""Keep which import goes on with the unconfirmed rows of another, and how many rows were left out or led elsewhere"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("rest_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
    op.add_column("imports", sa.Column("omitted", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("imports", sa.Column("led", sa.Integer(), nullable=False, server_default="0"))
    op.create_index("ix_imports_rest_of", "imports", ["rest_of"])


def downgrade() -> None:
    op.drop_index("ix_imports_rest_of", "imports")
    for column in ("led", "omitted", "rest_of"):
        op.drop_column("imports", column)
