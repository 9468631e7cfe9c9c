"""Find a slice of a change's students by an index, so that a change of a million rows is worked on in slices"""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_revisions_change_id", "revisions")
    op.create_index("ix_revisions_change_id", "revisions", ["change_id", "student_id"])


def downgrade() -> None:
    op.drop_index("ix_revisions_change_id", "revisions")
    op.create_index("ix_revisions_change_id", "revisions", ["change_id"])
