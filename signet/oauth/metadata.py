"""What the server says about itself — RFC 8414, OpenID Connect Discovery.

Computed from the tables that the code runs on, so that it cannot lie. Both documents have the
same members; they only stand at different places when the issuer has a path.
"""

from typing import Any

from signet.oauth.client_authentication import METHODS
from signet.oauth.token import GRANTS

TOKEN_PATH = "/connect/token"
JWKS_PATH = "/.well-known/openid-configuration/jwks"


def server_metadata(issuer: str) -> dict[str, Any]:
    """The document for ``oauth-authorization-server`` and ``openid-configuration``."""
    return {
        "issuer": issuer,
        "token_endpoint": issuer + TOKEN_PATH,
        "jwks_uri": issuer + JWKS_PATH,
        "grant_types_supported": list(GRANTS),
        # Required (§2), though there is no authorization endpoint to send one to.
        "response_types_supported": ["none"],
        # Required by OIDC Discovery §3: ``sub`` is the same for every API.
        "subject_types_supported": ["public"],
        "token_endpoint_auth_methods_supported": list(METHODS),
    }
