"""A client as commands write it: a document for scripts, lines for people."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import datetime
from typing import Any

from signet.cli.output import facts, rfc3339
from signet.cli.secret import secret_document
from signet.models.clients import ClientDetails
from signet.models.usage import CredentialUse
from signet.operations.public_key_text import thumbprints

_OPTIONAL = frozenset(
    {
        "token_endpoint_auth_signing_alg",
        "jwks_uri",
        "jwk_thumbprints",
        "allow_token_endpoint_audience",
        "tls_client_auth_subject_dn",
        "trusted_issuers",
        "dpop_bound_access_tokens",
        "tls_client_certificate_bound_access_tokens",
        "claims",
    }
)


def client_document(
    client: ClientDetails, uses: Mapping[str, CredentialUse], *, now: datetime
) -> dict[str, Any]:
    """What scripts read of a client.

    :param uses: of its credentials, by id.
    """
    return {
        "client_id": client.client_id,
        "name": client.name,
        "description": client.description,
        "contact": client.contact,
        "enabled": client.enabled,
        "scope": " ".join(client.scopes),
        "token_endpoint_auth_method": client.token_endpoint_auth_method,
        "token_endpoint_auth_signing_alg": client.token_endpoint_auth_signing_alg,
        "jwks": client.jwks,
        "jwks_uri": client.jwks_uri,
        # RFC 7638: by which people compare keys.
        "jwk_thumbprints": thumbprints(client.jwks) if client.jwks else [],
        "allow_token_endpoint_audience": client.allows_token_endpoint_audience,
        "tls_client_auth_subject_dn": client.tls_client_auth_subject_dn,
        "trusted_issuers": [asdict(trust) for trust in client.trusted_issuers],
        "token_format": client.token_format,
        "dpop_bound_access_tokens": client.dpop_bound_access_tokens,
        "tls_client_certificate_bound_access_tokens": (
            client.tls_client_certificate_bound_access_tokens
        ),
        "claims": dict(client.claims),
        # Seconds, as RFC 6749 counts them.
        "access_token_lifetime": int(client.access_token_lifetime.total_seconds()),
        "created_at": rfc3339(client.created_at),
        "created_by": client.created_by,
        "secrets": [secret_document(secret, uses, now=now) for secret in client.secrets],
    }


def client_text(document: Mapping[str, Any]) -> str:
    """What people read of the same, without secrets, and without what there is not."""
    return facts(
        {
            name: _shown(value)
            for name, value in document.items()
            # People compare keys by their thumbprints.
            if name not in ("secrets", "jwks") and (value or name not in _OPTIONAL)
        }
    )


def _shown(value: Any) -> object:
    if isinstance(value, dict):
        return json.dumps(value) if value else None
    if isinstance(value, list):
        return [item if isinstance(item, str) else json.dumps(item) for item in value]
    return value
