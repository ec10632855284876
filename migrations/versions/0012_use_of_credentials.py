"""How credentials are used, refused requests, and secrets that end when they fall quiet."""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"

_SECRET_TABLES = ("client_secret", "resource_server_secret")


def upgrade() -> None:
    op.create_table(
        "credential_use",
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("credential_id", sa.String(64), nullable=False),
        sa.Column("first_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_address", sa.String(64), nullable=False),
        sa.Column("last_user_agent", sa.String(400), nullable=False),
        sa.PrimaryKeyConstraint("client_id", "credential_id", name="pk_credential_use"),
    )
    op.create_table(
        "use_count",
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("span", sa.String(4), nullable=False),
        sa.Column("begins_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("credential_id", sa.String(64), nullable=False),
        sa.Column("outcome", sa.String(40), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "client_id", "span", "begins_at", "credential_id", "outcome", name="pk_use_count"
        ),
        sa.CheckConstraint("span IN ('hour', 'day')", name="ck_use_count_span"),
    )
    op.create_index("ix_use_count_span_begins_at", "use_count", ["span", "begins_at"])
    op.create_table(
        "refused_request",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("request_id", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("client_id", sa.String(200), nullable=False),
        sa.Column("claimed_client_id", sa.String(200), nullable=False),
        sa.Column("address", sa.String(64), nullable=False),
        sa.Column("user_agent", sa.String(400), nullable=False),
        sa.Column("endpoint", sa.String(20), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("error", sa.String(40), nullable=False),
        sa.Column("reason", sa.String(40), nullable=False),
        sa.Column("text", sa.String(400), nullable=False),
        sa.Column("facts", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_refused_request"),
        sa.UniqueConstraint("request_id", name="uq_refused_request_request_id"),
    )
    op.create_index("ix_refused_request_client_id_id", "refused_request", ["client_id", "id"])
    op.create_index("ix_refused_request_address_id", "refused_request", ["address", "id"])
    op.create_index("ix_refused_request_reason_id", "refused_request", ["reason", "id"])
    for table in _SECRET_TABLES:
        op.add_column(
            table,
            sa.Column("ends_when_quiet", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
        op.add_column(table, sa.Column("undo_until", sa.DateTime(timezone=True), nullable=True))
        op.create_index(f"ix_{table}_hint", table, ["hint"])


def downgrade() -> None:
    for table in _SECRET_TABLES:
        op.drop_index(f"ix_{table}_hint", table)
        op.drop_column(table, "undo_until")
        op.drop_column(table, "ends_when_quiet")
    op.drop_table("refused_request")
    op.drop_table("use_count")
    op.drop_table("credential_use")
