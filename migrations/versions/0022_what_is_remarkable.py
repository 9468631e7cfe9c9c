"""Keep what is remarkable about a sheet as a whole, and know the imports of sheets with the same headings"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("findings", sa.JSON(), nullable=True))
    op.add_column("imports", sa.Column("headings_key", sa.String(64), nullable=True))
    op.create_index("ix_imports_headings_key", "imports", ["headings_key"])


def downgrade() -> None:
    op.drop_index("ix_imports_headings_key", "imports")
    op.drop_column("imports", "headings_key")
    op.drop_column("imports", "findings")
