"""Token introspection — RFC 7662, signed answers RFC 9701: whether a token counts, and for what.

An API asks about tokens for itself, a client about its own. Whatever else comes, garbage and
hostile tokens included, is not active, and the answer says no more than that.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache, partial
from typing import Any

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth.access_token import (
    REFERENCE_PREFIX,
    digest_reference_token,
    sign_jwt,
    verify_access_token,
)
from signet.oauth.client import Client
from signet.oauth.client_authentication import (
    Authenticated,
    AuthenticatedApi,
    authenticate_caller,
    note_use,
)
from signet.oauth.credential import Credential
from signet.oauth.errors import RefusedClientError
from signet.oauth.jwks import SigningKey
from signet.oauth.jws import CLOCK_AHEAD
from signet.oauth.public_keys import PublicKey, import_public_key
from signet.oauth.server import ProtocolServer

#: "application/token-introspection+jwt" — RFC 9701 §4; in the header without "application/" (§5).
SIGNED_ANSWER = "application/token-introspection+jwt"
_INACTIVE: Mapping[str, Any] = {"active": False}


@dataclass(frozen=True, slots=True)
class Introspection:
    """What is answered, to whom."""

    answer: Mapping[str, Any]
    caller_id: str
    credential: Credential
    #: Of a signed answer; ``None``: the server's default.
    signing_alg: str | None = None
    #: Why the token is not active, for the log; ``None`` if it is.
    reason: str | None = None


class InactiveTokenError(Exception):
    """The token is not in force, or not for the one who asks; the text says why, for the log."""


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
    about = partial(Introspection, credential=caller.credential)
    if isinstance(caller, AuthenticatedApi):
        api = caller.api
        about = partial(about, caller_id=api.identifier, signing_alg=api.signing_alg)
    else:
        about = partial(about, caller_id=caller.client.client_id)
    try:
        claims = _get_live_token(token, server=server, now=now)
        return about(_answer_to(caller, claims))
    except InactiveTokenError as error:
        return about(_INACTIVE, reason=str(error))


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
    try:
        return _get_live_token(token, server=server, now=now)
    except InactiveTokenError:
        return None


def _get_live_token(token: str, *, server: ProtocolServer, now: datetime) -> Mapping[str, Any]:
    claims = _get_claims(token, server=server, now=now)
    if server.store.is_token_revoked(claims["jti"]):
        raise InactiveTokenError("token: revoked")
    if not _is_held_by_client(claims, server):
        raise InactiveTokenError("token: its client is disabled or deleted")
    return claims


def _is_held_by_client(claims: Mapping[str, Any], server: ProtocolServer) -> bool:
    # A client may have been enabled since its snapshot, so only the database can say no.
    found = (server.store.find_client(claims["client_id"], fresh=fresh) for fresh in (False, True))
    return any(client is not None and client.enabled and _is_of(claims, client) for client in found)


def _is_of(claims: Mapping[str, Any], client: Client) -> bool:
    """Whether the token was issued to this client, not to one of its name that was deleted."""
    issued_at = datetime.fromtimestamp(claims["iat"], UTC)
    return client.created_at is None or client.created_at <= issued_at + CLOCK_AHEAD


def _get_claims(token: str, *, server: ProtocolServer, now: datetime) -> Mapping[str, Any]:
    if token.startswith(REFERENCE_PREFIX):
        kept = server.store.find_reference_token(digest_reference_token(token))
        if kept is None or kept.expires_at <= now:
            raise InactiveTokenError("token: expired" if kept else "token: an unknown reference")
        return kept.claims
    try:
        keys = verification_keys(server.store.published_keys(now))
        return verify_access_token(token, keys, issuer=server.issuer, now=now)
    except ValueError as error:
        raise InactiveTokenError(f"token: {error}") from None


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
) -> Authenticated | AuthenticatedApi:
    try:
        return authenticate_caller(request, server=server, now=now, fresh=False)
    except RefusedClientError:
        # A new secret works at once, so only the database can refuse.
        return authenticate_caller(request, server=server, now=now, fresh=True)


def _answer_to(
    caller: Authenticated | AuthenticatedApi, claims: Mapping[str, Any]
) -> Mapping[str, Any]:
    # "the authorization server … MUST determine whether or not the token can be used at the
    # protected resource making the introspection call" — RFC 7662 §4
    names = _names(claims["scope"])
    if isinstance(caller, AuthenticatedApi):
        if caller.api.identifier not in _audiences(claims["aud"]):
            raise InactiveTokenError("token: for another API")
        return _active(claims, [name for name in names if name in caller.api.scopes])
    if claims["client_id"] != caller.client.client_id:
        raise InactiveTokenError("token: of another client")
    return _active(claims, names)


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
