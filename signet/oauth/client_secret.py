"""A client's secret, sent by Basic or in the body — RFC 6749 §2.3.1."""

import base64
import hmac
from dataclasses import dataclass, field
from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth.client import (
    Client,
    digest_client_secret,
    has_valid_checksum,
    matching_secret,
)
from signet.oauth.errors import RefusedClientError, RefusedCredentialsError
from signet.oauth.form_encoding import decode_form_text
from signet.oauth.resource_server import ResourceServer

LONGEST_CLIENT_ID = 200
LONGEST_CLIENT_SECRET = 512


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecretCredentials:
    """A client id and a secret, as presented."""

    client_id: str
    client_secret: str = field(repr=False)
    by_header: bool


def check_client_secret(
    credentials: ClientSecretCredentials,
    owner: Client | ResourceServer,
    *,
    client_id: str,
    now: datetime,
) -> None:
    """Check that the secret is one of the owner's, and live.

    :param client_id: of the owner; of an API its identifier.
    :raises RefusedCredentialsError: if it is not.
    """
    presented = credentials.client_secret
    if matching_secret(owner.secrets, presented, client_id=client_id, now=now):
        return
    digest = digest_client_secret(presented, client_id=client_id)
    for secret in owner.secrets:
        if hmac.compare_digest(secret.digest, digest):
            reason = "expired secret" if secret.revoked_at is None else "revoked secret"
            raise RefusedCredentialsError(reason)
    if not has_valid_checksum(presented):
        raise RefusedCredentialsError("mistyped secret")
    raise RefusedCredentialsError("wrong secret")


def uses_basic(request: OAuth2Request) -> bool:
    """Whether the request has an ``Authorization`` header, of whatever scheme."""
    return "Authorization" in request.headers


def read_basic(request: OAuth2Request) -> ClientSecretCredentials:
    """The credentials in the ``Authorization`` header.

    :raises RefusedClientError: if they are none of the Basic scheme.
    """
    try:
        client_id, client_secret = _decode_basic(request.headers["Authorization"])
    except ValueError as error:
        raise RefusedClientError(f"Authorization header: {error}", by_header=True) from None
    if request.payload.client_id not in (None, client_id):
        raise InvalidRequestError("client_id differs from the one in the Authorization header.")
    return ClientSecretCredentials(client_id=client_id, client_secret=client_secret, by_header=True)


def uses_body(request: OAuth2Request) -> bool:
    """Whether the body holds a secret."""
    return "client_secret" in request.payload.data


def read_body(request: OAuth2Request) -> ClientSecretCredentials:
    """The credentials in the body.

    :raises RefusedClientError: if the secret stands there without a client id.
    """
    if request.payload.client_id is None:
        raise RefusedClientError("secret without client_id", by_header=False)
    return ClientSecretCredentials(
        client_id=request.payload.client_id,
        client_secret=request.payload.data["client_secret"],
        by_header=False,
    )


def _decode_basic(header: str) -> tuple[str, str]:
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise ValueError("not the Basic scheme")
    try:
        decoded = base64.b64decode(token.strip(" ").encode("ascii"), validate=True)
        raw_id, colon, raw_secret = decoded.partition(b":")
        # "encoded using the application/x-www-form-urlencoded encoding algorithm" — §2.3.1
        client_id, client_secret = decode_form_text(raw_id), decode_form_text(raw_secret)
    except ValueError:
        raise ValueError("undecodable") from None
    if not (colon and client_id and client_secret):
        raise ValueError("client id or secret missing")
    if len(client_id) > LONGEST_CLIENT_ID or len(client_secret) > LONGEST_CLIENT_SECRET:
        raise ValueError("too long")
    return client_id, client_secret
