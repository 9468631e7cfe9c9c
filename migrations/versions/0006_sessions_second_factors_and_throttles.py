"""Keep sessions, second factors, one-time links and tries in vain"""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

BIG_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MOMENT = sa.DateTime(timezone=True)
USERS = (
    sa.Column("link_hash", sa.String(64)),
    sa.Column("link_until", MOMENT),
    sa.Column("invited", sa.Boolean(), nullable=False, server_default=sa.false()),
    sa.Column("tf_primary_method", sa.String(64)),
    sa.Column("tf_totp_secret", sa.String(255)),
    sa.Column("totp_counter", sa.BigInteger()),
    sa.Column("mf_recovery_codes", sa.JSON()),
    sa.Column("fs_webauthn_user_handle", sa.String(64)),
)
UNIQUE = ("link_hash", "fs_webauthn_user_handle")


def upgrade() -> None:
    op.add_column("roles", sa.Column("needs_second_factor", sa.Boolean(), nullable=False, server_default=sa.false()))
    for column in USERS:
        op.add_column("users", column)
    for name in UNIQUE:
        op.create_index(f"ix_users_{name}", "users", [name], unique=True)
    # New hashes are no longer seasoned with the secret key; these are, until their owners sign in again.
    op.execute("UPDATE users SET password = '{seasoned}' || password")
    op.create_table(
        "passkeys",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(64), nullable=False),
        sa.Column("usage", sa.String(64), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(1024), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("transports", sa.JSON()),
        sa.Column("extensions", sa.Text()),
        sa.Column("device_type", sa.String(64), nullable=False),
        sa.Column("backup_state", sa.Boolean(), nullable=False),
        sa.Column("lastuse_datetime", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_passkeys_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_passkeys")),
        sa.UniqueConstraint("credential_id", name=op.f("uq_passkeys_credential_id")),
    )
    op.create_index("ix_passkeys_user_id", "passkeys", ["user_id"])
    op.create_table(
        "sessions",
        sa.Column("id", BIG_ID, nullable=False),
        sa.Column("user_id", sa.Integer(), nullable=False),
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("used_at", MOMENT, nullable=False),
        sa.Column("device", sa.String(300), nullable=False),
        sa.Column("two_factors", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("fk_sessions_user_id_users"), ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sessions")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_sessions_token_hash")),
    )
    op.create_index("ix_sessions_user_id", "sessions", ["user_id"])
    op.create_table(
        "throttles",
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("at", MOMENT, nullable=False),
        sa.Column("until", MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttles")),
    )
    op.create_index("ix_throttles_at", "throttles", ["at"])


def downgrade() -> None:
    op.execute("UPDATE users SET password = replace(password, '{seasoned}', '')")
    for table in ("throttles", "sessions", "passkeys"):
        op.drop_table(table)
    for name in UNIQUE:
        op.drop_index(f"ix_users_{name}")
    for column in USERS:
        op.drop_column("users", column.name)
    op.drop_column("roles", "needs_second_factor")
