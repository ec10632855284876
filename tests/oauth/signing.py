"""What clients and other issuers sign: assertions, DPoP proofs, workload tokens. And bad ones.

Made by hand over ``cryptography``, so that no mistake is shared with Signet or its JOSE library.
All takes what a test wants otherwise: a claim as keyword, a parameter of the header in ``header``;
``None`` leaves it out, ``NULL`` is JSON's null. Whole parts of odd form: see :func:`sign`.

    key = make_key("ES256")
    assertion = make_assertion(key, "billing", ISSUER)
    proof = make_proof(key, "POST", TOKEN_URL, header={"typ": "jwt"}, htm=None)
    confused = make_assertion(SharedSecret(public_pem(key)), "billing", ISSUER)
"""

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache, cached_property
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

#: JSON's null, where ``None`` would leave the member out.
NULL = object()

_SHA256 = hashes.SHA256()
_PSS = padding.PSS(padding.MGF1(_SHA256), salt_length=32)
PrivateKey = rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey


@dataclass(frozen=True)
class Key:
    """A private key and the algorithm that it signs with."""

    alg: str
    private: PrivateKey

    @cached_property
    def kid(self) -> str:
        """RFC 7638: the thumbprint, ``jkt`` as well."""
        members = json.dumps(_public_members(self), separators=(",", ":"), sort_keys=True)
        return encode(hashlib.sha256(members.encode()).digest())

    def sign(self, message: bytes) -> bytes:
        if self.alg == "RS256":
            return self.private.sign(message, padding.PKCS1v15(), _SHA256)
        if self.alg == "PS256":
            return self.private.sign(message, _PSS, _SHA256)
        if self.alg == "ES256":
            r, s = decode_dss_signature(self.private.sign(message, ec.ECDSA(_SHA256)))
            return r.to_bytes(32) + s.to_bytes(32)
        return self.private.sign(message)


@dataclass(frozen=True)
class SharedSecret:
    """HS256 with this secret: for the text of a public key in its place (SECURITY C1)."""

    secret: bytes
    alg: str = "HS256"
    kid: str | None = None

    def sign(self, message: bytes) -> bytes:
        return hmac.new(self.secret, message, hashlib.sha256).digest()


@dataclass(frozen=True)
class Unsigned:
    """An empty signature, under ``none`` or whatever else (SECURITY C2)."""

    alg: str = "none"
    kid: str | None = None

    def sign(self, message: bytes) -> bytes:
        return b""


Signer = Key | SharedSecret | Unsigned


def make_key(alg: str = "ES256") -> Key:
    """A new key for ES256, EdDSA or Ed25519; for RS256 and PS256 always the same, of 2048 bits."""
    if alg in ("RS256", "PS256"):
        return Key(alg, _rsa_key())
    if alg == "ES256":
        return Key(alg, ec.generate_private_key(ec.SECP256R1()))
    return Key(alg, ed25519.Ed25519PrivateKey.generate())


def public_jwk(key: Key, **changes: Any) -> dict[str, Any]:
    """The public half: ``kty use alg kid`` and the numbers, then what a test wants otherwise."""
    jwk = {"use": "sig", "alg": key.alg, "kid": key.kid} | _public_members(key)
    return _changed(jwk, changes)


def private_jwk(key: Key) -> dict[str, Any]:
    """Both halves, as nobody should ever send them; of an RSA key without its primes."""
    if isinstance(key.private, rsa.RSAPrivateKey):
        return public_jwk(key, d=encode_number(key.private.private_numbers().d))
    if isinstance(key.private, ec.EllipticCurvePrivateKey):
        return public_jwk(key, d=encode_number(key.private.private_numbers().private_value, 32))
    return public_jwk(key, d=encode(key.private.private_bytes_raw()))


def jwk_set(*keys: Key | Mapping[str, Any]) -> dict[str, Any]:
    """The JWK set of these, keys or JWKs."""
    return {"keys": [public_jwk(key) if isinstance(key, Key) else dict(key) for key in keys]}


def public_pem(key: Key) -> bytes:
    """The public half in PEM."""
    return key.private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def make_assertion(
    key: Signer,
    client_id: str,
    audience: object,
    *,
    now: datetime | None = None,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A client assertion (RFC 7523 §2.2): new, and good for a minute.

    :param now: when it is made; the time of the machine unless said.
    """
    issued_at = _seconds(now)
    said = {"iss": client_id, "sub": client_id, "aud": audience, "jti": secrets.token_urlsafe(16)}
    said |= {"iat": issued_at, "exp": issued_at + 60}
    head = {"typ": "client-authentication+jwt", "alg": key.alg, "kid": key.kid}
    return sign(key, _changed(head, header), _changed(said, claims))


def make_proof(
    key: Signer,
    method: str,
    url: str,
    access_token: str | None = None,
    *,
    nonce: str | None = None,
    now: datetime | None = None,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A DPoP proof (RFC 9449 §4.2), with ``ath`` if there is an access token."""
    said = {"jti": secrets.token_urlsafe(16), "htm": method, "htu": url, "iat": _seconds(now)}
    if access_token is not None:
        said["ath"] = encode(hashlib.sha256(access_token.encode()).digest())
    if nonce is not None:
        said["nonce"] = nonce
    head: dict[str, Any] = {"typ": "dpop+jwt", "alg": key.alg}
    if isinstance(key, Key):
        head["jwk"] = _public_members(key)
    return sign(key, _changed(head, header), _changed(said, claims))


def make_workload_token(
    key: Signer,
    issuer: str,
    subject: str,
    audience: object,
    *,
    now: datetime | None = None,
    header: Mapping[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A token by which a platform says which workload bears it, good for an hour."""
    issued_at = _seconds(now)
    said = {"iss": issuer, "sub": subject, "aud": audience}
    said |= {"iat": issued_at, "nbf": issued_at, "exp": issued_at + 3_600}
    head = {"typ": "JWT", "alg": key.alg, "kid": key.kid}
    return sign(key, _changed(head, header), _changed(said, claims))


def sign(key: Signer, header: object, claims: object) -> str:
    """A compact JWS (RFC 7515 §3.1) of these parts.

    Each is written as JSON, unless it is ``bytes``, which are taken as they are, or ``str``, which
    is a segment already.
    """
    signing_input = f"{_segment(header)}.{_segment(claims)}"
    # What is no ASCII can be no JWS, but a caller can send it.
    return f"{signing_input}.{encode(key.sign(signing_input.encode()))}"


def split(token: str) -> tuple[dict[str, Any], dict[str, Any], bytes]:
    """Header, claims and signature of a compact JWS; nothing is checked."""
    header, claims, signature = token.split(".")
    return json.loads(decode(header)), json.loads(decode(claims)), decode(signature)


def encode(raw: bytes) -> str:
    """Base64url without padding (RFC 7515 §2)."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def decode(segment: str) -> bytes:
    """The bytes of such a text."""
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))


def encode_number(number: int, length: int | None = None) -> str:
    """A number as JWKs hold it, of as many bytes as it takes unless said (RFC 7518 §2)."""
    return encode(number.to_bytes(length or (number.bit_length() + 7) // 8))


@cache
def _rsa_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def _public_members(key: Key) -> dict[str, str]:
    """What the thumbprint is made of (RFC 7638 §3.2, RFC 8037 §2)."""
    public = key.private.public_key()
    if isinstance(public, rsa.RSAPublicKey):
        numbers = public.public_numbers()
        return {"kty": "RSA", "n": encode_number(numbers.n), "e": encode_number(numbers.e)}
    if isinstance(public, ec.EllipticCurvePublicKey):
        point = public.public_numbers()
        x, y = encode_number(point.x, 32), encode_number(point.y, 32)
        return {"kty": "EC", "crv": "P-256", "x": x, "y": y}
    return {"kty": "OKP", "crv": "Ed25519", "x": encode(public.public_bytes_raw())}


def _changed(members: dict[str, Any], changes: Mapping[str, Any] | None) -> dict[str, Any]:
    changed = {**members, **(changes or {})}
    return {
        name: None if value is NULL else value
        for name, value in changed.items()
        if value is not None
    }


def _segment(part: object) -> str:
    if isinstance(part, str):
        return part
    return encode(part if isinstance(part, bytes) else json.dumps(part).encode())


def _seconds(now: datetime | None) -> int:
    return int((now or datetime.now(UTC)).timestamp())
