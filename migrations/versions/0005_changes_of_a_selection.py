"""Let an import be a change of selected students, which may also delete them"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("kind", sa.String(10), nullable=False, server_default="sheet"))
    op.add_column("imports", sa.Column("deletes", sa.Integer(), nullable=False, server_default="0"))


def downgrade() -> None:
    op.drop_column("imports", "deletes")
    op.drop_column("imports", "kind")
