"""Keep which records were merged into which, and which students of one name are two people"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "merged_ids",
        sa.Column("change_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("student_id", BIG_ID, nullable=False),
        sa.Column("into_id", BIG_ID, nullable=False),
        sa.Column("survivor_id", BIG_ID, nullable=False),
        sa.Column("split_by", BIG_ID, nullable=True),
        sa.PrimaryKeyConstraint("change_id", name=op.f("pk_merged_ids")),
    )
    active = sa.text("split_by IS NULL")
    op.create_index(
        "ix_merged_ids_student_id", "merged_ids", ["student_id"], unique=True, postgresql_where=active, sqlite_where=active
    )
    op.create_index("ix_merged_ids_survivor_id", "merged_ids", ["survivor_id"])
    op.create_index("ix_merged_ids_split_by", "merged_ids", ["split_by"])
    op.create_table(
        "distinct_students",
        sa.Column("first_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("second_id", BIG_ID, autoincrement=False, nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("first_id", "second_id", name=op.f("pk_distinct_students")),
    )
    op.create_index("ix_distinct_students_second_id", "distinct_students", ["second_id"])


def downgrade() -> None:
    op.drop_table("distinct_students")
    op.drop_table("merged_ids")
