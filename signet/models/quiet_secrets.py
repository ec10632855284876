"""Whose secrets may have fallen quiet: a cheap question, for before an act is begun."""

from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, or_, select
from sqlalchemy.orm import Session, aliased

from signet.models.clients import ClientRow, ClientSecretRow
from signet.models.database import read
from signet.models.narrowing import unindexed
from signet.models.scopes import ResourceServerRow, ResourceServerSecretRow
from signet.models.usage import HOUR, SERVED, CredentialUseRow, UseCountRow
from signet.oauth.client import CLIENT_SECRET_BASIC

#: In so many hours a secret was used when callers have gone over to it: an admin's try is one.
_HOURS_OF_USE = 2


def has_recorded_uses(*, since: datetime) -> bool:
    """Whether any use of any credential was written down since then."""
    lately = select(CredentialUseRow.client_id).where(CredentialUseRow.last_used_at > since)
    with read() as session:
        return session.scalars(lately.limit(1)).first() is not None


def clients_with_quiet_secrets(*, quiet_since: datetime, now: datetime) -> tuple[str, ...]:
    """Clients with a secret that ends when it falls quiet and was not used since then."""
    successor = aliased(ClientSecretRow)
    query = (
        select(ClientRow.client_id)
        .join(ClientRow.secrets)
        .join(successor, successor.client_row_id == ClientRow.id)
        .where(
            unindexed(ClientRow.enabled),
            ClientRow.token_endpoint_auth_method == CLIENT_SECRET_BASIC,
        )
    )
    return _owners(query, ClientSecretRow, successor, ClientRow.client_id, quiet_since, now)


def apis_with_quiet_secrets(*, quiet_since: datetime, now: datetime) -> tuple[str, ...]:
    """The same of APIs, by identifier."""
    identifier = ResourceServerRow.identifier
    successor = aliased(ResourceServerSecretRow)
    query = (
        select(identifier)
        .join(ResourceServerRow.secrets)
        .join(successor, successor.resource_server_id == ResourceServerRow.id)
    )
    return _owners(query, ResourceServerSecretRow, successor, identifier, quiet_since, now)


def load_secrets_gone_over_to(session: Session, owner_id: str) -> frozenset[str]:
    """Ids of the credentials of a client or API that callers use, not only somebody once."""
    query = (
        select(UseCountRow.credential_id)
        .where(*_served(owner_id))
        .group_by(UseCountRow.credential_id)
        .having(_hours() >= _HOURS_OF_USE)
    )
    return frozenset(session.scalars(query))


def _owners(
    query: Select[Any],
    secret: type[ClientSecretRow] | type[ResourceServerSecretRow],
    successor: Any,
    owner_id: Any,
    quiet_since: datetime,
    now: datetime,
) -> tuple[str, ...]:
    used_since = exists().where(
        CredentialUseRow.client_id == owner_id,
        CredentialUseRow.credential_id == secret.secret_id,
        CredentialUseRow.last_used_at > quiet_since,
    )
    hours = select(_hours()).where(
        *_served(owner_id), UseCountRow.credential_id == successor.secret_id
    )
    query = query.where(
        secret.ends_when_quiet,
        secret.revoked_at.is_(None),
        secret.expires_at > now,
        secret.replaced_at <= quiet_since,
        ~used_since,
        successor.id != secret.id,
        successor.created_at >= secret.replaced_at,
        successor.revoked_at.is_(None),
        or_(successor.expires_at.is_(None), successor.expires_at > now),
        hours.scalar_subquery() >= _HOURS_OF_USE,
    )
    with read() as session:
        return tuple(session.scalars(query.distinct().order_by(owner_id)))


def _hours() -> Any:
    return func.count(UseCountRow.begins_at.distinct())


def _served(owner_id: Any) -> tuple[Any, ...]:
    return (
        UseCountRow.client_id == owner_id,
        UseCountRow.span == HOUR,
        UseCountRow.outcome.in_(SERVED),
    )
