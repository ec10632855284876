"""The secrets of APIs, as digests, and the algorithm that an API wants for its tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column("resource_server", sa.Column("signing_alg", sa.String(16), nullable=True))
    op.create_table(
        "resource_server_secret",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("resource_server_id", sa.Integer(), nullable=False),
        sa.Column("secret_id", sa.String(20), nullable=False),
        sa.Column("description", sa.String(100), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("hint", sa.String(4), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("replaced_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_resource_server_secret"),
        sa.UniqueConstraint("secret_id", name="uq_resource_server_secret_secret_id"),
        sa.ForeignKeyConstraint(
            ["resource_server_id"],
            ["resource_server.id"],
            name="fk_resource_server_secret_resource_server_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index(
        "ix_resource_server_secret_resource_server_id",
        "resource_server_secret",
        ["resource_server_id"],
    )


def downgrade() -> None:
    op.drop_table("resource_server_secret")
    op.drop_column("resource_server", "signing_alg")
