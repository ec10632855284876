"""The protocol's view of a client: one statement, whatever the client has.

Every token of a client that is not known yet waits for it. What scopes and APIs say is the same
for all clients, so it is loaded by itself and once.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import String, bindparam, cast, func, select
from sqlalchemy.orm import selectinload

from signet.models.clients import ClientRow, ClientSecretRow, trusts_of
from signet.models.database import read, read_rows
from signet.models.scopes import ScopeRow, client_scope
from signet.oauth.client import Audience, Client, ClientScope, ClientSecret
from signet.oauth.public_keys import parse_jwk_set

#: By row number; ``None`` is one that is disabled.
Scopes = Mapping[int, ClientScope | None]

# The tables, not the classes: their rows are read here and nothing else becomes of them.
_client = ClientRow.__table__.c
_secret = ClientSecretRow.__table__.c
_SECRET = ("secret_id", "digest", "created_at", "replaced_at", "expires_at", "revoked_at")
_scope_ids = (
    select(func.aggregate_strings(cast(client_scope.c.scope_id, String), ","))
    .where(client_scope.c.client_id == _client.id)
    .scalar_subquery()
)
#: A row for each secret; or one, if there is none.
_QUERY = (
    select(
        *(column for column in _client if column.name not in ("name", "description", "contact")),
        _scope_ids.label("scope_ids"),
        *(_secret[name].label(f"secret_{name}") for name in _SECRET),
    )
    .join_from(ClientRow.__table__, ClientSecretRow.__table__, isouter=True)
    .where(_client.client_id == bindparam("wanted"))
    .order_by(_secret.id)
)


def load_client_snapshot(client_id: str, scopes: Scopes | None = None) -> Client | None:
    """The protocol's view of a client, all of it from one moment.

    :param scopes: if they have been loaded before; a client may have one that is not among them.
    """
    rows = read_rows(_QUERY, {"wanted": client_id})
    if not rows:
        return None
    numbers = [int(number) for number in (rows[0].scope_ids or "").split(",") if number]
    if scopes is None or not scopes.keys() >= set(numbers):
        scopes = load_scopes()
    own = (scopes.get(number) for number in numbers)
    granted = sorted((scope for scope in own if scope), key=lambda scope: scope.name)
    return _to_client(rows, tuple(granted))


def load_scopes() -> Scopes:
    """All scopes, with the APIs that own them."""
    query = select(ScopeRow).options(selectinload(ScopeRow.resource_servers))
    with read() as session:
        return {row.id: _to_scope(row) for row in session.scalars(query)}


def _to_scope(row: ScopeRow) -> ClientScope | None:
    if not row.enabled:
        return None
    audiences = (Audience(api.identifier, api.signing_alg) for api in row.resource_servers)
    return ClientScope(name=row.name, audiences=tuple(audiences))


def _to_client(rows: Sequence[Any], scopes: tuple[ClientScope, ...]) -> Client:
    row = rows[0]
    return Client(
        client_id=row.client_id,
        enabled=row.enabled,
        created_at=row.created_at,
        token_endpoint_auth_method=row.token_endpoint_auth_method,
        secrets=tuple(_to_secret(row) for row in rows if row.secret_secret_id is not None),
        scopes=scopes,
        access_token_lifetime=timedelta(seconds=row.access_token_lifetime),
        token_endpoint_auth_signing_alg=row.token_endpoint_auth_signing_alg,
        jwks=parse_jwk_set(json.loads(row.jwks)) if row.jwks else (),
        jwks_uri=row.jwks_uri,
        allows_token_endpoint_audience=row.allows_token_endpoint_audience,
        tls_client_auth_subject_dn=row.tls_client_auth_subject_dn,
        trusted_issuers=tuple(trust.to_trusted_issuer() for trust in trusts_of(row)),
        dpop_bound_access_tokens=row.dpop_bound_access_tokens,
        tls_client_certificate_bound_access_tokens=row.tls_client_certificate_bound_access_tokens,
        token_format=row.token_format,
        claims=json.loads(row.claims),
    )


def _to_secret(row: Any) -> ClientSecret:
    return ClientSecret(
        secret_id=row.secret_secret_id,
        digest=row.secret_digest,
        created_at=row.secret_created_at,
        replaced_at=row.secret_replaced_at,
        expires_at=row.secret_expires_at,
        revoked_at=row.secret_revoked_at,
    )
