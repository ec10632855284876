"""Admins, and the code that lets the first one in."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "admin",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("folded_name", sa.String(600), nullable=False),
        sa.Column("role", sa.String(20), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_sign_in_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("last_sign_in_address", sa.String(64), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_admin"),
        sa.UniqueConstraint("folded_name", name="uq_admin_folded_name"),
        sa.CheckConstraint("role IN ('administrator', 'operator', 'viewer')", name="ck_admin_role"),
    )
    op.create_table(
        "setup_code",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_setup_code"),
        sa.CheckConstraint("id = 1", name="ck_setup_code_single"),
    )


def downgrade() -> None:
    op.drop_table("setup_code")
    op.drop_table("admin")
