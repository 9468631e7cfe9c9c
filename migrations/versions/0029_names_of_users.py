"""Give users a name of their own beside the address that they sign in with"""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("users", sa.Column("name", sa.String(100)))


def downgrade() -> None:
    op.drop_column("users", "name")
