"""The access token — RFC 9068: a JWT that any API can check with the published keys."""

import json
import secrets
from datetime import datetime
from functools import lru_cache

from joserfc.jws import JWSRegistry
from joserfc.util import json_b64encode, urlsafe_b64encode

from signet.oauth.client import Client
from signet.oauth.jwks import SigningKey
from signet.oauth.scope import GrantedScope


def issue_access_token(
    client: Client,
    granted: GrantedScope,
    *,
    issuer: str,
    key: SigningKey,
    now: datetime,
    scope_claim: str = "string",
) -> str:
    """A signed token for the client, valid from ``now`` for the client's token lifetime.

    :param scope_claim: ``string`` as in RFC 9068 §2.2.3, or ``array`` for .NET policies.
    """
    issued_at = int(now.timestamp())
    claims = {
        "iss": issuer,
        "sub": client.client_id,
        "aud": granted.audiences[0] if len(granted.audiences) == 1 else granted.audiences,
        "client_id": client.client_id,
        "scope": granted.names if scope_claim == "array" else " ".join(granted.names),
        "iat": issued_at,
        "exp": issued_at + int(client.access_token_lifetime.total_seconds()),
        "jti": secrets.token_urlsafe(16),
    }
    payload = urlsafe_b64encode(json.dumps(claims, separators=(",", ":")).encode())
    signing_input = _header_segment(key.alg, key.kid) + b"." + payload
    signature = JWSRegistry.algorithms[key.alg].sign(signing_input, key.private_key)
    return (signing_input + b"." + urlsafe_b64encode(signature)).decode("ascii")


@lru_cache(maxsize=16)
def _header_segment(alg: str, kid: str) -> bytes:
    # The same for every token of a key. joserfc's ``jwt.encode`` would put ``typ`` first.
    return json_b64encode({"alg": alg, "kid": kid, "typ": "at+jwt"})
