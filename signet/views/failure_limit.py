"""The limit on failed authentications of one client id from one address.

It answers refusals, never a right secret: a stranger who fails in a client's name cannot lock
that client out. A worker counts for itself and in bounded memory, which a database would make
exact and slow; against 256 random bits the count is a courtesy to the log.
"""

import math
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace

from authlib.oauth2 import OAuth2Error

from signet.oauth.refusal import Refusal

WINDOW = 60.0
MOST_PAIRS = 10_000


class TooManyFailuresError(OAuth2Error):
    """429 in place of one more refusal."""

    error = "temporarily_unavailable"
    description = "Too many failed authentications."
    status_code = 429

    def __init__(self, retry_after: int, refusal: Refusal) -> None:
        super().__init__()
        self.retry_after = retry_after
        self.refusal = replace(refusal, text=f"too many failures: {refusal.text}")

    def get_headers(self) -> list[tuple[str, str]]:
        """The headers of an error, with the seconds to wait."""
        return [*super().get_headers(), ("Retry-After", str(self.retry_after))]


class FailureLimit:
    """Counts the failures of each pair in windows of a minute."""

    def __init__(self, per_minute: int, *, monotonic: Callable[[], float]) -> None:
        self._per_minute = per_minute
        self._monotonic = monotonic
        #: When each pair's window began and how often it has failed since, oldest window first.
        self._windows: OrderedDict[tuple[str, str], tuple[float, int]] = OrderedDict()

    def count(self, client_id: str, address: str) -> int | None:
        """Note a failure; the seconds to wait if it is one too many, else ``None``."""
        now, pair = self._monotonic(), (client_id, address)
        began, failures = self._windows.get(pair, (now, 0))
        if now - began >= WINDOW:
            began, failures = now, 0
        if failures == 0:
            self._windows.pop(pair, None)
        self._windows[pair] = (began, failures + 1)
        if len(self._windows) > MOST_PAIRS:
            self._windows.popitem(last=False)
        if failures < self._per_minute:
            return None
        return math.ceil(began + WINDOW - now)
