"""APIs, the scopes they own, and the name space they share with clients."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "principal_name",
        sa.Column("folded", sa.String(600), nullable=False),
        sa.PrimaryKeyConstraint("folded", name="pk_principal_name"),
    )
    op.create_table(
        "resource_server",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("identifier", sa.String(200), nullable=False),
        sa.Column("folded_identifier", sa.String(600), nullable=False),
        sa.Column("name", sa.String(100), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_resource_server"),
        sa.UniqueConstraint("identifier", name="uq_resource_server_identifier"),
        sa.UniqueConstraint("folded_identifier", name="uq_resource_server_folded_identifier"),
        sa.ForeignKeyConstraint(
            ["folded_identifier"],
            ["principal_name.folded"],
            name="fk_resource_server_folded_identifier",
        ),
    )
    op.create_table(
        "scope",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.String(500), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_scope"),
        sa.UniqueConstraint("name", name="uq_scope_name"),
    )
    op.create_table(
        "scope_resource_server",
        sa.Column("scope_id", sa.Integer(), nullable=False),
        sa.Column("resource_server_id", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("scope_id", "resource_server_id", name="pk_scope_resource_server"),
        sa.ForeignKeyConstraint(
            ["scope_id"],
            ["scope.id"],
            name="fk_scope_resource_server_scope_id",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["resource_server_id"],
            ["resource_server.id"],
            name="fk_scope_resource_server_resource_server_id",
        ),
    )
    op.create_index(
        "ix_scope_resource_server_resource_server_id",
        "scope_resource_server",
        ["resource_server_id"],
    )


def downgrade() -> None:
    op.drop_table("scope_resource_server")
    op.drop_table("scope")
    op.drop_table("resource_server")
    op.drop_table("principal_name")
