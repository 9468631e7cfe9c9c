"""Keep what a sheet leaves open with its import, and who chose how sheets with the same headings are read"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("questions", sa.JSON(), nullable=True))
    op.add_column("heading_choices", sa.Column("chosen_by", sa.String(255), nullable=True))
    op.add_column("heading_choices", sa.Column("chosen_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("heading_choices", sa.Column("seen", sa.JSON(), nullable=True))


def downgrade() -> None:
    for column in ("seen", "chosen_at", "chosen_by"):
        op.drop_column("heading_choices", column)
    op.drop_column("imports", "questions")
