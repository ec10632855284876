"""What runs out, of clients and APIs alike: secrets that work and have an end, soonest first."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, select

from signet.models.clients import ClientRow, ClientSecretRow
from signet.models.database import read
from signet.models.narrowing import unindexed
from signet.models.scopes import ResourceServerRow, ResourceServerSecretRow
from signet.models.secrets import SecretDetails, to_secret_details
from signet.oauth.client import CLIENT_SECRET_BASIC

CLIENT, API = "client", "api"


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretExpiry:
    """A secret that ends, and whose it is."""

    #: ``client`` or ``api``.
    owner_type: str
    #: A client id, or the row number of an API as in its address.
    owner: str
    owner_name: str
    secret: SecretDetails
    expires_at: datetime


def list_secret_expiries(
    *, since: datetime, until: datetime | None = None, replaced: bool = True, limit: int
) -> tuple[SecretExpiry, ...]:
    """Secrets that end after a moment and were not revoked, of whoever is served by secrets.

    :param until: the last moment that counts; ``None``: any.
    :param replaced: whether those that a rotation has replaced are wanted too.
    """
    clients = (
        select(ClientRow.client_id, ClientRow.name, ClientSecretRow)
        .join(ClientSecretRow, ClientSecretRow.client_row_id == ClientRow.id)
        .where(
            unindexed(ClientRow.enabled),
            ClientRow.token_endpoint_auth_method == CLIENT_SECRET_BASIC,
        )
    )
    apis = select(ResourceServerRow.id, ResourceServerRow.name, ResourceServerSecretRow).join(
        ResourceServerSecretRow, ResourceServerSecretRow.resource_server_id == ResourceServerRow.id
    )
    found: list[SecretExpiry] = []
    with read() as session:
        for owner_type, query, secret in (
            (CLIENT, clients, ClientSecretRow),
            (API, apis, ResourceServerSecretRow),
        ):
            query = _soonest(query, secret, since)
            if until is not None:
                query = query.where(secret.expires_at <= until)
            if not replaced:
                query = query.where(secret.replaced_at.is_(None))
            rows = session.execute(query.limit(limit))
            found += [_to_expiry(owner_type, *row) for row in rows]
    return tuple(sorted(found, key=lambda expiry: expiry.expires_at)[:limit])


def _soonest(query: Any, secret: Any, since: datetime) -> Any:
    ends_later: ColumnElement[bool] = secret.expires_at > since
    return query.where(secret.revoked_at.is_(None), ends_later).order_by(secret.expires_at)


def _to_expiry(owner_type: str, owner: str | int, name: str, row: Any) -> SecretExpiry:
    return SecretExpiry(
        owner_type=owner_type,
        owner=str(owner),
        owner_name=name,
        secret=to_secret_details(row),
        expires_at=row.expires_at,
    )
