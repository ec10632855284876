"""Keys that others publish, kept for minutes: a client's ``jwks_uri``, an issuer's metadata.

In memory and per worker. Whoever sends a token with an invented ``kid`` cannot make the server ask
its issuer more than once a minute.
"""

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlsplit

from signet.oauth.client import KeySource
from signet.oauth.public_keys import PublicKey, parse_jwk_set
from signet.oauth.store import KeysUnavailableError
from signet.outbound import FetchError

log = logging.getLogger(__name__)

#: In seconds. A set is kept so long …
KEPT = 600.0
#: … and so long if it cannot be fetched again.
KEPT_AT_MOST = 3600.0
#: How often an unknown ``kid`` may have a set fetched again.
UNKNOWN_KID_EVERY = 60.0
#: A failed fetch is not repeated before this.
AFTER_FAILURE = 5.0
MOST_SOURCES = 1_000
DISCOVERY = "/.well-known/openid-configuration"


class Fetcher(Protocol):
    """What ``outbound.Outbound`` is to this file."""

    def fetch_json(self, url: str) -> Any:
        """The JSON document at an address; a ``FetchError`` if there is none."""
        ...


@dataclass(slots=True)
class _Kept:
    """What is known of one source; all times as the monotonic clock tells them."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    keys: tuple[PublicKey, ...] = ()
    fetched_at: float = float("-inf")
    failed_at: float = float("-inf")
    failure: str = ""
    asked_for_unknown_at: float = float("-inf")


class ForeignKeys:
    """The key sets of others, fetched when they are needed."""

    def __init__(
        self, outbound: Fetcher, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._outbound = outbound
        self._monotonic = monotonic
        self._kept: OrderedDict[KeySource, _Kept] = OrderedDict()
        self._finding = threading.Lock()

    def keys_of(self, source: KeySource, *, kid: str | None) -> tuple[PublicKey, ...]:
        """The keys of a source; see ``oauth.store.Store``."""
        kept = self._find(source)
        # Whom the kept set can serve waits for nobody. Of the others one fetches, and they wait
        # for what it brings.
        if self._is_due(kept, kid):
            with kept.lock:
                if self._is_due(kept, kid):
                    self._fetch_again(source, kept)
        if self._age(kept.fetched_at) <= KEPT_AT_MOST:
            return kept.keys
        raise KeysUnavailableError(kept.failure or "its keys are too old")

    def _find(self, source: KeySource) -> _Kept:
        with self._finding:
            kept = self._kept.setdefault(source, _Kept())
            self._kept.move_to_end(source)
            if len(self._kept) > MOST_SOURCES:
                # Whoever still fetches for it keeps what it has in hand.
                self._kept.popitem(last=False)
            return kept

    def _is_due(self, kept: _Kept, kid: str | None) -> bool:
        if self._age(kept.failed_at) < AFTER_FAILURE:
            return False
        if self._age(kept.fetched_at) > KEPT:
            return True
        is_unknown = kid is not None and all(key.kid != kid for key in kept.keys)
        return is_unknown and self._age(kept.asked_for_unknown_at) >= UNKNOWN_KID_EVERY

    def _fetch_again(self, source: KeySource, kept: _Kept) -> None:
        is_for_unknown = self._age(kept.fetched_at) <= KEPT
        try:
            kept.keys = self._fetch(source)
        except (FetchError, ValueError) as error:
            kept.failed_at, kept.failure = self._monotonic(), f"keys not fetched: {error}"
            log.warning(
                "keys of others cannot be fetched",
                extra={"host": _host(source), "reason": str(error)},
            )
        else:
            kept.fetched_at, kept.failed_at = self._monotonic(), float("-inf")
        # Only now: who needs the same new key at the same time must wait for this answer.
        if is_for_unknown:
            kept.asked_for_unknown_at = self._monotonic()

    def _fetch(self, source: KeySource) -> tuple[PublicKey, ...]:
        if source.jwks_uri is not None:
            return parse_jwk_set(self._outbound.fetch_json(source.jwks_uri))
        issuer = source.issuer or ""
        # "concatenating the string /.well-known/openid-configuration to the Issuer" after
        # "any terminating / MUST be removed" — OpenID Connect Discovery §4.1
        metadata = self._outbound.fetch_json(issuer.removesuffix("/") + DISCOVERY)
        if not isinstance(metadata, dict) or metadata.get("issuer") != issuer:
            raise ValueError("its metadata names another issuer")
        jwks_uri = metadata.get("jwks_uri")
        if not isinstance(jwks_uri, str):
            raise ValueError("its metadata names no jwks_uri")
        return parse_jwk_set(self._outbound.fetch_json(jwks_uri))

    def _age(self, moment: float) -> float:
        return self._monotonic() - moment


def _host(source: KeySource) -> str:
    return urlsplit(source.jwks_uri or source.issuer or "").hostname or ""
