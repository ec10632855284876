"""Counting what was served and what was refused below ``/connect/``, without the database."""

from collections.abc import Callable, Sequence
from functools import lru_cache

from signet.oauth.refusal import Refusal, presented
from signet.usage import RefusedRequest, UsageMemory
from signet.views.exchange import Exchange

#: Where requests are counted, below the issuer's path.
PREFIX = "/connect/"

#: Of user agents there are few, and to look whether one is a secret takes a while.
_presented = lru_cache(maxsize=256)(presented)


def count_uses_in(usage: UsageMemory) -> Callable[[Sequence[Exchange]], None]:
    """Whoever counts in this memory what finished exchanges came to."""

    def count(exchanges: Sequence[Exchange]) -> None:
        for exchange in exchanges:
            if exchange.served is not None:
                usage.note_use(
                    exchange.client_id,
                    exchange.credential_id,
                    exchange.served,
                    at=exchange.ended_at,
                    address=exchange.address or "",
                    user_agent=_presented(exchange.user_agent),
                )
            elif exchange.refusal is not None and PREFIX in exchange.path:
                usage.note_refusal(_refused(exchange, exchange.refusal))

    return count


def _refused(exchange: Exchange, refusal: Refusal) -> RefusedRequest:
    return RefusedRequest(
        request_id=exchange.request_id,
        at=exchange.ended_at,
        client_id=exchange.client_id,
        claimed_client_id=exchange.claimed_client_id,
        address=exchange.address or "",
        user_agent=_presented(exchange.user_agent),
        endpoint=presented(exchange.path.rpartition("/")[2])[:20],
        status=exchange.status,
        error=exchange.error,
        reason=refusal.reason,
        text=refusal.text,
        facts=refusal.facts,
    )
