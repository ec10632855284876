"""The access token — RFC 9068: a JWT that any API can check with the published keys.

Or, for clients that are registered for it, a reference: 256 random bits that mean nothing until
introspection says what they stand for.
"""

import hashlib
import json
import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from joserfc.jws import JWSRegistry
from joserfc.util import json_b64encode, urlsafe_b64encode

from signet.oauth.client import Client
from signet.oauth.jwks import SigningKey
from signet.oauth.jws import check_signature, check_times, check_typ, parse_jwt, required_moment
from signet.oauth.public_keys import PublicKey
from signet.oauth.scope import GrantedScope
from signet.oauth.store import ReferenceToken

#: What a client's own claims may not be called: the protocol's names, here and at introspection.
REGISTERED_CLAIMS = frozenset(
    {
        *("iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "scope", "cnf"),
        *("act", "may_act", "active", "token_type", "token_introspection"),
        "authorization_details",
    }
)
#: By which a scanner recognises a reference token.
REFERENCE_PREFIX = "signet_at_"
_encode = json.JSONEncoder(separators=(",", ":")).encode


def access_token_claims(
    client: Client,
    granted: GrantedScope,
    *,
    issuer: str,
    now: datetime,
    confirmation: Mapping[str, str],
    scope_claim: str = "string",
) -> dict[str, Any]:
    """What a token says, valid from ``now`` for the client's token lifetime (RFC 9068 §2.2).

    :param confirmation: ``cnf``, by which it is bound to its sender (RFC 7800); may be empty.
    :param scope_claim: ``string`` as in RFC 9068 §2.2.3, or ``array`` for .NET policies.
    """
    issued_at = int(now.timestamp())
    audiences = granted.identifiers
    claims: dict[str, Any] = {
        "iss": issuer,
        "sub": client.client_id,
        "aud": audiences[0] if len(audiences) == 1 else audiences,
        "client_id": client.client_id,
        "scope": granted.names if scope_claim == "array" else " ".join(granted.names),
        "iat": issued_at,
        "exp": issued_at + int(client.access_token_lifetime.total_seconds()),
        "jti": secrets.token_urlsafe(16),
    }
    if confirmation:
        claims["cnf"] = confirmation
    own = {name: value for name, value in client.claims.items() if name not in REGISTERED_CLAIMS}
    return claims | own


def sign_access_token(claims: Mapping[str, Any], key: SigningKey) -> str:
    """The token as a JWT, its header ``alg``, ``kid``, ``typ`` in this order."""
    return sign_jwt(claims, key, typ="at+jwt")


def sign_jwt(claims: Mapping[str, Any], key: SigningKey, *, typ: str) -> str:
    """A compact JWT of this kind, signed with the key."""
    payload = urlsafe_b64encode(_encode(claims).encode())
    signing_input = _header_segment(key.alg, key.kid, typ) + b"." + payload
    return (signing_input + b"." + urlsafe_b64encode(_sign(signing_input, key))).decode("ascii")


def verify_access_token(
    token: str,
    keys: Sequence[PublicKey],
    *,
    issuer: str,
    now: datetime,
    algorithms: Sequence[str] = ("RS256", "PS256", "ES256", "EdDSA"),
) -> Mapping[str, Any]:
    """The claims of a token that this issuer has signed and that is not over (RFC 9068 §4).

    Whether it is for the one who asks, and who may use it, is left to the caller.

    :raises ValueError: if it is anything else; the text says what.
    """
    jwt = parse_jwt(token)
    check_typ(jwt, ("at+jwt", "application/at+jwt"), required=True)
    check_signature(jwt, keys, algorithms=algorithms)
    if jwt.claims.get("iss") != issuer:
        raise ValueError("of another issuer")
    required_moment(jwt.claims, "exp")
    check_times(jwt.claims, now)
    return jwt.claims


def generate_reference_token() -> str:
    """A token of 256 random bits that says nothing."""
    return REFERENCE_PREFIX + secrets.token_urlsafe(32)


def digest_reference_token(token: str) -> str:
    """What is stored of a reference token; 256 random bits need no slow hash."""
    return "v1:" + hashlib.sha256(f"signet reference token\0{token}".encode()).hexdigest()


def kept_reference_token(token: str, claims: Mapping[str, Any]) -> ReferenceToken:
    """What is kept of a new reference token that stands for these claims."""
    return ReferenceToken(
        digest=digest_reference_token(token),
        claims=claims,
        expires_at=datetime.fromtimestamp(claims["exp"], UTC),
    )


def _sign(signing_input: bytes, key: SigningKey) -> bytes:
    return JWSRegistry.algorithms[key.alg].sign(signing_input, key.prepared)


@lru_cache(maxsize=64)
def _header_segment(alg: str, kid: str, typ: str) -> bytes:
    # The same for every token of a key. joserfc's ``jwt.encode`` would put ``typ`` first.
    return json_b64encode({"alg": alg, "kid": kid, "typ": typ})
