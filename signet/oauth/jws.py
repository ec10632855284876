"""Signed JWTs — RFC 7515, RFC 7519: read strictly, and verified only with a key that is given.

Nothing in a header is trusted to say which key: ``jku``, ``x5u``, ``jwk`` and ``x5c`` are not even
looked at here. No extension is understood, so ``crit`` refuses a token, and so does any sign of
encryption or compression.
"""

import base64
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from joserfc.jws import JWSRegistry

from signet.oauth.public_keys import NOBODYS_KEYS, PublicKey, find_keys

#: Asymmetric, and as FAPI 2.0 §5.4.1 wants them; Ed25519 is EdDSA under its name of RFC 9864.
ALGORITHMS = ("PS256", "ES256", "EdDSA", "Ed25519")
#: How far the clock of somebody else may be ahead of ours (FAPI 2.0 §5.3.2.1).
CLOCK_AHEAD = timedelta(seconds=10)

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
#: No moment beyond the year 9999 is one.
_LAST_MOMENT = datetime.max.replace(tzinfo=UTC).timestamp() - 86_400


class NotNowError(ValueError):
    """A JWT that is over, or not yet good."""

    def __init__(self, text: str, *, claim: str, moment: datetime) -> None:
        super().__init__(text)
        self.claim = claim
        self.moment = moment


class NotSignedError(ValueError):
    """A JWT that none of the keys has signed.

    :param knows_key: whether there is a key of the name and the algorithm that it says.
    """

    def __init__(self, text: str, *, knows_key: bool) -> None:
        super().__init__(text)
        self.knows_key = knows_key


@dataclass(frozen=True, slots=True)
class Jwt:
    """A JWT as it came: well-formed, and nothing else is known of it."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any] = field(repr=False)
    signing_input: bytes = field(repr=False)
    signature: bytes = field(repr=False)

    @property
    def alg(self) -> str:
        """The algorithm that it says it is signed with."""
        return str(self.header["alg"])

    @property
    def kid(self) -> str | None:
        """The name of the key that it says it is signed with."""
        kid: str | None = self.header.get("kid")
        return kid


def parse_jwt(text: str) -> Jwt:
    """The parts of a compact, signed JWT (RFC 7515 §3.1); the caller has bounded its length.

    :raises ValueError: if it is anything else; the text says what, and repeats nothing of it.
    """
    segments = text.split(".")
    if len(segments) != 3 or not text.isascii():
        raise ValueError("not a signed JWT")
    header = _read_object(segments[0])
    if not isinstance(header.get("alg"), str):
        raise ValueError("no alg")
    if not isinstance(header.get("kid", ""), str):
        raise ValueError("kid is no text")
    if header.keys() & {"crit", "b64", "enc", "zip"}:
        raise ValueError("an extension that is not understood")
    return Jwt(
        header=header,
        claims=_read_object(segments[1]),
        signing_input=f"{segments[0]}.{segments[1]}".encode("ascii"),
        signature=_decode(segments[2]),
    )


def check_signature(jwt: Jwt, keys: Sequence[PublicKey], *, algorithms: Iterable[str]) -> PublicKey:
    """The one of these keys that has signed it, with one of these algorithms.

    :raises ValueError: if none has.
    """
    if jwt.alg not in algorithms:
        raise ValueError("alg is not allowed")
    candidates = find_keys(keys, kid=jwt.kid, alg=jwt.alg)
    # Without a key the work is done all the same, or its time would tell who is a client.
    tried = candidates or find_keys(NOBODYS_KEYS, kid=None, alg=jwt.alg)
    verify = JWSRegistry.algorithms[jwt.alg].verify
    signers = (key for key in tried if verify(jwt.signing_input, jwt.signature, key.key))
    signer = next(signers, None)
    if not candidates:
        raise NotSignedError("no key of that kid and alg", knows_key=False)
    if signer is None:
        raise NotSignedError("bad signature", knows_key=True)
    return signer


def check_typ(jwt: Jwt, allowed: Iterable[str], *, required: bool = False) -> None:
    """Check what kind of token it says it is (RFC 8725 §3.11).

    :raises ValueError: if that is none of ``allowed``, which are in lower case.
    """
    typ = jwt.header.get("typ")
    if typ is None and not required:
        return
    # "media type values are case insensitive" — RFC 7515 §4.1.9
    if not isinstance(typ, str) or typ.lower() not in allowed:
        raise ValueError("typ is not allowed")


def check_times(claims: Mapping[str, Any], now: datetime) -> None:
    """Check ``exp``, ``nbf`` and ``iat``, each if it is there (RFC 7519 §4.1).

    :raises ValueError: if the token is over, or from the future by more than 10 seconds.
    """
    expires_at = moment(claims, "exp")
    if expires_at is not None and expires_at <= now:
        raise NotNowError("expired", claim="exp", moment=expires_at)
    for name in ("nbf", "iat"):
        begins_at = moment(claims, name)
        if begins_at is not None and begins_at > now + CLOCK_AHEAD:
            raise NotNowError(f"{name} is in the future", claim=name, moment=begins_at)


def moment(claims: Mapping[str, Any], name: str) -> datetime | None:
    """The moment that a claim names in seconds (RFC 7519 §2, NumericDate).

    :raises ValueError: if it is no such number.
    """
    value = claims.get(name)
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{name} is no number")
    # NaN is in no range. Nothing is calculated: JSON can write numbers that no float holds.
    if not 0 <= value <= _LAST_MOMENT:
        raise ValueError(f"{name} is out of range")
    return datetime.fromtimestamp(value, UTC)


def required_moment(claims: Mapping[str, Any], name: str) -> datetime:
    """The same, which must be there."""
    value = moment(claims, name)
    if value is None:
        raise ValueError(f"{name} is missing")
    return value


def required_text(claims: Mapping[str, Any], name: str) -> str:
    """A claim that must be a text, and not an empty one.

    :raises ValueError: if it is not.
    """
    value = claims.get(name)
    if not isinstance(value, str) or not value:
        raise ValueError(f"{name} is missing or no text")
    # JSON can write what is no text: half of a surrogate pair; and NUL, which no database takes.
    if "\0" in value or any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(f"{name} is no text")
    return value


def _read_object(segment: str) -> dict[str, Any]:
    try:
        value = json.loads(
            _decode(segment).decode("utf-8"),
            object_pairs_hook=_without_repetition,
            parse_constant=_refuse_constant,
        )
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        raise ValueError("a part is no JSON") from None
    if not isinstance(value, dict):
        raise ValueError("a part is no JSON object")
    return value


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # "The Header Parameter names within the JOSE Header MUST be unique" — RFC 7515 §4
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a name is repeated")
    return members


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _decode(segment: str) -> bytes:
    # "with all trailing '=' characters omitted" — RFC 7515 §2; the decoder would take padding,
    # and the two characters of the other alphabet besides.
    if not _BASE64URL.fullmatch(segment) or len(segment) % 4 == 1:
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(segment + "=" * (-len(segment) % 4))
