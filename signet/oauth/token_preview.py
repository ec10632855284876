"""What a token would say — RFC 9068, for people who look before a client asks.

The way of the token endpoint, but for the proof of who asks. Nothing is signed, noted or kept, so
what comes of it cannot be used.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from signet.oauth.access_token import access_token_claims
from signet.oauth.client import Client
from signet.oauth.errors import RefusedClientError
from signet.oauth.refusal import Reason, Refusal
from signet.oauth.scope import grant_scope
from signet.oauth.store import Store
from signet.oauth.token import choose_key

#: In place of what only the client's own key or certificate could tell.
UNKNOWN_THUMBPRINT = "…"


@dataclass(frozen=True, slots=True)
class TokenPreview:
    """Header and claims of a token that nobody has signed."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]


def preview_token(
    client: Client, scope: str, *, issuer: str, scope_claim: str, store: Store, now: datetime
) -> TokenPreview:
    """What the client would get if it asked for this scope now.

    :raises OAuth2Error: if it would be refused.
    """
    if not client.enabled:
        raise RefusedClientError(
            Refusal(Reason.DISABLED_CLIENT, "disabled client"),
            by_header=False,
            client_id=client.client_id,
            is_known=True,
        )
    granted = grant_scope(client, scope, resources=())
    key = choose_key(granted, store=store, now=now)
    confirmation = {
        name: UNKNOWN_THUMBPRINT
        for name, is_bound in (
            ("x5t#S256", client.tls_client_certificate_bound_access_tokens),
            ("jkt", client.dpop_bound_access_tokens),
        )
        if is_bound
    }
    claims = access_token_claims(
        client,
        granted,
        issuer=issuer,
        now=now,
        confirmation=confirmation,
        scope_claim=scope_claim,
    )
    return TokenPreview({"alg": key.alg, "kid": key.kid, "typ": "at+jwt"}, claims)
