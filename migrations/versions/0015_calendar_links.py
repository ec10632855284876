"""Private links by which admins subscribe to the calendar of expiries."""

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.create_table(
        "calendar_link",
        sa.Column("admin_id", sa.Integer(), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("admin_id", name="pk_calendar_link"),
        sa.UniqueConstraint("digest", name="uq_calendar_link_digest"),
        sa.ForeignKeyConstraint(
            ["admin_id"], ["admin.id"], name="fk_calendar_link_admin_id", ondelete="CASCADE"
        ),
    )


def downgrade() -> None:
    op.drop_table("calendar_link")
