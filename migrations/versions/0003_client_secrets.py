"""The secrets of clients, as digests."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "client_secret",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_row_id", sa.Integer(), nullable=False),
        sa.Column("secret_id", sa.String(20), nullable=False),
        sa.Column("description", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("hint", sa.String(4), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_client_secret"),
        sa.UniqueConstraint("secret_id", name="uq_client_secret_secret_id"),
        sa.ForeignKeyConstraint(
            ["client_row_id"],
            ["client.id"],
            name="fk_client_secret_client_row_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_client_secret_client_row_id", "client_secret", ["client_row_id"])


def downgrade() -> None:
    op.drop_table("client_secret")
