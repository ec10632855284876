"""Whose secrets may have fallen quiet: a cheap question, for before an act is begun."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, select

from signet.models.clients import ClientRow, ClientSecretRow
from signet.models.database import read
from signet.models.scopes import ResourceServerRow, ResourceServerSecretRow
from signet.models.usage import CredentialUseRow


def clients_with_quiet_secrets(*, quiet_since: datetime, now: datetime) -> tuple[str, ...]:
    """Clients with a secret that ends when it falls quiet and was not used since then."""
    query = select(ClientRow.client_id).join(ClientRow.secrets)
    return _owners(query, ClientSecretRow, ClientRow.client_id, quiet_since, now)


def apis_with_quiet_secrets(*, quiet_since: datetime, now: datetime) -> tuple[str, ...]:
    """The same of APIs, by identifier."""
    query = select(ResourceServerRow.identifier).join(ResourceServerRow.secrets)
    identifier = ResourceServerRow.identifier
    return _owners(query, ResourceServerSecretRow, identifier, quiet_since, now)


def _owners(
    query: Select[Any],
    secret: type[ClientSecretRow] | type[ResourceServerSecretRow],
    owner_id: Any,
    quiet_since: datetime,
    now: datetime,
) -> tuple[str, ...]:
    used_since = exists().where(
        CredentialUseRow.client_id == owner_id,
        CredentialUseRow.credential_id == secret.secret_id,
        CredentialUseRow.last_used_at > quiet_since,
    )
    query = query.where(
        secret.ends_when_quiet,
        secret.revoked_at.is_(None),
        secret.expires_at > now,
        secret.replaced_at <= quiet_since,
        ~used_since,
    )
    with read() as session:
        return tuple(session.scalars(query.distinct().order_by(owner_id)))
