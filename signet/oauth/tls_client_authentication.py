"""Client authentication by a TLS certificate — RFC 8705 §2.

The proxy that ends TLS has seen the client prove that it holds the certificate's key. Whether it
is this client's certificate is decided here, never by what the proxy says of it.
"""

from dataclasses import dataclass, field
from datetime import datetime

from authlib.oauth2.rfc6749 import OAuth2Request

from signet.oauth.client import Client, KeySource
from signet.oauth.credential import Credential
from signet.oauth.errors import RefusedCredentialsError
from signet.oauth.mutual_tls import ClientCertificate, check_self_signed, check_subject
from signet.oauth.refusal import Reason, Refusal
from signet.oauth.server import ProtocolServer
from signet.oauth.store import KeysUnavailableError

#: The credential of a client that is known by a subject: certificates of it come and go.
ANY_CERTIFICATE = "certificate"


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateCredentials:
    """A client id, and the certificate of the connection that it came by."""

    client_id: str
    by_header: bool = False
    certificate: ClientCertificate = field(repr=False)


def presented_certificate(request: OAuth2Request) -> ClientCertificate | None:
    """The certificate that a configured proxy says the client has."""
    certificate: ClientCertificate | None = getattr(request, "client_certificate", None)
    return certificate


def uses_certificate(request: OAuth2Request) -> bool:
    """Whether the request has nothing to prove itself by but a certificate."""
    # "the client MUST include the 'client_id' parameter" — RFC 8705 §2
    return request.payload.client_id is not None and presented_certificate(request) is not None


def read_certificate(request: OAuth2Request) -> CertificateCredentials:
    """The credentials of such a request."""
    certificate = presented_certificate(request)
    assert certificate is not None, "asked without uses_certificate"
    return CertificateCredentials(client_id=request.payload.client_id, certificate=certificate)


def check_authority(
    credentials: CertificateCredentials, client: Client, *, server: ProtocolServer, now: datetime
) -> Credential:
    """``tls_client_auth``: an authority vouches for the subject that the client is known by.

    :raises RefusedCredentialsError: if none does, or the subject is another one.
    """
    try:
        if server.authorities is None:
            raise ValueError("no authority is configured")
        check_subject(credentials.certificate, client.tls_client_auth_subject_dn)
        server.authorities.verify(credentials.certificate, now=now)
    except ValueError as error:
        raise _refused(error) from None
    return Credential(ANY_CERTIFICATE)


def check_self_signed_certificate(
    credentials: CertificateCredentials, client: Client, *, server: ProtocolServer, now: datetime
) -> Credential:
    """``self_signed_tls_client_auth``: the certificate is one of those that the client published.

    :raises RefusedCredentialsError: if it is not.
    """
    try:
        keys = client.jwks
        if client.jwks_uri is not None:
            keys = server.store.keys_of(KeySource(jwks_uri=client.jwks_uri), kid=None)
        check_self_signed(credentials.certificate, keys)
    except (ValueError, KeysUnavailableError) as error:
        raise _refused(error) from None
    return Credential(credentials.certificate.thumbprint)


def _refused(error: Exception) -> RefusedCredentialsError:
    return RefusedCredentialsError(Refusal(Reason.CERTIFICATE, f"certificate: {error}"))
