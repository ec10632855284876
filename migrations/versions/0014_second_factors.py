"""Second factors of admins, and when a session was last confirmed."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    op.create_table(
        "totp",
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("encrypted_seed", sa.LargeBinary(), nullable=False),
        sa.Column("last_used_step", sa.BigInteger(), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("admin_id", name="pk_totp"),
        _of_admin("totp"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("saved", sa.Boolean(), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("admin_id", "digest", name="pk_recovery_code"),
        _of_admin("recovery_code"),
    )
    op.create_table(
        "passkey",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("user_handle", sa.LargeBinary(), nullable=False),
        sa.Column("credential_id", sa.LargeBinary(), nullable=False),
        sa.Column("public_key", sa.LargeBinary(), nullable=False),
        sa.Column("sign_count", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("added_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_passkey"),
        sa.UniqueConstraint("credential_id", name="uq_passkey_credential_id"),
        _of_admin("passkey"),
    )
    op.create_index("ix_passkey_admin_id", "passkey", ["admin_id"])
    op.add_column(
        "admin_session",
        sa.Column("second_factor", sa.String(16), nullable=False, server_default=""),
    )
    op.add_column(
        "admin_session", sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True)
    )


def downgrade() -> None:
    op.drop_column("admin_session", "confirmed_at")
    op.drop_column("admin_session", "second_factor")
    op.drop_table("passkey")
    op.drop_table("recovery_code")
    op.drop_table("totp")


def _of_admin(table: str) -> sa.ForeignKeyConstraint:
    return sa.ForeignKeyConstraint(
        ["admin_id"], ["admin.id"], name=f"fk_{table}_admin_id", ondelete="CASCADE"
    )
