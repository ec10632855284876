"""What lists, searches and steps beside the path need among a million clients.

The last use and the end of a client's secrets stand at the client, and every ending of its name and
id in a table of their own; each filter has an index, and so has what a step looks for.
"""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_NEVER, _FOREVER = "1970-01-01 00:00:00.000000", "9999-12-31 00:00:00.000000"
_BUSY_FROM = 60

#: Name, table, columns, and which rows: on PostgreSQL, on SQLite.
_INDEXES = (
    (
        "ix_client_by_name",
        "client",
        ["folded_name", "id", "folded_client_id", "enabled", "usable_until"],
        None,
    ),
    ("ix_client_access_token_lifetime", "client", ["access_token_lifetime"], None),
    ("ix_client_enabled_usable_until_id", "client", ["enabled", "usable_until", "id"], None),
    ("ix_client_last_used_at_created_at_id", "client", ["last_used_at", "created_at", "id"], None),
    ("ix_client_scope_scope_id_client_id", "client_scope", ["scope_id", "client_id"], None),
    ("ix_client_secret_expires_at", "client_secret", ["expires_at"], None),
    (
        "ix_client_secret_replaced",
        "client_secret",
        ["expires_at"],
        ("replaced_at IS NOT NULL AND revoked_at IS NULL",) * 2,
    ),
    ("ix_credential_use_first_used_at", "credential_use", ["first_used_at"], None),
    ("ix_use_count_busy", "use_count", ["begins_at", "client_id"], ("is_busy", "is_busy = 1")),
    ("ix_use_count_refused", "use_count", ["span", "begins_at"], ("credential_id = ''",) * 2),
    ("ix_audit_entry_at_number", "audit_entry", ["at", "number"], None),
    ("ix_audit_entry_object_id_number", "audit_entry", ["object_id", "number"], None),
    ("ix_audit_entry_object_name_number", "audit_entry", ["object_name", "number"], None),
    ("ix_audit_entry_actor_action_number", "audit_entry", ["actor", "action", "number"], None),
)
#: Those that others have taken the place of.
_FORMER = (
    ("ix_client_folded_name_id", "client", ["folded_name", "id"]),
    ("ix_client_scope_scope_id", "client_scope", ["scope_id"]),
    ("ix_audit_entry_at", "audit_entry", ["at"]),
    (
        "ix_audit_entry_object_type_object_id_number",
        "audit_entry",
        ["object_type", "object_id", "number"],
    ),
)


def upgrade() -> None:
    for name, value in (("last_used_at", _NEVER), ("usable_until", _NEVER)):
        op.add_column(
            "client",
            sa.Column(name, sa.DateTime(timezone=True), nullable=False, server_default=value),
        )
    op.execute(sa.text(_LOOK_BACK))
    op.create_table(
        "client_ending",
        sa.Column("ending", sa.String(300, collation=_by_bytes()), nullable=False),
        sa.Column("client_row_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.PrimaryKeyConstraint("ending", "client_row_id", name="pk_client_ending"),
        sqlite_with_rowid=False,
    )
    # In the order of the index, which then grows at its end only.
    op.execute(sa.text(f'{_ENDINGS} ORDER BY ending COLLATE "{_by_bytes() or "BINARY"}", id'))
    op.add_column(
        "use_count", sa.Column("is_busy", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    op.execute(sa.text(_BUSY))
    for name, table, _ in _FORMER:
        op.drop_index(name, table)
    for name, table, columns, rows in _INDEXES:
        where = {}
        if rows is not None:
            where = {"postgresql_where": sa.text(rows[0]), "sqlite_where": sa.text(rows[1])}
        op.create_index(name, table, columns, **where)


def downgrade() -> None:
    for name, table, _, _ in _INDEXES:
        op.drop_index(name, table)
    for name, table, columns in _FORMER:
        op.create_index(name, table, columns)
    op.drop_column("use_count", "is_busy")
    op.drop_table("client_ending")
    op.drop_column("client", "usable_until")
    op.drop_column("client", "last_used_at")


def _by_bytes() -> str | None:
    """The collation that compares bytes, where the engine does not do so anyway."""
    return "C" if op.get_bind().dialect.name == "postgresql" else None


_LOOK_BACK = f"""
UPDATE client SET
    last_used_at = coalesce(
        (SELECT max(credential_use.last_used_at) FROM credential_use
         WHERE credential_use.client_id = client.client_id
           AND credential_use.last_used_at >= client.created_at),
        '{_NEVER}'),
    usable_until = CASE WHEN token_endpoint_auth_method <> 'client_secret_basic' THEN '{_FOREVER}'
        ELSE coalesce(
            (SELECT max(coalesce(client_secret.expires_at, '{_FOREVER}')) FROM client_secret
             WHERE client_secret.client_row_id = client.id AND client_secret.revoked_at IS NULL),
            '{_NEVER}') END
"""
_ENDINGS = """
INSERT INTO client_ending (ending, client_row_id)
WITH RECURSIVE place(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM place WHERE n < 300)
SELECT ending, id FROM (
    SELECT substr(folded_name, n) AS ending, id FROM client JOIN place ON n <= length(folded_name)
    UNION
    SELECT substr(folded_client_id, n), id FROM client JOIN place ON n <= length(folded_client_id)
) AS found
"""
_BUSY = f"""
UPDATE use_count SET is_busy = true
WHERE span = 'hour' AND outcome = 'token' AND client_id <> ' everybody' AND count >= {_BUSY_FROM}
"""
