"""Client assertions — RFC 7523 §2.2, RFC 7521 §4.2: ``private_key_jwt``.

A client signs a short statement of who it is for this server, with a key that only it has. What
the statement must say follows FAPI 2.0 §5.3.2.1, and the audience rule of rfc7523bis.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from authlib.oauth2.rfc6749 import OAuth2Request

from signet.oauth.client import Client, KeySource
from signet.oauth.client_secret import LONGEST_CLIENT_ID
from signet.oauth.credential import Credential
from signet.oauth.errors import RefusedClientError, RefusedCredentialsError
from signet.oauth.jws import (
    ALGORITHMS,
    CLOCK_AHEAD,
    Jwt,
    check_signature,
    check_times,
    check_typ,
    parse_jwt,
    required_moment,
    required_text,
)
from signet.oauth.public_keys import PublicKey
from signet.oauth.refusal import Reason, Refusal, presented, refusal_of_token
from signet.oauth.server import TOKEN_PATH, ProtocolServer
from signet.oauth.store import KeysUnavailableError, ReplayNote

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: In characters.
LONGEST_ASSERTION = 16_384
LONGEST_LIFE = timedelta(hours=1)
TYPES = ("jwt", "client-authentication+jwt")


@dataclass(frozen=True, slots=True, kw_only=True)
class AssertionCredentials:
    """An assertion as presented, by a client or by an issuer that vouches for it."""

    client_id: str
    by_header: bool = False
    #: Whether the request names the client besides.
    names_client: bool
    assertion: Jwt = field(repr=False)


def uses_assertion(request: OAuth2Request) -> bool:
    """Whether the body holds an assertion."""
    return "client_assertion" in request.payload.data


def read_assertion(request: OAuth2Request) -> AssertionCredentials:
    """The assertion in the body.

    :raises RefusedClientError: if it is none that says whose it is.
    """
    data = request.payload.data
    if data.get("client_assertion_type") != ASSERTION_TYPE:
        refusal = Refusal(Reason.ASSERTION, "not the assertion type of a JWT")
        raise RefusedClientError(refusal, by_header=False)
    try:
        assertion = parse_jwt(data["client_assertion"])
        # "The 'client_id' parameter is unnecessary … because the client is identified by the
        # subject of the assertion" — RFC 7521 §4.2
        client_id = request.payload.client_id or required_text(assertion.claims, "sub")
        if len(client_id) > LONGEST_CLIENT_ID:
            raise ValueError("sub is too long")
    except ValueError as error:
        refusal = Refusal(Reason.ASSERTION, f"assertion: {error}")
        raise RefusedClientError(refusal, by_header=False) from None
    return AssertionCredentials(
        client_id=client_id,
        names_client=request.payload.client_id is not None,
        assertion=assertion,
    )


def check_client_assertion(
    credentials: AssertionCredentials, client: Client, *, server: ProtocolServer, now: datetime
) -> Credential:
    """The key by which the client itself has made the assertion, for this server and for now.

    :raises RefusedCredentialsError: for the first check that fails.
    """
    assertion = credentials.assertion
    claims = assertion.claims
    try:
        check_typ(assertion, TYPES)
        key = check_signature(
            assertion,
            _keys_of(client, assertion, server=server),
            algorithms=_allowed_algorithms(client),
        )
        # Equal to the whole id: a list or a part of it is another one.
        if claims.get("iss") != client.client_id or claims.get("sub") != client.client_id:
            raise RefusedCredentialsError(_foreign_issuer(claims, client))
        if claims.get("aud") not in _audiences(client, server):
            raise RefusedCredentialsError(_foreign_audience(claims, client, server))
        expires_at = required_moment(claims, "exp")
        check_times(claims, now)
        if expires_at > now + LONGEST_LIFE + CLOCK_AHEAD:
            raise ValueError("exp is more than an hour ahead")
        jti = required_text(claims, "jti")
    except (ValueError, KeysUnavailableError) as error:
        refusal = refusal_of_token(
            error, assertion, otherwise=Reason.ASSERTION, what="assertion", now=now
        )
        raise RefusedCredentialsError(refusal) from None
    note = ReplayNote(kind="assertion", owner=client.client_id, jti=jti, until=expires_at)
    return Credential(key.thumbprint, note=note)


def _foreign_issuer(claims: Mapping[str, Any], client: Client) -> Refusal:
    facts = {name: presented(claims.get(name)) for name in ("iss", "sub")}
    facts["expected"] = client.client_id
    return Refusal(Reason.ASSERTION_ISSUER, "assertion: iss or sub is not the client", facts)


def _foreign_audience(claims: Mapping[str, Any], client: Client, server: ProtocolServer) -> Refusal:
    facts = {"aud": presented(claims.get("aud")), "expected": _audiences(client, server)}
    return Refusal(Reason.ASSERTION_AUDIENCE, "assertion: aud is not this server", facts)


def _keys_of(client: Client, assertion: Jwt, *, server: ProtocolServer) -> tuple[PublicKey, ...]:
    if client.jwks_uri is None:
        return client.jwks
    return server.store.keys_of(KeySource(jwks_uri=client.jwks_uri), kid=assertion.kid)


def _allowed_algorithms(client: Client) -> Iterable[str]:
    named = client.token_endpoint_auth_signing_alg
    if named is None:
        return ALGORITHMS
    return ("EdDSA", "Ed25519") if named in ("EdDSA", "Ed25519") else (named,)


def _audiences(client: Client, server: ProtocolServer) -> list[str]:
    # One JSON string: in a list, an assertion for somebody else's server would pass here too.
    audiences = [server.issuer]
    if client.allows_token_endpoint_audience:
        audiences.append(server.issuer + TOKEN_PATH)
    return audiences
