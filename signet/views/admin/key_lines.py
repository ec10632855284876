"""Signing keys as pages say them: by algorithm, who needs it, and what removing a key does."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from signet.models.client_list import longest_token_lifetime
from signet.models.resource_servers import ResourceServerDetails, list_resource_servers
from signet.models.signing_keys import list_signing_keys
from signet.models.usage import EVERYBODY, TOKEN, counts_of
from signet.oauth.client import LONGEST_LIFETIME
from signet.oauth.jwks import ANNOUNCED, RETIRED, SIGNING, KeyRing, SigningKey

#: State, word, kind of the tag; in the order of a table.
_TAGS = {ANNOUNCED: ("Next", "info"), SIGNING: ("Active", "ok"), RETIRED: ("Retired", "off")}
_SHORT = 8


@dataclass(frozen=True, slots=True)
class KeyLine:
    """A key of the key set as a row."""

    key: SigningKey
    state: str
    tag: str
    kind: str

    @property
    def short(self) -> str:
        """The beginning of the key ID, by which people tell keys apart."""
        return short_kid(self.key.kid)


@dataclass(frozen=True, slots=True, kw_only=True)
class AlgorithmKeys:
    """The keys of one algorithm in the key set, and who needs them."""

    alg: str
    is_default: bool
    #: Whose tokens are signed with it.
    apis: tuple[ResourceServerDetails, ...]
    lines: tuple[KeyLine, ...]

    @property
    def is_in_use(self) -> bool:
        """Whether there will be another key of it; else the last one is on its way out."""
        return self.is_default or bool(self.apis)

    @property
    def announced(self) -> SigningKey | None:
        """The key that is to sign next."""
        return next((line.key for line in self.lines if line.state == ANNOUNCED), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """What removing a key at once does, and to whom."""

    line: KeyLine
    #: Their tokens are, or were, signed with it.
    apis: tuple[ResourceServerDetails, ...]
    #: End of the last token that it has signed or may have signed by now; ``None``: it signed none.
    valid_until: datetime | None
    #: How long clients may go on sending a token that is refused.
    longest_lifetime: timedelta
    #: Issued in the last day, whichever key has signed them.
    tokens_of_day: int
    #: Whether another key signs as well, for APIs that want another algorithm.
    signs_beside: bool
    #: Signs from then on, if this one signs now and another has been announced.
    successor: SigningKey | None

    def is_safe(self, now: datetime) -> bool:
        """Whether no token that it signed can be valid any more, whatever lifetimes were."""
        return self.valid_until is None or (
            self.line.key.retired_at is not None
            and self.line.key.retired_at + LONGEST_LIFETIME <= now
        )


def short_kid(kid: str) -> str:
    """The beginning of a key ID."""
    return f"{kid[:_SHORT]}…"


def list_algorithms(default_alg: str, now: datetime) -> tuple[AlgorithmKeys, ...]:
    """What is in the key set or needed there, the server's default first."""
    apis = list_resource_servers()
    lines = [_line(key, now) for key in list_signing_keys() if key.is_published(now)]
    needed = {api.signing_alg or default_alg for api in apis} | {default_alg}
    others = (needed | {line.key.alg for line in lines}) - {default_alg}
    return tuple(
        AlgorithmKeys(
            alg=alg,
            is_default=alg == default_alg,
            apis=_apis_of(alg, default_alg, apis),
            lines=tuple(sorted((li for li in lines if li.key.alg == alg), key=_order)),
        )
        for alg in (default_alg, *sorted(others))
    )


def list_former_keys(now: datetime, *, limit: int) -> tuple[SigningKey, ...]:
    """Keys that have left the key set, the latest first."""
    former = [key for key in list_signing_keys() if not key.is_published(now)]
    former.sort(key=lambda key: key.revoked_at or key.removed_at or now, reverse=True)
    return tuple(former[:limit])


def find_removal(kid: str, default_alg: str, now: datetime) -> Removal | None:
    """What removing this key would do; ``None`` if it is not in the key set."""
    keys = list_signing_keys()
    key = next((key for key in keys if key.kid == kid and key.is_published(now)), None)
    if key is None:
        return None
    ring, state = KeyRing(keys), key.state(now)
    lifetime = longest_token_lifetime() or timedelta(0)
    last_signed = min(key.retired_at, now) if key.retired_at else now
    apis = list_resource_servers()
    # It signs in the place of the default, whose first key has not begun.
    stands_in = ring.key_in_use(default_alg, now) == key
    return Removal(
        line=_line(key, now),
        apis=_apis_of(default_alg if stands_in else key.alg, default_alg, apis),
        valid_until=None if state == ANNOUNCED else last_signed + lifetime,
        longest_lifetime=lifetime,
        tokens_of_day=sum(
            counted.count
            for counted in counts_of(EVERYBODY, since=now - timedelta(days=1))
            if counted.outcome == TOKEN
        ),
        signs_beside=any(other.state(now) == SIGNING for other in keys if other != key),
        successor=_successor(ring, key, default_alg, apis, now) if state == SIGNING else None,
    )


def _successor(
    ring: KeyRing,
    key: SigningKey,
    default_alg: str,
    apis: tuple[ResourceServerDetails, ...],
    now: datetime,
) -> SigningKey | None:
    is_needed = key.alg in {api.signing_alg or default_alg for api in apis} | {default_alg}
    return ring.announced_key(key.alg if is_needed else default_alg, now)


def _apis_of(
    alg: str, default_alg: str, apis: tuple[ResourceServerDetails, ...]
) -> tuple[ResourceServerDetails, ...]:
    return tuple(api for api in apis if (api.signing_alg or default_alg) == alg)


def _line(key: SigningKey, now: datetime) -> KeyLine:
    state = key.state(now)
    return KeyLine(key, state, *_TAGS[state])


def _order(line: KeyLine) -> tuple[int, datetime]:
    return list(_TAGS).index(line.state), line.key.signing_at
