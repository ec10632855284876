"""A client's secret, sent by Basic or in the body — RFC 6749 §2.3.1."""

import base64
import hmac
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import unquote_plus

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth.client import (
    SECRET_PREFIX,
    Client,
    ClientSecret,
    digest_client_secret,
    has_valid_checksum,
    matching_secret,
)
from signet.oauth.credential import Credential
from signet.oauth.errors import RefusedClientError, RefusedCredentialsError
from signet.oauth.form_encoding import decode_form_text
from signet.oauth.refusal import Reason, Refusal
from signet.oauth.resource_server import ResourceServer
from signet.oauth.store import Store

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
) -> Credential:
    """The secret that it is: one of the owner's, and live.

    :param client_id: of the owner; of an API its identifier.
    :raises RefusedCredentialsError: if it is not.
    """
    presented = credentials.client_secret
    found = matching_secret(owner.secrets, presented, client_id=client_id, now=now)
    if found is not None:
        return Credential(found.secret_id, secret=found)
    ended = _secret_of(owner, presented, client_id=client_id)
    if ended is not None:
        raise RefusedCredentialsError(_ended_secret(ended))
    raise RefusedCredentialsError(_wrong_secret(owner, presented, client_id=client_id))


def foreign_secret(client_secret: str, *, store: Store) -> Refusal | None:
    """Whose secret it is, if it is somebody's, live or not.

    Asked in the same way for a client that there is not, so that the time says nothing.
    """
    if not has_valid_checksum(client_secret):
        return None
    owner = store.find_secret_owner(client_secret)
    if owner is None:
        return None
    return Refusal(Reason.FOREIGN_SECRET, "secret of another client", {"owner": owner})


def _ended_secret(secret: ClientSecret) -> Refusal:
    facts = {"secret_id": secret.secret_id}
    if secret.revoked_at is not None:
        facts["ended_at"] = secret.revoked_at.isoformat(timespec="seconds")
        return Refusal(Reason.REVOKED_SECRET, "revoked secret", facts)
    if secret.expires_at is not None:
        facts["ended_at"] = secret.expires_at.isoformat(timespec="seconds")
    return Refusal(Reason.EXPIRED_SECRET, "expired secret", facts)


def _wrong_secret(owner: Client | ResourceServer, presented: str, *, client_id: str) -> Refusal:
    """What went wrong on the way from the one who knows the secret to here."""
    for reason, text, mended in (
        (Reason.PADDED_SECRET, "secret with a stray space or line break", presented.strip()),
        (Reason.ENCODED_SECRET, "secret percent-encoded twice", unquote_plus(presented)),
    ):
        if mended == presented:
            continue
        meant = _secret_of(owner, mended, client_id=client_id)
        if meant is not None:
            return Refusal(reason, text, {"secret_id": meant.secret_id})
    if has_valid_checksum(presented):
        return Refusal(Reason.WRONG_SECRET, "wrong secret")
    facts = {"length": len(presented), "has_prefix": presented.startswith(SECRET_PREFIX)}
    return Refusal(Reason.MISTYPED_SECRET, "mistyped secret", facts)


def _secret_of(
    owner: Client | ResourceServer, client_secret: str, *, client_id: str
) -> ClientSecret | None:
    """The secret of the owner's that this text is, live or not."""
    digest = digest_client_secret(client_secret, client_id=client_id)
    found = None
    for secret in owner.secrets:
        if hmac.compare_digest(secret.digest, digest):
            found = secret
    return found


def uses_basic(request: OAuth2Request) -> bool:
    """Whether the request has an ``Authorization`` header, of whatever scheme."""
    return "Authorization" in request.headers


def read_basic(request: OAuth2Request) -> ClientSecretCredentials:
    """The credentials in the ``Authorization`` header.

    :raises RefusedClientError: if they are none of the Basic scheme.
    """
    try:
        client_id, client_secret = _decode_basic(request.headers["Authorization"])
    except _NotFormEncodedError:
        refusal = Refusal(Reason.BASIC_ENCODING, "Authorization header: undecodable")
        raise RefusedClientError(refusal, by_header=True) from None
    except ValueError as error:
        refusal = Refusal(Reason.BASIC, f"Authorization header: {error}", {"problem": str(error)})
        raise RefusedClientError(refusal, by_header=True) from None
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
        refusal = Refusal(Reason.SECRET_WITHOUT_CLIENT_ID, "secret without client_id")
        raise RefusedClientError(refusal, by_header=False)
    return ClientSecretCredentials(
        client_id=request.payload.client_id,
        client_secret=request.payload.data["client_secret"],
        by_header=False,
    )


class _NotFormEncodedError(ValueError):
    """Between the colon and the Base64 stands something that is not encoded as a form is."""


def _decode_basic(header: str) -> tuple[str, str]:
    scheme, _, token = header.strip().partition(" ")
    if scheme.lower() != "basic":
        raise ValueError("not the Basic scheme")
    try:
        decoded = base64.b64decode(token.strip(" ").encode("ascii"), validate=True)
    except ValueError:
        raise ValueError("undecodable") from None
    raw_id, colon, raw_secret = decoded.partition(b":")
    try:
        # "encoded using the application/x-www-form-urlencoded encoding algorithm" — §2.3.1
        client_id, client_secret = decode_form_text(raw_id), decode_form_text(raw_secret)
    except ValueError:
        raise _NotFormEncodedError from None
    if not (colon and client_id and client_secret):
        raise ValueError("client id or secret missing")
    if len(client_id) > LONGEST_CLIENT_ID or len(client_secret) > LONGEST_CLIENT_SECRET:
        raise ValueError("too long")
    return client_id, client_secret
