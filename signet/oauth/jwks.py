"""Signing keys and the JWK set — RFC 7517, RFC 7638.

A key's life: announced → signing → retired → removed, or revoked at any point. Its times stand in
it, so that every worker draws the same conclusion from the same clock. A key is announced before
it signs, because APIs cache the set, and stays published after it has signed, because its tokens
live on. It signs until a successor has been announced: a server that slept through a rotation
goes on with the key it has.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from joserfc.jwk import ECKey, Key, OKPKey, RSAKey

ANNOUNCED_FOR = timedelta(days=14)
SIGNS_FOR = timedelta(days=90)
#: Never shorter than the longest token's life (a day).
PUBLISHED_AFTERWARDS = timedelta(days=14)

ANNOUNCED, SIGNING, RETIRED, REMOVED, REVOKED = (
    "announced",
    "signing",
    "retired",
    "removed",
    "revoked",
)
#: Bits of a new RSA key, unless more are asked for: what every library checks (RFC 7518 §3.3).
RSA_BITS = 2048


class PreparedKey:
    """A private key for joserfc's algorithms, with the answers to what they ask of it at hand.

    joserfc's own keys find them out for each signature anew, which takes as long as P-256 does.
    """

    __slots__ = ("_native", "curve_key_size")

    def __init__(self, key: Key) -> None:
        self._native = key.get_op_key("sign")
        #: Bits, of an elliptic curve.
        self.curve_key_size: int | None = getattr(key, "curve_key_size", None)

    def get_op_key(self, operation: str) -> Any:
        """What signs."""
        return self._native


@dataclass(frozen=True, slots=True, kw_only=True)
class SigningKey:
    """A key pair, the algorithm it is tied to, and the times of its life (UTC)."""

    #: RFC 7638 thumbprint: the same id can never name another key.
    kid: str
    alg: str
    #: The members for the JWK set, in their order there; nothing private.
    public_jwk: Mapping[str, Any]
    announced_at: datetime
    signing_at: datetime
    #: Both unknown until a successor has been announced.
    retired_at: datetime | None = None
    removed_at: datetime | None = None
    revoked_at: datetime | None = None
    #: Absent where only the public half is needed.
    private_key: Key | None = field(default=None, repr=False, compare=False)
    prepared: PreparedKey | None = field(init=False, default=None, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.private_key is not None:
            object.__setattr__(self, "prepared", PreparedKey(self.private_key))

    def state(self, now: datetime) -> str:
        """``announced``, ``signing``, ``retired``, ``removed`` or ``revoked``."""
        if self.revoked_at is not None:
            return REVOKED
        if now < self.signing_at:
            return ANNOUNCED
        if self.retired_at is None or now < self.retired_at:
            return SIGNING
        if self.removed_at is None or now < self.removed_at:
            return RETIRED
        return REMOVED

    def is_published(self, now: datetime) -> bool:
        """Whether the key stands in the JWK set."""
        return self.state(now) in (ANNOUNCED, SIGNING, RETIRED)

    @property
    def due_at(self) -> datetime:
        """When a successor ought to sign instead, if all goes by the plan."""
        return self.retired_at or self.signing_at + SIGNS_FOR


@dataclass(frozen=True, slots=True)
class KeyRing:
    """All signing keys there are, and what follows from their times."""

    keys: tuple[SigningKey, ...] = ()

    def signing_key(self, alg: str, now: datetime) -> SigningKey | None:
        """The key that signs with this algorithm now."""
        return _latest(key for key in self._of(alg) if key.state(now) == SIGNING)

    def announced_key(self, alg: str, now: datetime) -> SigningKey | None:
        """The key that is to sign next."""
        return _latest(key for key in self._of(alg) if key.state(now) == ANNOUNCED)

    def published_keys(self, now: datetime) -> tuple[SigningKey, ...]:
        """What stands in the JWK set: the signing key first, then the next, then the retired."""
        order = (SIGNING, ANNOUNCED, RETIRED)
        published = (key for key in self.keys if key.is_published(now))
        return tuple(sorted(published, key=lambda key: (order.index(key.state(now)), key.kid)))

    def key_in_use(self, alg: str, now: datetime) -> SigningKey | None:
        """The key that signs tokens now, on a server whose new keys are for this algorithm.

        One of another algorithm goes on until the first of this one has been announced for long
        enough: the one that it is to replace, if there are several. And rather a key before its
        time than none: the clock that set it may be ahead.
        """
        if (key := self.signing_key(alg, now)) is not None:
            return key
        others = [key for key in self.keys if key.state(now) == SIGNING]
        return (
            _latest(key for key in others if key.retired_at is not None)
            or _latest(others)
            or _earliest(key for key in self.keys if key.state(now) == ANNOUNCED)
        )

    def key_of(self, alg: str, now: datetime) -> SigningKey | None:
        """The key for tokens that must be of just this algorithm; an announced one if need be."""
        return self.signing_key(alg, now) or self.announced_key(alg, now)

    def signs_on(self, alg: str, now: datetime) -> bool:
        """Whether a key of this algorithm signs, and is not about to end without a successor."""
        key = self.signing_key(alg, now)
        return key is not None and (
            key.retired_at is None or self.announced_key(alg, now) is not None
        )

    def idle_keys(
        self, default_alg: str, in_use: Collection[str], now: datetime
    ) -> tuple[SigningKey, ...]:
        """Keys that still sign, or would one day, for an algorithm that nobody uses any more.

        None while the default has no key that signs: one of the others does it in its place.
        """
        if self.signing_key(default_alg, now) is None:
            return ()
        return tuple(
            key
            for key in self.keys
            if key.alg not in in_use
            and key.retired_at is None
            and key.state(now) in (ANNOUNCED, SIGNING)
        )

    def due_algorithm(self, default_alg: str, in_use: Collection[str], now: datetime) -> str | None:
        """An algorithm in use that wants a new key now, the default before the others."""
        others = sorted(set(in_use) - {default_alg})
        due = (alg for alg in (default_alg, *others) if self.is_rotation_due(alg, now))
        return next(due, None)

    def is_rotation_due(self, alg: str, now: datetime) -> bool:
        """Whether a first key, or the announcement of the next one, is missing."""
        if self.announced_key(alg, now) is not None:
            return False
        current = self.signing_key(alg, now)
        return current is None or now >= current.signing_at + SIGNS_FOR - ANNOUNCED_FOR

    def _of(self, alg: str) -> Iterable[SigningKey]:
        return (key for key in self.keys if key.alg == alg)


def next_signing_at(in_use: SigningKey | None, alg: str, now: datetime) -> datetime:
    """When a key announced now may sign: by the plan, but never unannounced to the APIs' caches.

    Without a key in use there is nothing to wait for; and another algorithm is wanted soon.
    """
    if in_use is None:
        return now
    if in_use.alg != alg:
        return now + ANNOUNCED_FOR
    return max(in_use.signing_at + SIGNS_FOR, now + ANNOUNCED_FOR)


def generate_private_key(alg: str, *, rsa_bits: int = RSA_BITS) -> Key:
    """A new private key for the algorithm: RSA of this many bits, P-256 or Ed25519."""
    if alg in ("RS256", "PS256"):
        return RSAKey.generate_key(rsa_bits, auto_kid=False)
    if alg == "ES256":
        return ECKey.generate_key("P-256", auto_kid=False)
    if alg == "EdDSA":
        return OKPKey.generate_key("Ed25519", auto_kid=False)
    raise ValueError(f"no signing algorithm: {alg}")


def public_jwk(key: Key, *, alg: str) -> dict[str, Any]:
    """The key as a member of the JWK set: ``kty use alg kid``, then the public numbers."""
    members = key.as_dict(private=False)
    head = {"kty": members["kty"], "use": "sig", "alg": alg, "kid": key.thumbprint()}
    numbers = ("n", "e", "crv", "x", "y")
    return head | {name: members[name] for name in numbers if name in members}


def jwk_set(keys: Iterable[SigningKey]) -> dict[str, list[dict[str, Any]]]:
    """The JWK set document (RFC 7517 §5)."""
    return {"keys": [dict(key.public_jwk) for key in keys]}


def _latest(keys: Iterable[SigningKey]) -> SigningKey | None:
    return max(keys, key=lambda key: (key.signing_at, key.kid), default=None)


def _earliest(keys: Iterable[SigningKey]) -> SigningKey | None:
    return min(keys, key=lambda key: (key.signing_at, key.kid), default=None)
