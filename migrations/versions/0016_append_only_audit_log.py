"""The audit log takes new entries and nothing else: the database refuses to change or remove one.

Who owns the database can drop the triggers: they stop mistakes and injected statements, and the
chain of hashes tells of the rest. SQLite drops a table's triggers when a migration copies it; one
that does so to this table makes them again.
"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"

_REFUSAL = "the audit log is append-only"
_SQLITE = {
    "audit_entry_no_update": "BEFORE UPDATE ON audit_entry",
    "audit_entry_no_delete": "BEFORE DELETE ON audit_entry",
    # "When the REPLACE conflict resolution strategy deletes rows in order to satisfy a constraint,
    # delete triggers fire if and only if recursive triggers are enabled."
    "audit_entry_no_replace": (
        "BEFORE INSERT ON audit_entry"
        " WHEN EXISTS (SELECT 1 FROM audit_entry WHERE number = NEW.number)"
    ),
}
_POSTGRESQL_FUNCTION = f"""
CREATE FUNCTION refuse_change_of_audit_entry() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '{_REFUSAL}' USING ERRCODE = 'integrity_constraint_violation';
END
$$
"""
_POSTGRESQL_TRIGGER = """
CREATE TRIGGER audit_entry_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_audit_entry()
"""


def upgrade() -> None:
    if _is_postgresql():
        op.execute(sa.text(_POSTGRESQL_FUNCTION))
        op.execute(sa.text(_POSTGRESQL_TRIGGER))
        return
    for name, occasion in _SQLITE.items():
        body = f"BEGIN SELECT RAISE(ABORT, '{_REFUSAL}'); END"
        op.execute(sa.text(f"CREATE TRIGGER {name} {occasion} {body}"))


def downgrade() -> None:
    if _is_postgresql():
        op.execute(sa.text("DROP TRIGGER audit_entry_append_only ON audit_entry"))
        op.execute(sa.text("DROP FUNCTION refuse_change_of_audit_entry()"))
        return
    for name in _SQLITE:
        op.execute(sa.text(f"DROP TRIGGER {name}"))


def _is_postgresql() -> bool:
    return op.get_bind().dialect.name == "postgresql"
