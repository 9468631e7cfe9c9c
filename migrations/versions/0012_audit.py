"""Keep an audit log that can't be changed"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

REFUSED = "the audit log can''t be changed, and only its retention drops what is old"
INDEXES = ("at", "actor", "act", "about")

# Retention says in audit_retention until when entries may go, for as long as its own transaction lasts.
IS_THERE = "EXISTS (SELECT 1 FROM audit WHERE id = new.id)"
MAY_GO = "EXISTS (SELECT 1 FROM audit_retention WHERE until IS NOT NULL AND old.at < until)"
POSTGRESQL = f"""
CREATE FUNCTION keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' THEN
        IF {MAY_GO} THEN RETURN OLD; END IF;
    END IF;
    RAISE EXCEPTION '{REFUSED}';
END
$$;
CREATE TRIGGER audit_is_kept BEFORE UPDATE OR DELETE ON audit FOR EACH ROW EXECUTE FUNCTION keep_audit();
CREATE TRIGGER audit_is_kept_whole BEFORE TRUNCATE ON audit FOR EACH STATEMENT EXECUTE FUNCTION keep_audit();
"""
# INSERT OR REPLACE would change an entry without telling the other two.
REFUSE = f"BEGIN SELECT RAISE(ABORT, '{REFUSED}'); END"
SQLITE = (
    f"CREATE TRIGGER audit_is_kept BEFORE UPDATE ON audit {REFUSE}",
    f"CREATE TRIGGER audit_stays BEFORE DELETE ON audit WHEN NOT {MAY_GO} {REFUSE}",
    f"CREATE TRIGGER audit_is_not_replaced BEFORE INSERT ON audit WHEN {IS_THERE} {REFUSE}",
)


def upgrade() -> None:
    op.create_table(
        "audit",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("actor", sa.String(255)),
        sa.Column("act", sa.String(32), nullable=False),
        sa.Column("about", sa.String(255)),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("address", sa.String(64)),
        sa.Column("request_id", sa.String(32)),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
        sqlite_autoincrement=True,
    )
    for name in INDEXES:
        op.create_index(f"ix_audit_{name}", "audit", [name, "id"])
    retention = op.create_table("audit_retention", sa.Column("until", sa.DateTime(timezone=True)))
    op.bulk_insert(retention, [{"until": None}])
    for statement in (POSTGRESQL,) if op.get_bind().dialect.name == "postgresql" else SQLITE:
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("audit")
    op.drop_table("audit_retention")
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION keep_audit()")
