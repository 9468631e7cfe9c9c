"""Apply sheets within limits, know deliveries again, and keep answers to requests that named a key"""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("imports", sa.Column("limits", sa.JSON(none_as_null=True)))
    op.add_column("imports", sa.Column("delivery", sa.String(64)))
    op.create_index("ix_imports_delivery", "imports", ["delivery"], unique=True)
    op.create_table(
        "kept_answers",
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("student_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_kept_answers_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("user_id", "key", name=op.f("pk_kept_answers")),
    )
    for name in ("student_id", "at"):
        op.create_index(f"ix_kept_answers_{name}", "kept_answers", [name])


def downgrade() -> None:
    op.drop_table("kept_answers")
    op.drop_index("ix_imports_delivery", table_name="imports")
    op.drop_column("imports", "delivery")
    op.drop_column("imports", "limits")
