"""Clients and the scopes assigned to them."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "client",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("client_id", sa.String(100), nullable=False),
        sa.Column("folded_client_id", sa.String(600), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("folded_name", sa.String(300), nullable=False),
        sa.Column("description", sa.Text(), nullable=False),
        sa.Column("contact", sa.String(200), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("token_endpoint_auth_method", sa.String(40), nullable=False),
        sa.Column("access_token_lifetime", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("created_by", sa.String(320), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_client"),
        sa.UniqueConstraint("client_id", name="uq_client_client_id"),
        sa.UniqueConstraint("folded_client_id", name="uq_client_folded_client_id"),
        sa.ForeignKeyConstraint(
            ["folded_client_id"], ["principal_name.folded"], name="fk_client_folded_client_id"
        ),
    )
    op.create_index("ix_client_folded_name_id", "client", ["folded_name", "id"])
    op.create_table(
        "client_scope",
        sa.Column("client_id", sa.Integer(), nullable=False),
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "scope_id", name="pk_client_scope"),
        sa.ForeignKeyConstraint(
            ["client_id"], ["client.id"], name="fk_client_scope_client_id", ondelete="CASCADE"
        ),
        sa.ForeignKeyConstraint(["scope_id"], ["scope.id"], name="fk_client_scope_scope_id"),
    )
    op.create_index("ix_client_scope_scope_id", "client_scope", ["scope_id"])


def downgrade() -> None:
    op.drop_table("client_scope")
    op.drop_table("client")
