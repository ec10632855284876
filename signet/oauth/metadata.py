"""What the server says about itself — RFC 8414, OpenID Connect Discovery.

Computed from the tables that the code runs on, so that it cannot lie. Both documents have the
same members; they only stand at different places when the issuer has a path.
"""

from datetime import datetime
from typing import Any

from signet.oauth.client_authentication import offered_methods
from signet.oauth.jws import ALGORITHMS
from signet.oauth.server import (
    INTROSPECTION_PATH,
    JWKS_PATH,
    REVOCATION_PATH,
    TOKEN_PATH,
    ProtocolServer,
)
from signet.oauth.store import StoreUnavailableError
from signet.oauth.token import GRANTS


def server_metadata(server: ProtocolServer, *, now: datetime) -> dict[str, Any]:
    """The document for ``oauth-authorization-server`` and ``openid-configuration``."""
    issuer, methods = server.issuer, offered_methods(server)
    document: dict[str, Any] = {
        "issuer": issuer,
        "token_endpoint": issuer + TOKEN_PATH,
        "introspection_endpoint": issuer + INTROSPECTION_PATH,
        "revocation_endpoint": issuer + REVOCATION_PATH,
        "jwks_uri": issuer + JWKS_PATH,
        "grant_types_supported": list(GRANTS),
        # Required (§2), though there is no authorization endpoint to send one to.
        "response_types_supported": ["none"],
        # Required by OIDC Discovery §3: ``sub`` is the same for every API.
        "subject_types_supported": ["public"],
    }
    for endpoint in ("token", "introspection", "revocation"):
        document[f"{endpoint}_endpoint_auth_methods_supported"] = methods
        # What any client may use; RS256 is for the few that are registered for it.
        document[f"{endpoint}_endpoint_auth_signing_alg_values_supported"] = list(ALGORITHMS)
    document["dpop_signing_alg_values_supported"] = list(ALGORITHMS)
    if algorithms := _signing_algorithms(server, now):
        document["introspection_signing_alg_values_supported"] = algorithms
    if server.takes_certificates:
        document["tls_client_certificate_bound_access_tokens"] = True
    return document


def _signing_algorithms(server: ProtocolServer, now: datetime) -> list[str]:
    try:
        return list(server.store.signing_algorithms(now))
    except StoreUnavailableError:
        # The rest is true whatever the database does, and clients cannot begin without it.
        return []
