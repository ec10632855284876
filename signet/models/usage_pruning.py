"""Forgetting how credentials were used: what is old, and what is of nobody any more."""

from datetime import datetime
from typing import Any

from sqlalchemy import and_, exists, select

from signet.models.audit import AuditEntryRow
from signet.models.clients import ClientRow
from signet.models.pruning import forget_rows
from signet.models.scopes import ResourceServerRow
from signet.models.usage import KEPT, CredentialUseRow, UseCountRow

#: A worker may write the use of a client just after that is deleted: of these, the latest.
_DELETIONS = ("client.delete", "api.delete")
_MOST_DELETIONS = 500


def prune_usage(*, now: datetime) -> None:
    """Forget what is older than is kept, and what is of a client or API that was deleted."""
    for span, kept in KEPT.items():
        is_old = (UseCountRow.span == span) & (UseCountRow.begins_at < now - kept)
        forget_rows(UseCountRow, is_old)
    for table in (CredentialUseRow, UseCountRow):
        of_nobody = (
            ~exists().where(ClientRow.client_id == table.client_id),
            ~exists().where(ResourceServerRow.identifier == table.client_id),
        )
        for action in _DELETIONS:
            forget_rows(table, and_(table.client_id.in_(_deleted(action)), *of_nobody))


def _deleted(action: str) -> Any:
    number = AuditEntryRow.number
    latest = select(AuditEntryRow.object_id).where(AuditEntryRow.action == action)
    return select(latest.order_by(number.desc()).limit(_MOST_DELETIONS).subquery().c.object_id)
