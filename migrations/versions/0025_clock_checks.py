"""Keep when the clock was looked at last, so that a leap is noticed before anything is deleted for being old"""

import sqlalchemy as sa
from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None


def upgrade() -> None:
    moments = [sa.Column(name, sa.DateTime(timezone=True)) for name in ("checked_at", "held_since")]
    key = sa.PrimaryKeyConstraint("id", name="pk_clock_checks")
    op.create_table("clock_checks", sa.Column("id", sa.Integer, autoincrement=False, nullable=False), *moments, key)


def downgrade() -> None:
    op.drop_table("clock_checks")
