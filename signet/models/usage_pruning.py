"""Forgetting how credentials were used: what is old, and what is of nobody any more."""

from datetime import datetime, timedelta

from sqlalchemy import delete, exists

from signet.models.clients import ClientRow
from signet.models.database import write
from signet.models.scopes import ResourceServerRow
from signet.models.usage import EVERYBODY, KEPT, CredentialUseRow, UseCountRow
from signet.usage import NOBODY

#: A worker may write the use of a client just after that is deleted.
_SETTLED_AFTER = timedelta(hours=1)


def prune_usage(*, now: datetime) -> None:
    """Forget what is older than is kept, and what is of no client and no API."""
    settled = now - _SETTLED_AFTER
    with write() as session:
        for span, kept in KEPT.items():
            old = (UseCountRow.span == span) & (UseCountRow.begins_at < now - kept)
            session.execute(delete(UseCountRow).where(old))
        for table, moment in (
            (CredentialUseRow, CredentialUseRow.last_used_at),
            (UseCountRow, UseCountRow.begins_at),
        ):
            of_nobody = (
                table.client_id.not_in((EVERYBODY, NOBODY)),
                ~exists().where(ClientRow.client_id == table.client_id),
                ~exists().where(ResourceServerRow.identifier == table.client_id),
            )
            session.execute(delete(table).where(moment < settled, *of_nobody))
