"""Who vouches for client certificates — RFC 8705 §2.1, RFC 5280 §6.

What the proxy says about chain and dates is not asked for: one that serves
``self_signed_tls_client_auth`` must let anything through, so the chain is verified here.
"""

from collections.abc import Sequence
from datetime import datetime

from cryptography import x509
from cryptography.x509.oid import ExtendedKeyUsageOID
from cryptography.x509.verification import (
    Criticality,
    ExtensionPolicy,
    Policy,
    PolicyBuilder,
    Store,
    VerificationError,
)

from signet.oauth.mutual_tls import ClientCertificate, load_certificate


class CertificateAuthorities:
    """Who vouches for the clients of ``tls_client_auth``."""

    def __init__(self, certificates: Sequence[x509.Certificate]) -> None:
        # What the builder allows by default is for web sites, which have no subject to speak of;
        # certificates of a company's own authority rarely have all the extensions of those.
        self._policy = (
            PolicyBuilder()
            .store(Store(list(certificates)))
            .extension_policies(ca_policy=_authority_policy(), ee_policy=_client_policy())
        )

    @classmethod
    def from_pem(cls, text: str) -> "CertificateAuthorities":
        """Those of a file of certificates.

        :raises ValueError: if it holds none, or one of somebody who may not vouch for others.
        """
        try:
            certificates = x509.load_pem_x509_certificates(text.encode())
        except (ValueError, x509.InvalidVersion):
            raise ValueError("holds no certificate, or one that cannot be read") from None
        if not all(map(_is_authority, certificates)):
            raise ValueError("holds a certificate that is no CA's")
        return cls(certificates)

    def verify(self, certificate: ClientCertificate, *, now: datetime) -> None:
        """Check that one of them, or whoever they let, has issued it as a client's (RFC 5280 §6).

        Every certificate on the way must be valid at this moment. Revocation is not looked at: a
        client is disabled here, not at its authority.

        :raises ValueError: if none has, with the reason.
        """
        verifier = self._policy.time(now).build_client_verifier()
        try:
            verifier.verify(
                load_certificate(certificate.der),
                [load_certificate(der) for der in certificate.chain],
            )
        except (VerificationError, x509.UnsupportedGeneralNameType) as error:
            # Without the subject, which stands after the reason.
            reason = str(error).partition(" (encountered")[0].removeprefix("validation failed: ")
            raise ValueError(reason[:200]) from None


def _is_authority(certificate: x509.Certificate) -> bool:
    try:
        extension = certificate.extensions.get_extension_for_class(x509.BasicConstraints)
    except (ValueError, x509.ExtensionNotFound, x509.DuplicateExtension):
        return False
    return extension.value.ca


def _authority_policy() -> ExtensionPolicy:
    return (
        ExtensionPolicy.permit_all()
        # That it says CA, and how long a chain may be, the library checks in any case.
        .require_present(x509.BasicConstraints, Criticality.AGNOSTIC, None)
        .may_be_present(x509.KeyUsage, Criticality.AGNOSTIC, _check_may_sign_certificates)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _check_is_for_clients)
        .may_be_present(x509.NameConstraints, Criticality.AGNOSTIC, _check_name_constraints)
    )


def _client_policy() -> ExtensionPolicy:
    return (
        ExtensionPolicy.permit_all()
        .may_be_present(x509.BasicConstraints, Criticality.AGNOSTIC, _check_is_no_authority)
        .may_be_present(x509.ExtendedKeyUsage, Criticality.AGNOSTIC, _check_is_for_clients)
    )


def _check_is_no_authority(
    policy: Policy, certificate: x509.Certificate, constraints: x509.BasicConstraints | None
) -> None:
    if constraints is not None and constraints.ca:
        raise ValueError("a CA is no client")


def _check_may_sign_certificates(
    policy: Policy, certificate: x509.Certificate, usage: x509.KeyUsage | None
) -> None:
    if usage is not None and not usage.key_cert_sign:
        raise ValueError("an issuer may not sign certificates")


def _check_is_for_clients(
    policy: Policy, certificate: x509.Certificate, usage: x509.ExtendedKeyUsage | None
) -> None:
    allowed = {ExtendedKeyUsageOID.CLIENT_AUTH, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE}
    if usage is not None and allowed.isdisjoint(usage):
        raise ValueError("not for TLS clients")


def _check_name_constraints(
    policy: Policy, certificate: x509.Certificate, constraints: x509.NameConstraints | None
) -> None:
    """Refuse the one kind that the library leaves out: of the subject (RFC 5280 §4.2.1.10)."""
    if constraints is None:
        return
    subtrees = (*(constraints.permitted_subtrees or ()), *(constraints.excluded_subtrees or ()))
    if any(isinstance(subtree, x509.DirectoryName) for subtree in subtrees):
        raise ValueError("an issuer is limited to subjects, which is not supported")
