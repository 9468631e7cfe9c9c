"""Keep which import goes on with the rows that nobody had confirmed in another"""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("rest_of", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True))
    op.create_index("ix_imports_rest_of", "imports", ["rest_of"])


def downgrade() -> None:
    op.drop_index("ix_imports_rest_of", "imports")
    op.drop_column("imports", "rest_of")
