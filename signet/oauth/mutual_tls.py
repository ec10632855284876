"""Client certificates — RFC 8705, in headers of a proxy as RFC 9440 or nginx write them.

The proxy has seen the client prove that it holds the key; whose it is, is decided here. What every
check raises is for the log; the caller is told nothing.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import unquote

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.x509.oid import NameOID

from signet.oauth.public_keys import PublicKey

#: In characters; a certificate of a 4096-bit RSA key, escaped, takes 3,000.
LONGEST_HEADER = 16_384
#: Intermediates of a chain; three are many.
LONGEST_CHAIN = 8
#: In characters.
LONGEST_SUBJECT_DN = 1_000

_PEM = re.compile(
    r"-----BEGIN CERTIFICATE-----\r?\n"
    r"([A-Za-z0-9+/=\r\n]+)"
    r"-----END CERTIFICATE-----(?:\r?\n)?"
)
# A value that begins with ``#``, at the start or after a separator that is not escaped.
_HEXADECIMAL = re.compile(r"(?:^|(?<!\\)(?:\\\\)*[,+])[A-Za-z0-9.-]+=#")
#: Attributes by their names: the nine of RFC 4514 §3, and others as openssl writes them.
_ATTRIBUTES = {
    NameOID.COMMON_NAME: "CN",
    NameOID.LOCALITY_NAME: "L",
    NameOID.STATE_OR_PROVINCE_NAME: "ST",
    NameOID.ORGANIZATION_NAME: "O",
    NameOID.ORGANIZATIONAL_UNIT_NAME: "OU",
    NameOID.COUNTRY_NAME: "C",
    NameOID.STREET_ADDRESS: "STREET",
    NameOID.DOMAIN_COMPONENT: "DC",
    NameOID.USER_ID: "UID",
    NameOID.EMAIL_ADDRESS: "emailAddress",
    NameOID.SERIAL_NUMBER: "serialNumber",
    NameOID.ORGANIZATION_IDENTIFIER: "organizationIdentifier",
    NameOID.BUSINESS_CATEGORY: "businessCategory",
    NameOID.JURISDICTION_COUNTRY_NAME: "jurisdictionC",
    NameOID.JURISDICTION_STATE_OR_PROVINCE_NAME: "jurisdictionST",
    NameOID.JURISDICTION_LOCALITY_NAME: "jurisdictionL",
    NameOID.POSTAL_CODE: "postalCode",
    NameOID.GIVEN_NAME: "GN",
    NameOID.SURNAME: "SN",
    NameOID.TITLE: "title",
}
# The case of a name says nothing; these are the spellings that one meets.
_OIDS = {
    spelling: oid
    for oid, name in _ATTRIBUTES.items()
    for spelling in (name, name.lower(), name.upper())
}


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """The certificate of a connection: well-formed, and nothing else is known of it."""

    der: bytes
    #: Certificates that may lead from it to an authority, in DER.
    chain: tuple[bytes, ...] = ()

    @property
    def thumbprint(self) -> str:
        """``x5t#S256``: what a token is bound to (RFC 8705 §3.1)."""
        digest = hashlib.sha256(self.der).digest()
        return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


def parse_client_certificate(header: str, chain_header: str | None = None) -> ClientCertificate:
    """The certificate in a proxy's header: ``:`` begins RFC 9440's form, ``-----BEGIN`` nginx's.

    :param chain_header: ``Client-Cert-Chain`` (RFC 9440 §2.3), in that form always.
    :raises ValueError: if it is anything but one certificate, or the chain but a list of them.
    """
    # Two headers arrive as one with a comma, which no certificate holds.
    if "," in header:
        raise ValueError("more than one certificate")
    if len(header) > LONGEST_HEADER or len(chain_header or "") > LONGEST_HEADER:
        raise ValueError("too long")
    der = _decode_escaped_pem(header) if header.startswith("-----") else _decode_item(header)
    items = chain_header.split(",") if chain_header else ()
    if len(items) > LONGEST_CHAIN:
        raise ValueError("the chain is too long")
    chain = tuple(_decode_item(item.strip(" \t")) for item in items)
    for certificate in (der, *chain):
        load_certificate(certificate)
    return ClientCertificate(der, chain)


def check_subject(certificate: ClientCertificate, subject_dn: str | None) -> None:
    """Check that the subject is this one, part by part (RFC 8705 §2.1).

    In a part with several attributes their order says nothing; the type of a string nowhere does.

    :param subject_dn: as :func:`parse_subject_dn` gives it; ``None``: no subject is the one.
    :raises ValueError: if it is another one.
    """
    try:
        subject = load_certificate(certificate.der).subject
    except (ValueError, TypeError, AssertionError):
        raise ValueError("the subject cannot be read") from None
    if not subject_dn or subject != _parse_name(subject_dn):
        raise ValueError("the subject is another one")


def parse_subject_dn(text: str) -> str:
    """A distinguished name (RFC 4514) in the form in which it is kept.

    :raises ValueError: if it is none; the text says to an operator how to write it.
    """
    if len(text) > LONGEST_SUBJECT_DN:
        raise ValueError(f"is longer than {LONGEST_SUBJECT_DN} characters")
    # The library would take the octets of such a value for its text.
    if _HEXADECIMAL.search(text):
        raise ValueError("has a value in hexadecimal, which is not supported: write its text")
    try:
        name = _parse_name(text)
    except (ValueError, TypeError, AssertionError):
        name = x509.Name([])
    if not name.rdns:
        raise ValueError(
            "is no distinguished name: write it as openssl x509 -noout -subject -nameopt RFC2253"
            " does, for example CN=billing,OU=Payments,O=Example"
        )
    return name.rfc4514_string(_ATTRIBUTES)


def check_self_signed(certificate: ClientCertificate, keys: Sequence[PublicKey]) -> None:
    """Check that it is the certificate of one of these keys, ``x5c[0]`` (RFC 8705 §2.2).

    Who has issued it and until when it is valid says nothing: it is known by itself.

    :raises ValueError: if it is not.
    """
    for key in keys:
        if key.certificate == certificate.der and certificate_matches_key(certificate.der, key):
            return
    raise ValueError("not one of the client's own")


def certificate_matches_key(der: bytes, key: PublicKey) -> bool:
    """Whether a certificate is of this very key.

    "The key in the first certificate MUST match the public key represented by other members of
    the JWK" — RFC 7517 §4.7.
    """
    try:
        return bool(load_certificate(der).public_key() == key.key.public_key)
    except (ValueError, UnsupportedAlgorithm):
        return False


def _decode_item(item: str) -> bytes:
    """A byte sequence of structured fields (RFC 8941 §3.3.5)."""
    if len(item) < 3 or item[0] != ":" or item[-1] != ":":
        raise ValueError("neither a byte sequence nor an escaped PEM")
    return _decode_base64(item[1:-1])


def _decode_escaped_pem(header: str) -> bytes:
    # What no escape is stays as it is, and is then no PEM.
    match = _PEM.fullmatch(unquote(header))
    if match is None:
        raise ValueError("not one certificate in PEM")
    return _decode_base64("".join(match[1].split()))


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise ValueError("not base64") from None


def load_certificate(der: bytes) -> x509.Certificate:
    """A certificate of its DER.

    :raises ValueError: if it is none.
    """
    try:
        return x509.load_der_x509_certificate(der)
    except (ValueError, x509.InvalidVersion):
        raise ValueError("not an X.509 certificate") from None


def _parse_name(text: str) -> x509.Name:
    return x509.Name.from_rfc4514_string(text, _OIDS)
