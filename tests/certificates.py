"""Authorities and certificates made on the spot, with keys that cost nothing to make."""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from ipaddress import IPv4Address
from pathlib import Path
from urllib.parse import quote

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID
from joserfc.jwk import ECKey

BEGINS_AT = datetime(2020, 1, 1, tzinfo=UTC)
ENDS_AT = datetime(2045, 1, 1, tzinfo=UTC)
#: Usages of a certificate, for ``extensions``.
FOR_CLIENTS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
FOR_SERVERS = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])

Extension = tuple[x509.ExtensionType, bool]


@dataclass(frozen=True)
class Issued:
    """A certificate with its private key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @cached_property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    @cached_property
    def pem(self) -> str:
        return self.certificate.public_bytes(Encoding.PEM).decode()

    @property
    def escaped_pem(self) -> str:
        """As nginx gives it in ``$ssl_client_escaped_cert``."""
        return quote(self.pem, safe="")

    @property
    def byte_sequence(self) -> str:
        """As RFC 9440 has it in ``Client-Cert``."""
        return f":{base64.b64encode(self.der).decode()}:"

    @property
    def jwk(self) -> dict[str, object]:
        """Its key with the certificate (RFC 7517 §4.7)."""
        jwk: dict[str, object] = dict(ECKey.import_key(self.key.public_key()).as_dict())
        return jwk | {"x5c": [base64.b64encode(self.der).decode()]}

    def write(self, folder: Path, name: str, *others: "Issued") -> tuple[str, str]:
        """Files of the certificate, followed by ``others``, and of the key: as ``cert=`` wants."""
        certificate, key = folder / f"{name}.pem", folder / f"{name}.key"
        certificate.write_text(self.pem + "".join(other.pem for other in others))
        key.touch(mode=0o600)
        key.write_bytes(self.key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        return str(certificate), str(key)


def issue(
    subject: str | x509.Name,
    issuer: Issued | None = None,
    *,
    is_authority: bool = False,
    path_length: int | None = None,
    begins_at: datetime = BEGINS_AT,
    ends_at: datetime = ENDS_AT,
    extensions: Sequence[x509.ExtensionType | Extension] = (),
    key: ec.EllipticCurvePrivateKey | None = None,
) -> Issued:
    """A certificate for this subject (RFC 4514 if a string), by itself unless there is an issuer.

    :param extensions: critical ones as ``(extension, True)``.
    """
    key = key or ec.generate_private_key(ec.SECP256R1())
    if isinstance(subject, str):
        subject = x509.Name.from_rfc4514_string(subject)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins_at)
        .not_valid_after(ends_at)
    )
    if is_authority:
        constraints = x509.BasicConstraints(ca=True, path_length=path_length)
        builder = builder.add_extension(constraints, critical=True)
    for extension in extensions:
        value, critical = extension if isinstance(extension, tuple) else (extension, False)
        builder = builder.add_extension(value, critical=critical)
    return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key)


def make_authority(subject_dn: str = "CN=Example CA,O=Example", **options: object) -> Issued:
    """An authority that needs nobody else's word."""
    return issue(subject_dn, is_authority=True, **options)


def make_server_certificate(*names: str) -> Issued:
    """The certificate of a TLS server on 127.0.0.1, which a strict client trusts by itself.

    :param names: other names of the server, instead of ``localhost``.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    hosts = [x509.DNSName(name) for name in names or ("localhost",)]
    all_names = x509.SubjectAlternativeName([*hosts, x509.IPAddress(IPv4Address("127.0.0.1"))])
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    return issue(
        "CN=The proxy of a test",
        key=key,
        extensions=[
            all_names,
            FOR_SERVERS,
            identifier,
            x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(identifier),
        ],
    )
