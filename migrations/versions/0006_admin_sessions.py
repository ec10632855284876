"""Sessions of signed-in admins, and the one-time numbers of their forms."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "admin_session",
        sa.Column("id_digest", sa.String(64), nullable=False),
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(400), nullable=False),
        sa.PrimaryKeyConstraint("id_digest", name="pk_admin_session"),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admin.id"], name="fk_admin_session_admin_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_admin_session_admin_id", "admin_session", ["admin_id"])
    op.create_index("ix_admin_session_last_seen_at", "admin_session", ["last_seen_at"])
    op.create_table(
        "form_number",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_form_number"),
    )
    op.create_index("ix_form_number_used_at", "form_number", ["used_at"])


def downgrade() -> None:
    op.drop_table("form_number")
    op.drop_table("admin_session")
