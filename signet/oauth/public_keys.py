"""Public keys of others — RFC 7517, RFC 7518: what is accepted of a JWK set.

A client's keys, and those of the issuers it trusts. Each is imported once, as the type of key that
its algorithms need, so that no text of a public key can ever serve as the secret of an HMAC.
"""

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

#: Bits of an RSA key: less is broken, more would let others spend our time.
SHORTEST_RSA_KEY, LONGEST_RSA_KEY = 2048, 8192
#: A set of more keys than this is not read to its end.
MOST_KEYS = 100

#: Algorithms by the type of their key; EdDSA is also called Ed25519 (RFC 9864).
_ALGORITHMS: Mapping[str, tuple[str, ...]] = {
    "RSA": ("PS256", "RS256"),
    "EC": ("ES256",),
    "OKP": ("EdDSA", "Ed25519"),
}
_PRIVATE_MEMBERS = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_IMPORTERS: Mapping[str, type[RSAKey] | type[ECKey] | type[OKPKey]] = {
    "RSA": RSAKey,
    "EC": ECKey,
    "OKP": OKPKey,
}
_CURVES = {"EC": "P-256", "OKP": "Ed25519"}


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicKey:
    """A key that checks signatures of somebody else's."""

    #: As the set names it; many sets of one key name none.
    kid: str | None
    #: The JWS algorithms that it may check.
    algorithms: tuple[str, ...]
    key: Key = field(repr=False)
    #: The certificate ``x5c[0]`` in DER, where the set has one.
    certificate: bytes | None = field(default=None, repr=False)

    @property
    def thumbprint(self) -> str:
        """RFC 7638: names the key, whatever the set calls it."""
        return self.key.thumbprint()


def parse_jwk_set(document: object) -> tuple[PublicKey, ...]:
    """The keys of a set that can check a signature here; others stand there in vain.

    "Implementations SHOULD ignore JWKs within a JWK Set that use "kty" values that are not
    understood" — RFC 7517 §5.

    :raises ValueError: if it is no JWK set.
    """
    keys = document.get("keys") if isinstance(document, dict) else None
    if not isinstance(keys, list):
        raise ValueError("not a JWK set")
    return tuple(usable_keys(keys[:MOST_KEYS]))


def usable_keys(jwks: Iterable[object]) -> Iterable[PublicKey]:
    """Those that :func:`import_public_key` takes, as long as they are for signatures."""
    for jwk in jwks:
        try:
            yield import_public_key(jwk)
        except ValueError:
            continue


def import_public_key(jwk: object) -> PublicKey:
    """One public key: RSA of 2048 to 8192 bits, P-256 or Ed25519.

    :raises ValueError: if it is anything else, private, or not for signatures; the text says what.
    """
    if not isinstance(jwk, dict):
        raise ValueError("not a JWK")
    if _PRIVATE_MEMBERS & jwk.keys():
        raise ValueError("holds a private key")
    kty = jwk.get("kty")
    if not isinstance(kty, str) or kty not in _IMPORTERS:
        raise ValueError("its type is none of RSA, EC and OKP")
    _check_size(jwk, kty)
    members = {name: jwk[name] for name in ("kty", "n", "e", "crv", "x", "y") if name in jwk}
    try:
        key = _IMPORTERS[kty].import_key(members)
    except (ValueError, TypeError, KeyError, OverflowError, JoseError):
        raise ValueError("its numbers make no key") from None
    kid = jwk.get("kid")
    return PublicKey(
        kid=kid if isinstance(kid, str) else None,
        algorithms=_algorithms(jwk, kty),
        key=key,
        certificate=_certificate(jwk),
    )


def find_keys(keys: Sequence[PublicKey], *, kid: object, alg: str) -> tuple[PublicKey, ...]:
    """The keys that may have made a signature.

    Those of the name that it gives. A key that the set does not name may have any, and a signature
    that gives no name may be of any key.
    """
    fitting = tuple(key for key in keys if alg in key.algorithms)
    if kid is None:
        return fitting
    return tuple(key for key in fitting if key.kid == kid or key.kid is None)


def _check_size(jwk: Mapping[str, Any], kty: str) -> None:
    if kty in _CURVES:
        if jwk.get("crv") != _CURVES[kty]:
            raise ValueError(f"its curve is not {_CURVES[kty]}")
        return
    modulus = _integer(jwk.get("n"))
    if not SHORTEST_RSA_KEY <= modulus.bit_length() <= LONGEST_RSA_KEY:
        raise ValueError(f"an RSA key needs {SHORTEST_RSA_KEY} to {LONGEST_RSA_KEY} bits")
    if modulus % 2 == 0:
        raise ValueError("its numbers make no key")
    if not 3 <= _integer(jwk.get("e")) < 2**32:
        raise ValueError("its exponent is out of range")


def _algorithms(jwk: Mapping[str, Any], kty: str) -> tuple[str, ...]:
    if jwk.get("use", "sig") != "sig":
        raise ValueError("its use is not sig")
    operations = jwk.get("key_ops", ["verify"])
    if not isinstance(operations, list) or "verify" not in operations:
        raise ValueError("its key_ops do not hold verify")
    algorithms = _ALGORITHMS[kty]
    named = jwk.get("alg")
    if named is None or (kty == "OKP" and named in algorithms):
        return algorithms
    if named not in algorithms:
        raise ValueError("its alg is not supported")
    return (named,)


def _certificate(jwk: Mapping[str, Any]) -> bytes | None:
    chain = jwk.get("x5c")
    if not isinstance(chain, list) or not chain or not isinstance(chain[0], str):
        return None
    try:
        # "not base64url-encoded" — RFC 7517 §4.7
        return base64.b64decode(chain[0], validate=True)
    except (binascii.Error, ValueError):
        return None


def _integer(encoded: object) -> int:
    if not isinstance(encoded, str):
        raise ValueError("a number is missing")
    try:
        return int.from_bytes(
            base64.b64decode(encoded + "=" * (-len(encoded) % 4), altchars=b"-_", validate=True)
        )
    except (binascii.Error, ValueError):
        raise ValueError("a number is not base64url") from None


#: Keys of nobody, for checks that cannot succeed: the base points, and a modulus of nothing but
#: ones. Everybody knows their private halves, so nothing may ever be believed for them.
NOBODYS_KEYS = tuple(
    usable_keys(
        (
            {"kty": "RSA", "n": "_" * 341 + "w", "e": "AQAB"},
            {
                "kty": "EC",
                "crv": "P-256",
                "x": "axfR8uEsQkf4vOblY6RA8ncDfYEt6zOg9KE5RdiYwpY",
                "y": "T-NC4v4af5uO5-tKfA-eFivOM1drMV7Oy7ZAaDe_UfU",
            },
            {"kty": "OKP", "crv": "Ed25519", "x": "WGZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmZmY"},
        )
    )
)
