"""Reference tokens, revoked tokens, and which assertions and proofs have been used."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.create_table(
        "reference_token",
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("claims", sa.Text(), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_reference_token"),
    )
    op.create_index("ix_reference_token_expires_at", "reference_token", ["expires_at"])
    op.create_table(
        "revoked_token",
        sa.Column("jti", sa.String(64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("jti", name="pk_revoked_token"),
    )
    op.create_index("ix_revoked_token_until", "revoked_token", ["until"])
    op.create_table(
        "replay_note",
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("digest", name="pk_replay_note"),
    )
    op.create_index("ix_replay_note_until", "replay_note", ["until"])


def downgrade() -> None:
    op.drop_table("replay_note")
    op.drop_table("revoked_token")
    op.drop_table("reference_token")
