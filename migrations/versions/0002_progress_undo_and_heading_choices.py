"""Know a file again, show each step's progress, undo, and remember what was chosen for a sheet's headings"""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

NEW = (
    sa.Column("sha256", sa.String(64), nullable=False, server_default=""),
    sa.Column("change_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite")),
    sa.Column("skipped", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("share", sa.Double(), nullable=False, server_default="0"),
    sa.Column("step", sa.String(10)),
    sa.Column("step_rows", sa.Integer(), nullable=False, server_default="0"),
    sa.Column("step_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    for column in NEW:
        op.add_column("imports", column)
    op.drop_column("imports", "bytes_read")
    op.create_index("ix_imports_sha256", "imports", ["sha256"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE planned_rows ALTER verdict TYPE varchar(8) COLLATE "C"')
    op.create_table(
        "heading_choices",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("columns", sa.JSON(), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_heading_choices")),
    )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute('ALTER TABLE planned_rows ALTER verdict TYPE varchar(8) COLLATE "default"')
    op.drop_table("heading_choices")
    op.drop_index("ix_imports_sha256")
    op.add_column("imports", sa.Column("bytes_read", sa.BigInteger(), nullable=False, server_default="0"))
    for column in NEW:
        op.drop_column("imports", column.name)
