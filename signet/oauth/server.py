"""What the endpoints ask of the server they run in, and where below the issuer they are."""

from collections.abc import Callable
from datetime import datetime
from typing import Protocol

from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.oauth.dpop import Nonces
from signet.oauth.store import Store

TOKEN_PATH = "/connect/token"
INTROSPECTION_PATH = "/connect/introspect"
REVOCATION_PATH = "/connect/revocation"
#: Where a client reads what to do about a secret that is about to end.
HELP_PATH = "/help/expiring-secret"
JWKS_PATH = "/.well-known/openid-configuration/jwks"


class ProtocolServer(Protocol):
    """An authorization server, as far as the protocol needs to know it."""

    #: Its name, byte for byte (RFC 8414 §2).
    issuer: str
    store: Store
    #: The time now, in UTC.
    clock: Callable[[], datetime]
    #: How the ``scope`` claim is written: ``string`` or ``array``.
    scope_claim: str
    #: Whether a proxy is configured that passes on client certificates.
    takes_certificates: bool
    #: Who vouches for client certificates; ``None``: nobody, so ``tls_client_auth`` is not offered.
    authorities: CertificateAuthorities | None
    #: For proofs that must hold a nonce of this server's; ``None``: they need not.
    nonces: Nonces | None
