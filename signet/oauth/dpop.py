"""Proof of possession of a key, at the application level — RFC 9449 (DPoP).

The checks of §4.3 serve both ends: the token endpoint, which then binds the token to the key, and
an API, which asks that the token came with a proof of that very key (``protected_resource.py``).
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

from authlib.oauth2 import OAuth2Error

from signet.oauth.jws import (
    ALGORITHMS,
    Jwt,
    NotNowError,
    check_signature,
    check_times,
    check_typ,
    parse_jwt,
    required_moment,
    required_text,
)
from signet.oauth.public_keys import import_public_key
from signet.oauth.refusal import Reason, Refusal, presented, time_facts
from signet.oauth.store import ReplayNote

#: In characters: a 4096-bit RSA key in the header of a PS256 proof fits several times.
LONGEST_PROOF = 8_192
#: How old a proof may be (§11.1).
LONGEST_AGE = timedelta(seconds=60)
#: How long a nonce is good for (§8).
NONCE_LIFETIME = timedelta(minutes=5)

_DEFAULT_PORTS = {"http": 80, "https": 443}
_VISIBLE = re.compile(r"[\x21-\x7E]+")
_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_UNRESERVED = re.compile(r"[A-Za-z0-9._~-]")


class InvalidDPoPProofError(OAuth2Error):
    """``invalid_dpop_proof``: whatever was wrong with the proof, or none where one is needed."""

    error = "invalid_dpop_proof"
    description = "The DPoP proof is missing or not valid."

    def __init__(
        self,
        reason: str,
        why: Reason = Reason.INVALID_DPOP_PROOF,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__()
        self.reason = f"DPoP proof: {reason}"
        self.refusal = Refusal(why, self.reason, facts or {})


class UseDPoPNonceError(OAuth2Error):
    """``use_dpop_nonce``: the same request again, with this nonce in the proof (§8)."""

    error = "use_dpop_nonce"
    description = "The DPoP proof needs the nonce in the DPoP-Nonce header."

    def __init__(self, nonce: str) -> None:
        super().__init__()
        self.nonce = nonce

    def get_headers(self) -> list[tuple[str, str]]:
        """The headers of an error, with the nonce to use."""
        return [*super().get_headers(), ("DPoP-Nonce", self.nonce)]


@dataclass(frozen=True, slots=True)
class Proof:
    """A proof that holds; it has not been noted as used yet."""

    #: RFC 7638 thumbprint of the key, for ``cnf``.
    jkt: str
    note: ReplayNote


class Nonces:
    """Nonces that every worker and node can check, and nobody else can make (§8)."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def issue(self, now: datetime) -> str:
        """A nonce that is good for five minutes."""
        made_at = int(now.timestamp()).to_bytes(8)
        return _encode(made_at + self._seal(made_at))

    def is_current(self, nonce: object, now: datetime) -> bool:
        """Whether it is one of ours and still good."""
        if not isinstance(nonce, str) or not re.fullmatch(r"[A-Za-z0-9_-]{32}", nonce):
            return False
        raw = base64.urlsafe_b64decode(nonce)
        made_at, seal = raw[:8], raw[8:]
        if not hmac.compare_digest(seal, self._seal(made_at)):
            return False
        age = now.timestamp() - int.from_bytes(made_at)
        return -NONCE_LIFETIME.total_seconds() <= age <= NONCE_LIFETIME.total_seconds()

    def _seal(self, made_at: bytes) -> bytes:
        return hmac.new(self._key, made_at, hashlib.sha256).digest()[:16]


def check_proof(
    header: str,
    *,
    method: str,
    url: str,
    now: datetime,
    nonces: Nonces | None = None,
    access_token: str | None = None,
) -> Proof:
    """The proof in a ``DPoP`` header, checked as §4.3 says.

    What is left to the caller is to note it as used, and to compare its key with the token's.

    :param method: of the request that it came with; ``url``: its address.
    :param access_token: the token that it must vouch for, at an API.
    :raises InvalidDPoPProofError: for the first check that fails.
    :raises UseDPoPNonceError: if only the nonce is missing, or old.
    """
    try:
        proof, jkt = _read_proof(header)
        claims = proof.claims
        jti, iat = required_text(claims, "jti"), required_moment(claims, "iat")
        if required_text(claims, "htm") != method:
            raise _OtherTargetError("htm", claims, expected=method)
        # "ignoring any query and fragment parts" — §4.3, item 9
        if normalized(required_text(claims, "htu")) != normalized(url):
            raise _OtherTargetError("htu", claims, expected=url)
        check_times(claims, now)
        if iat < now - LONGEST_AGE:
            raise NotNowError("iat is too long ago", claim="iat", moment=iat)
        if access_token is not None:
            _check_access_token_hash(claims, access_token)
    except ValueError as error:
        raise _refused(error, now) from None
    if nonces is not None and not nonces.is_current(claims.get("nonce"), now):
        raise UseDPoPNonceError(nonces.issue(now))
    # One second more than it is accepted for, because ``now`` is not a whole one.
    until = iat + LONGEST_AGE + timedelta(seconds=1)
    return Proof(jkt, ReplayNote(kind="proof", owner=jkt, jti=jti, until=until))


def _refused(error: ValueError, now: datetime) -> InvalidDPoPProofError:
    if isinstance(error, _OtherTargetError):
        return InvalidDPoPProofError(str(error), Reason.DPOP_TARGET, error.facts)
    if isinstance(error, NotNowError):
        return InvalidDPoPProofError(str(error), Reason.DPOP_TIME, time_facts(error, now))
    return InvalidDPoPProofError(str(error))


class _OtherTargetError(ValueError):
    """A proof for another request than the one that it came with."""

    def __init__(self, claim: str, claims: Mapping[str, Any], *, expected: str) -> None:
        super().__init__(f"{claim} names another {'method' if claim == 'htm' else 'address'}")
        self.facts = {"claim": claim, "said": presented(claims[claim]), "expected": expected}


def normalized(url: str) -> tuple[str, str, int, str]:
    """An address in the form in which two that mean the same are equal (RFC 3986 §6.2.2, §6.2.3).

    :raises ValueError: if it is no address of the web.
    """
    # The parser would leave out tabs and line breaks, and take some letters for others.
    if not _VISIBLE.fullmatch(url):
        raise ValueError("htu is no address")
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        # Its own text repeats what was sent.
        raise ValueError("htu is no address") from None
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname or "@" in parts.netloc:
        raise ValueError("htu is no address")
    port = _DEFAULT_PORTS[parts.scheme] if port is None else port
    return parts.scheme, parts.hostname, port, _ESCAPE.sub(_normal_escape, parts.path) or "/"


def _read_proof(header: str) -> tuple[Jwt, str]:
    # Two headers arrive as one with a comma, which no JWT holds.
    if "," in header:
        raise ValueError("more than one")
    if len(header) > LONGEST_PROOF:
        raise ValueError("too long")
    proof = parse_jwt(header)
    check_typ(proof, ("dpop+jwt",), required=True)
    try:
        key = import_public_key(proof.header.get("jwk"))
    except ValueError as error:
        raise ValueError(f"jwk: {error}") from None
    # The key is the one in the header, so the proof need not say which.
    unnamed = Jwt(
        {"alg": proof.alg}, claims=proof.claims, signing_input=proof.signing_input,
        signature=proof.signature,
    )  # fmt: skip
    check_signature(unnamed, [key], algorithms=ALGORITHMS)
    return proof, key.thumbprint


def _check_access_token_hash(claims: Mapping[str, Any], access_token: str) -> None:
    expected = _encode(hashlib.sha256(access_token.encode()).digest())
    if not hmac.compare_digest(required_text(claims, "ath").encode(), expected.encode()):
        raise ValueError("ath is of another token")


def _normal_escape(match: re.Match[str]) -> str:
    character = chr(int(match[1], 16))
    return character if _UNRESERVED.fullmatch(character) else match[0].upper()


def _encode(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")
