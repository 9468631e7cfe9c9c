"""Find changes by their actor and their time, and know a form again that is sent twice"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index("ix_changes_actor", "changes", ["actor", "id"])
    op.create_index("ix_changes_at", "changes", ["at", "id"])
    op.create_table(
        "form_tokens",
        sa.Column("token", sa.String(64), nullable=False),
        sa.Column("student_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("token", name=op.f("pk_form_tokens")),
    )
    op.create_index("ix_form_tokens_at", "form_tokens", ["at"])


def downgrade() -> None:
    op.drop_table("form_tokens")
    op.drop_index("ix_changes_at", "changes")
    op.drop_index("ix_changes_actor", "changes")
