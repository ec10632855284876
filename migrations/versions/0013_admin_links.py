"""One-time links for admins: an invitation, a new password, another second factor."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "admin_link",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("kind", sa.String(16), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=True),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("folded_name", sa.String(600), nullable=False),
        sa.Column("role", sa.String(20), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_admin_link"),
        sa.UniqueConstraint("digest", name="uq_admin_link_digest"),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admin.id"], name="fk_admin_link_admin_id", ondelete="CASCADE"
        ),
        sa.CheckConstraint(
            "kind = 'invitation' AND role IS NOT NULL AND admin_id IS NULL"
            " OR kind IN ('password', 'second_factor') AND role IS NULL AND admin_id IS NOT NULL",
            name="ck_admin_link_kind",
        ),
    )
    op.create_index("ix_admin_link_admin_id", "admin_link", ["admin_id"])
    op.create_index("ix_admin_link_expires_at", "admin_link", ["expires_at"])


def downgrade() -> None:
    op.drop_table("admin_link")
