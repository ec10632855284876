"""Public keys as operators paste them: a JWK set, a JWK, a key or certificate in PEM.

What is kept is a JWK set with public members only. A private key is refused, not quietly reduced:
its owner has to learn that it left its place.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    PublicFormat,
    load_pem_public_key,
)
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

from signet.oauth.mutual_tls import certificate_matches_key
from signet.oauth.public_keys import PublicKey, import_public_key
from signet.operations.errors import OperationError

MOST_KEYS = 20
LONGEST_TEXT = 32 * 1024

_KEPT = ("kty", "use", "alg", "kid", "n", "e", "crv", "x", "y", "x5c")
_PEM_BEGIN = "-----BEGIN "


def read_public_keys(text: str, *, field: str = "jwks") -> dict[str, Any]:
    """The JWK set that the text holds.

    :raises OperationError: if it holds none, or anything that cannot check a signature here.
    """
    text = text.strip()
    if not text:
        raise OperationError("Paste or upload the client's public keys", field=field)
    if len(text) > LONGEST_TEXT:
        raise OperationError("Use at most 32 KiB of keys", field=field)
    try:
        document = {"keys": list(_read_pem(text))} if _PEM_BEGIN in text else json.loads(text)
    except RecursionError:
        raise OperationError("Use a JWK set, a JWK or PEM", field=field) from None
    except (ValueError, UnsupportedAlgorithm) as error:
        if "PRIVATE KEY" in text:
            raise OperationError(_PRIVATE, field=field) from None
        raise OperationError(
            "Use a JWK set, a JWK, or a public key or certificate in PEM", field=field
        ) from error
    return check_jwk_set(document, field=field)


def check_jwk_set(document: object, *, field: str = "jwks") -> dict[str, Any]:
    """The same for a JWK set, or a single JWK, that was read already."""
    if isinstance(document, dict) and "kty" in document:
        document = {"keys": [document]}
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list) or not keys:
        raise OperationError("Use a JWK set with at least one key", field=field)
    if len(keys) > MOST_KEYS:
        raise OperationError(f"Use at most {MOST_KEYS} keys", field=field)
    kept = [_check_key(key, number, field) for number, key in enumerate(keys, start=1)]
    kids = [key["kid"] for key in kept if "kid" in key]
    if len(kids) != len(set(kids)):
        raise OperationError("Give each key a kid of its own", field=field)
    return {"keys": kept}


def has_certificates(jwks: Mapping[str, Any]) -> bool:
    """Whether every key of a checked set comes with its certificate."""
    return all("x5c" in key for key in jwks["keys"])


def thumbprints(jwks: Mapping[str, Any]) -> list[str]:
    """RFC 7638: by which people compare the keys of a checked set."""
    return [import_public_key(key).thumbprint for key in jwks["keys"]]


_PRIVATE = (
    "This is a private key. It belongs to the client alone: make a new one there, and give its "
    "public key here"
)


def _check_key(jwk: object, number: int, field: str) -> dict[str, Any]:
    try:
        key = import_public_key(jwk)
    except ValueError as error:
        if "private" in str(error):
            raise OperationError(_PRIVATE, field=field) from None
        raise OperationError(f"Key {number} cannot be used: {error}", field=field) from None
    assert isinstance(jwk, dict), "it was imported"
    kept = {name: jwk[name] for name in _KEPT if jwk.get(name) is not None}
    kid = kept.get("kid")
    if kid is not None and (not isinstance(kid, str) or len(kid) > 200):
        raise OperationError(f"Key {number}: kid is no text of at most 200", field=field)
    if "x5c" in kept:
        _check_certificate(key, number, field)
        # The first is the key's; the others would only vouch for it.
        kept["x5c"] = kept["x5c"][:1]
    return kept


def _check_certificate(key: PublicKey, number: int, field: str) -> None:
    try:
        matches = key.certificate is not None and certificate_matches_key(key.certificate, key)
    except ValueError:
        matches = False
    if not matches:
        raise OperationError(f"Key {number}: x5c is not the key's certificate", field=field)


def _read_pem(text: str) -> Iterator[dict[str, Any]]:
    if "PRIVATE KEY" in text:
        raise ValueError("a private key")
    for part in text.split(_PEM_BEGIN)[1:]:
        block = (_PEM_BEGIN + part).encode()
        if part.startswith("CERTIFICATE-----"):
            yield _certificate_jwk(_load_certificate(block))
        else:
            yield _public_jwk(load_pem_public_key(block))


def _load_certificate(pem: bytes) -> x509.Certificate:
    try:
        return x509.load_pem_x509_certificate(pem)
    except x509.InvalidVersion:
        raise ValueError("a certificate of a version that there is not") from None


def _certificate_jwk(certificate: x509.Certificate) -> dict[str, Any]:
    der = certificate.public_bytes(Encoding.DER)
    jwk = _public_jwk(certificate.public_key())
    return jwk | {"x5c": [base64.b64encode(der).decode("ascii")]}


def _public_jwk(key: Any) -> dict[str, Any]:
    pem = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    for kind in (RSAKey, ECKey, OKPKey):
        try:
            imported: Key = kind.import_key(pem)
            members = imported.as_dict(private=False)
        except (ValueError, TypeError, KeyError, JoseError):
            continue
        # Without a name: whatever the client calls it is right.
        return {name: members[name] for name in _KEPT if name in members and name != "kid"}
    raise ValueError("no key of a supported type")
