"""Forgetting how credentials were used: what is old, and what is of nobody any more."""

from datetime import datetime
from typing import Any, cast

from sqlalchemy import CursorResult, delete, exists, select, tuple_

from signet.models.audit import AuditEntryRow
from signet.models.clients import ClientRow
from signet.models.database import write
from signet.models.scopes import ResourceServerRow
from signet.models.usage import KEPT, CredentialUseRow, UseCountRow

#: Rows that are forgotten in one transaction, and transactions in a turn: nobody waits for long.
_PIECE, _MOST_PIECES = 5_000, 40
#: A worker may write the use of a client just after that is deleted: of these, the latest.
_DELETIONS = ("client.delete", "api.delete")
_MOST_DELETIONS = 500


def prune_usage(*, now: datetime) -> None:
    """Forget what is older than is kept, and what is of a client or API that was deleted."""
    for span, kept in KEPT.items():
        key = (
            UseCountRow.client_id,
            UseCountRow.begins_at,
            UseCountRow.credential_id,
            UseCountRow.outcome,
        )
        old = select(*key).where(UseCountRow.span == span, UseCountRow.begins_at < now - kept)
        piece = delete(UseCountRow).where(
            UseCountRow.span == span, tuple_(*key).in_(old.limit(_PIECE))
        )
        for _ in range(_MOST_PIECES):
            if _forget(piece) < _PIECE:
                break
    for table in (CredentialUseRow, UseCountRow):
        of_nobody = (
            ~exists().where(ClientRow.client_id == table.client_id),
            ~exists().where(ResourceServerRow.identifier == table.client_id),
        )
        for action in _DELETIONS:
            _forget(delete(table).where(table.client_id.in_(_deleted(action)), *of_nobody))


def _deleted(action: str) -> Any:
    number = AuditEntryRow.number
    latest = select(AuditEntryRow.object_id).where(AuditEntryRow.action == action)
    return select(latest.order_by(number.desc()).limit(_MOST_DELETIONS).subquery().c.object_id)


def _forget(statement: Any) -> int:
    with write() as session:
        return cast(CursorResult[Any], session.execute(statement)).rowcount
