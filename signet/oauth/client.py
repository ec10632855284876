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
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from signet.oauth.public_keys import PublicKey

#: RFC 7591 §2 ``token_endpoint_auth_method``: Basic; the same secret is taken in the body too.
CLIENT_SECRET_BASIC = "client_secret_basic"
PRIVATE_KEY_JWT = "private_key_jwt"
TLS_CLIENT_AUTH = "tls_client_auth"
SELF_SIGNED_TLS_CLIENT_AUTH = "self_signed_tls_client_auth"
#: Signet's own name, for clients and commands: a token of another issuer is the assertion.
FEDERATED_JWT = "federated_jwt"
#: What a client can be registered for.
REGISTERED_METHODS = (
    CLIENT_SECRET_BASIC,
    PRIVATE_KEY_JWT,
    TLS_CLIENT_AUTH,
    SELF_SIGNED_TLS_CLIENT_AUTH,
    FEDERATED_JWT,
)
CLIENT_CREDENTIALS = "client_credentials"

#: Forms of an access token: signed and readable by every API, or a reference for introspection.
JWT, REFERENCE = "jwt", "reference"

SHORTEST_LIFETIME = timedelta(seconds=60)
LONGEST_LIFETIME = timedelta(days=1)
DEFAULT_LIFETIME = timedelta(hours=1)

SECRET_PREFIX = "signet_"
_BASE62 = string.digits + string.ascii_uppercase + string.ascii_lowercase
_RANDOM_LENGTH = 43
_CHECKSUM_LENGTH = 6
#: In characters.
CLIENT_SECRET_LENGTH = len(SECRET_PREFIX) + _RANDOM_LENGTH + _CHECKSUM_LENGTH


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientSecret:
    """One of a client's secrets, as a digest."""

    secret_id: str
    digest: str = field(repr=False)
    created_at: datetime | None = None
    #: When a rotation replaced it; it works on until ``expires_at``.
    replaced_at: datetime | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None

    def is_live(self, now: datetime) -> bool:
        """Whether the secret authenticates its client at this moment."""
        if self.revoked_at is not None and self.revoked_at <= now:
            return False
        return self.expires_at is None or now < self.expires_at


@dataclass(frozen=True, slots=True)
class Audience:
    """An API as a token names it."""

    #: What stands in ``aud``.
    identifier: str
    #: ``alg`` of its tokens; ``None``: the server's default.
    signing_alg: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientScope:
    """A scope assigned to a client, with the APIs that own it."""

    name: str
    audiences: tuple[Audience, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class KeySource:
    """Where somebody publishes keys: at an address, or by an issuer's metadata. One of the two."""

    jwks_uri: str | None = None
    issuer: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustedIssuer:
    """Whose tokens let a client in: issuer, subject and audience, which must all fit together."""

    issuer: str
    #: ``*`` is one or more characters but ``:`` and ``/``, ``**`` any, the rest itself.
    subject: str
    audience: str
    #: Known beforehand, or at ``jwks_uri``; else what the issuer's metadata names.
    jwks: tuple[PublicKey, ...] | None = None
    jwks_uri: str | None = None

    @property
    def entry_id(self) -> str:
        """Names the entry wherever its use is counted; the same for the same three texts."""
        entry = f"{self.issuer}\0{self.subject}\0{self.audience}"
        return hashlib.sha256(entry.encode()).hexdigest()[:24]


@dataclass(frozen=True, slots=True, kw_only=True)
class Client:
    """A registered client as the protocol sees it (RFC 6749 §2)."""

    client_id: str
    enabled: bool = True
    #: A token from before is of another client that had the same id.
    created_at: datetime | None = None
    token_endpoint_auth_method: str = CLIENT_SECRET_BASIC
    grant_types: frozenset[str] = frozenset({CLIENT_CREDENTIALS})
    secrets: tuple[ClientSecret, ...] = ()
    #: Only scopes that are enabled and belong to an API: what may be granted.
    scopes: tuple[ClientScope, ...] = ()
    access_token_lifetime: timedelta = DEFAULT_LIFETIME
    #: RFC 7591 §2: the only ``alg`` of its assertions; ``None``: all but RS256.
    token_endpoint_auth_signing_alg: str | None = None
    #: Keys of its assertions, or certificates of its own, known beforehand or at ``jwks_uri``.
    jwks: tuple[PublicKey, ...] = ()
    jwks_uri: str | None = None
    #: Whether its assertions may name the token endpoint as ``aud`` instead of the issuer.
    allows_token_endpoint_audience: bool = False
    #: RFC 8705 §2.1.2: distinguished name of its certificate, as in RFC 4514.
    tls_client_auth_subject_dn: str | None = None
    trusted_issuers: tuple[TrustedIssuer, ...] = ()
    #: RFC 9449 §5.2: only tokens that are bound to a key of the client's.
    dpop_bound_access_tokens: bool = False
    #: RFC 8705 §3.4: only tokens that are bound to the client's certificate.
    tls_client_certificate_bound_access_tokens: bool = False
    #: ``jwt`` or ``reference``.
    token_format: str = JWT
    #: Claims of its own, in every token.
    claims: Mapping[str, Any] = field(default_factory=dict)
    #: What ``scope.py`` has granted before to just this snapshot, by what was asked for.
    granted: dict[tuple[str | None, ...], Any] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )


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
    if not client_secret.startswith(SECRET_PREFIX):
        return False
    random = client_secret.removeprefix(SECRET_PREFIX)
    if len(random) != _RANDOM_LENGTH + _CHECKSUM_LENGTH:
        return False
    return _checksum(random[:_RANDOM_LENGTH]) == random[_RANDOM_LENGTH:]


def digest_client_secret(client_secret: str, *, client_id: str) -> str:
    """What is stored of a secret: a versioned SHA-256, bound to its client or API.

    Bound, so that a digest copied to another client's row authenticates nobody there.

    :param client_id: of an API its identifier; the two are one name space.
    """
    message = f"signet client secret\0{client_id}\0{client_secret}".encode()
    return "v1:" + hashlib.sha256(message).hexdigest()


def matching_secret(
    owned: Sequence[ClientSecret], client_secret: str, *, client_id: str, now: datetime
) -> ClientSecret | None:
    """The live secret that this text is, compared in constant time over all live ones.

    :param owned: the secrets of the client or API that ``client_id`` names.
    """
    digest = digest_client_secret(client_secret, client_id=client_id)
    found = None
    for candidate in owned:
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
