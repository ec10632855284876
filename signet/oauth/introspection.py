"""Token introspection — RFC 7662, signed answers RFC 9701: whether a token counts, and for what.

An API asks about tokens for itself, a client about its own. Whatever else comes, garbage and
hostile tokens included, is not active, and the answer says no more than that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth.access_token import (
    REFERENCE_PREFIX,
    digest_reference_token,
    sign_jwt,
    verify_access_token,
)
from signet.oauth.client import Client
from signet.oauth.client_authentication import Authenticated, authenticate_caller, note_use
from signet.oauth.errors import RefusedClientError
from signet.oauth.jwks import SigningKey
from signet.oauth.public_keys import PublicKey, import_public_key
from signet.oauth.resource_server import ResourceServer
from signet.oauth.server import ProtocolServer

#: "application/token-introspection+jwt" — RFC 9701 §4; in the header without "application/" (§5).
SIGNED_ANSWER = "application/token-introspection+jwt"
_INACTIVE: Mapping[str, Any] = {"active": False}


@dataclass(frozen=True, slots=True)
class Introspection:
    """What is answered, to whom."""

    answer: Mapping[str, Any]
    caller_id: str
    #: Of a signed answer; ``None``: the server's default.
    signing_alg: str | None


def introspect(request: OAuth2Request, *, server: ProtocolServer, now: datetime) -> Introspection:
    """Authenticate the caller and say what the token is to it (RFC 7662 §2).

    :raises RefusedClientError: always with the challenge (§2.3).
    :raises InvalidRequestError: without a token.
    """
    try:
        caller = _identify(request, server=server, now=now)
        token = request.payload.data.get("token")
        if token is None:
            raise InvalidRequestError("token is missing.")
        if isinstance(caller, Authenticated):
            note_use(caller, server=server)
    except RefusedClientError as error:
        raise error.challenged() from None
    claims = find_live_token(token, server=server, now=now)
    if isinstance(caller, ResourceServer):
        return Introspection(_for_api(claims, caller), caller.identifier, caller.signing_alg)
    return Introspection(_for_client(claims, caller.client), caller.client.client_id, None)


def sign_introspection(
    introspection: Introspection, *, server: ProtocolServer, now: datetime
) -> str:
    """The answer as a JWT (RFC 9701 §5); no ``sub`` or ``exp`` outside, so it is no access token.

    The algorithm is that of the caller's API.
    """
    claims = {
        "iss": server.issuer,
        "aud": introspection.caller_id,
        "iat": int(now.timestamp()),
        "token_introspection": introspection.answer,
    }
    key = server.store.signing_key(now, introspection.signing_alg)
    return sign_jwt(claims, key, typ="token-introspection+jwt")


def find_live_token(
    token: str, *, server: ProtocolServer, now: datetime
) -> Mapping[str, Any] | None:
    """The claims of a token of this server's that is in force, its client too; else ``None``."""
    claims = _find_claims(token, server=server, now=now)
    if claims is None or server.store.is_token_revoked(claims["jti"]):
        return None
    return claims if _is_enabled(claims["client_id"], server) else None


def _is_enabled(client_id: str, server: ProtocolServer) -> bool:
    # A client may have been enabled since its snapshot, so only the database can say no.
    found = (server.store.find_client(client_id, fresh=fresh) for fresh in (False, True))
    return any(client is not None and client.enabled for client in found)


def _find_claims(token: str, *, server: ProtocolServer, now: datetime) -> Mapping[str, Any] | None:
    if token.startswith(REFERENCE_PREFIX):
        kept = server.store.find_reference_token(digest_reference_token(token))
        return kept.claims if kept is not None and now < kept.expires_at else None
    try:
        keys = verification_keys(server.store.published_keys(now))
        return verify_access_token(token, keys, issuer=server.issuer, now=now)
    except ValueError:
        return None


def verification_keys(keys: Sequence[SigningKey]) -> tuple[PublicKey, ...]:
    """The public halves of signing keys, ready to check a signature."""
    return tuple(_public_half(key) for key in keys)


@lru_cache(maxsize=64)
def _imported(kid: str, alg: str, members: tuple[tuple[str, str], ...]) -> PublicKey:
    return import_public_key(dict(members))


def _public_half(key: SigningKey) -> PublicKey:
    return _imported(key.kid, key.alg, tuple(key.public_jwk.items()))


def _identify(
    request: OAuth2Request, *, server: ProtocolServer, now: datetime
) -> Authenticated | ResourceServer:
    try:
        return authenticate_caller(request, server=server, now=now, fresh=False)
    except RefusedClientError:
        # A new secret works at once, so only the database can refuse.
        return authenticate_caller(request, server=server, now=now, fresh=True)


def _for_api(claims: Mapping[str, Any] | None, api: ResourceServer) -> Mapping[str, Any]:
    # "the authorization server … MUST determine whether or not the token can be used at the
    # protected resource making the introspection call" — RFC 7662 §4
    if claims is None or api.identifier not in _audiences(claims["aud"]):
        return _INACTIVE
    return _active(claims, [name for name in _names(claims["scope"]) if name in api.scopes])


def _for_client(claims: Mapping[str, Any] | None, client: Client) -> Mapping[str, Any]:
    if claims is None or claims["client_id"] != client.client_id:
        return _INACTIVE
    return _active(claims, _names(claims["scope"]))


def _active(claims: Mapping[str, Any], scope: Sequence[str]) -> Mapping[str, Any]:
    is_bound_to_proofs = "jkt" in claims.get("cnf", {})
    return {
        "active": True,
        **claims,
        # "a JSON string containing a space-separated list of scopes" — RFC 7662 §2.2
        "scope": " ".join(scope),
        "token_type": "DPoP" if is_bound_to_proofs else "Bearer",
    }


def _audiences(aud: str | Sequence[str]) -> Sequence[str]:
    return (aud,) if isinstance(aud, str) else aud


def _names(scope: str | Sequence[str]) -> Sequence[str]:
    return scope.split(" ") if isinstance(scope, str) else scope
