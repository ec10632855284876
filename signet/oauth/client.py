"""Clients and their secrets — RFC 6749 §2, RFC 7591 §2.

What the protocol knows of a registered client: a frozen snapshot, so that a request sees one
state of it from the first check to the last. Secrets are 256 random bits, kept only as a digest;
a slow hash protects guessable input and would only tax each request here.
"""

import hashlib
import hmac
import secrets
import string
import zlib
from dataclasses import dataclass, field
from datetime import datetime, timedelta

#: RFC 7591 §2 ``token_endpoint_auth_method``: Basic; the same secret is taken in the body too.
CLIENT_SECRET_BASIC = "client_secret_basic"
CLIENT_CREDENTIALS = "client_credentials"

SHORTEST_LIFETIME = timedelta(seconds=60)
LONGEST_LIFETIME = timedelta(days=1)
DEFAULT_LIFETIME = timedelta(hours=1)

SECRET_PREFIX = "signet_"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 43
_CHECKSUM_LENGTH = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """One of a client's secrets, as a digest."""

    secret_id: str
    digest: str = field(repr=False)
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether the secret authenticates its client at this moment."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return False
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientScope:
    """A scope assigned to a client, with the identifiers of the APIs that own it (``aud``)."""

    name: str
    audiences: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client as the protocol sees it (RFC 6749 §2)."""

    client_id: str
    enabled: bool = True
    token_endpoint_auth_method: str = CLIENT_SECRET_BASIC
    grant_types: frozenset[str] = frozenset({CLIENT_CREDENTIALS})
    secrets: tuple[ClientSecret, ...] = ()
    #: Only scopes that are enabled and belong to an API: what may be granted.
    scopes: tuple[ClientScope, ...] = ()
    access_token_lifetime: timedelta = DEFAULT_LIFETIME


def generate_client_id() -> str:
    """A new client identifier of 20 characters; unique by its 119 random bits, not secret."""
    return "".join(secrets.choice(_BASE62) for _ in range(20))


def generate_client_secret() -> str:
    """A new secret: ``signet_``, 43 base62 characters (256 random bits), 6 of checksum.

    A scanner can recognise it, and a typing error is noticed without asking anybody.
    """
    random = "".join(secrets.choice(_BASE62) for _ in range(_RANDOM_LENGTH))
    return SECRET_PREFIX + random + _checksum(random)


def has_valid_checksum(client_secret: str) -> bool:
    """Whether the text can be a secret of Signet's at all: prefix, length and checksum."""
    random = client_secret.removeprefix(SECRET_PREFIX)
    if len(random) != _RANDOM_LENGTH + _CHECKSUM_LENGTH or random == client_secret:
        return False
    return _checksum(random[:_RANDOM_LENGTH]) == random[_RANDOM_LENGTH:]


def digest_client_secret(client_secret: str, *, client_id: str) -> str:
    """What is stored of a secret: a versioned SHA-256, bound to its client.

    Bound, so that a digest copied to another client's row authenticates nobody there.
    """
    message = f"signet client secret\0{client_id}\0{client_secret}".encode()
    return "v1:" + hashlib.sha256(message).hexdigest()


def matching_secret(client: Client, client_secret: str, *, now: datetime) -> ClientSecret | None:
    """The live secret that this text is, compared in constant time over all live ones."""
    digest = digest_client_secret(client_secret, client_id=client.client_id)
    found = None
    for candidate in client.secrets:
        if candidate.is_live(now) and hmac.compare_digest(candidate.digest, digest):
            found = candidate
    return found


def secret_hint(client_secret: str) -> str:
    """The last four characters, by which people tell secrets apart."""
    return client_secret[-4:]


def _checksum(text: str) -> str:
    number = zlib.crc32(text.encode())
    digits = ""
    for _ in range(_CHECKSUM_LENGTH):
        number, digit = divmod(number, len(_BASE62))
        digits = _BASE62[digit] + digits
    return digits
