"""What only who owns the database can do to the audit log."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text
from sqlalchemy.orm import Session

from signet.models.database import write

_TRIGGERS = (
    "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = 'audit_entry'"
)


def tamper(*statements: str) -> None:
    """Change the log past the triggers that refuse it; they stand again afterwards."""
    with write() as session, unprotected(session):
        for statement in statements:
            session.execute(text(statement))


@contextmanager
def unprotected(session: Session) -> Iterator[None]:
    """A while in which this transaction may change and remove entries."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("ALTER TABLE audit_entry DISABLE TRIGGER USER"))
        yield
        session.execute(text("ALTER TABLE audit_entry ENABLE TRIGGER USER"))
        return
    triggers = session.execute(text(_TRIGGERS)).all()
    for trigger in triggers:
        session.execute(text(f"DROP TRIGGER {trigger.name}"))
    yield
    for trigger in triggers:
        session.execute(text(trigger.sql))
