"""Chatty clients: tokens that were asked for against tokens that were needed.

A token serves every call for its whole life, so a client that keeps it needs one per lifetime.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import func, select

from signet.models.clients import ClientRow
from signet.models.database import read
from signet.models.narrowing import unindexed
from signet.models.usage import BUSY_FROM, HOUR, TOKEN, UseCount, UseCountRow, begin_of, counts_of

#: A client is chatty from so many times what it needs. Several copies of one program need a token
#: each, and that is as it should be: nobody is named for twenty of them.
CHATTY_FACTOR = 20
#: Less than that does no harm: in all, and in an hour.
CHATTY_TOKENS, CHATTY_PER_HOUR = 500, BUSY_FROM
_HOUR = timedelta(hours=1)
#: Of those who got most in busy hours, so many are looked at.
_LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class TokenDemand:
    """How many tokens a client has got, and how many would have done."""

    asked: int
    #: Hours in which it got any, of each of its credentials.
    active_hours: int
    lifetime: timedelta

    @property
    def needed(self) -> int:
        """What would have done: one per lifetime while it was active, and at least one an hour."""
        return max(self.active_hours, math.ceil(self.active_hours * (_HOUR / self.lifetime)))

    @property
    def saved(self) -> float:
        """The part of its requests that keeping the token would save, from 0 to 1."""
        return max(0.0, 1 - self.needed / self.asked) if self.asked else 0.0

    @property
    def per_hour(self) -> int:
        """Tokens in an hour in which it was active."""
        return round(self.asked / self.active_hours) if self.active_hours else 0

    @property
    def is_chatty(self) -> bool:
        """Whether somebody should be told."""
        return (
            self.asked >= max(CHATTY_TOKENS, CHATTY_FACTOR * self.needed)
            and self.per_hour >= CHATTY_PER_HOUR
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ChattyClient:
    """A client that asks far more often than it needs to."""

    client_id: str
    name: str
    demand: TokenDemand


def demand_of(counts: Iterable[UseCount], lifetime: timedelta) -> TokenDemand:
    """What the counts by hour of one client say."""
    tokens = [count for count in counts if count.outcome == TOKEN]
    hours = {(count.begins_at, count.credential_id) for count in tokens}
    return TokenDemand(sum(count.count for count in tokens), len(hours), lifetime)


def recent_demand(
    client_id: str, lifetime: timedelta, *, now: datetime
) -> tuple[TokenDemand, TokenDemand]:
    """The demand of a client in the last 24 hours and in the last 7 days."""
    week = counts_of(client_id, since=now - timedelta(days=7), span=HOUR)
    since = begin_of(HOUR, now - timedelta(hours=23))
    day = [count for count in week if count.begins_at >= since]
    return demand_of(day, lifetime), demand_of(week, lifetime)


def find_chatty_clients(*, since: datetime, limit: int = 5) -> tuple[ChattyClient, ...]:
    """The clients that should keep their tokens, the one that asks most first."""
    asked, begin = func.sum(UseCountRow.count), begin_of(HOUR, since)
    # Else SQLite groups all rows by the primary key.
    client_id = unindexed(UseCountRow.client_id)
    # Who gets so many in the middle of its hours got so many in one of them.
    busiest = (
        select(client_id)
        .where(UseCountRow.is_busy, UseCountRow.begins_at >= begin)
        .group_by(client_id)
        .order_by(asked.desc(), client_id)
        .limit(_LOOKED_AT)
    )
    with read() as session:
        query = (
            select(
                ClientRow.client_id,
                ClientRow.name,
                ClientRow.access_token_lifetime,
                asked,
                # A row is one credential in one hour.
                func.count(),
            )
            .join(UseCountRow, UseCountRow.client_id == ClientRow.client_id)
            .where(
                UseCountRow.client_id.in_(session.scalars(busiest).all()),
                UseCountRow.span == HOUR,
                UseCountRow.begins_at >= begin,
                UseCountRow.outcome == TOKEN,
            )
            .group_by(ClientRow.client_id, ClientRow.name, ClientRow.access_token_lifetime)
            .having(asked >= CHATTY_TOKENS)
            .order_by(asked.desc(), ClientRow.client_id)
        )
        rows = session.execute(query).all()
    found = (
        ChattyClient(
            client_id=client_id,
            name=name,
            demand=TokenDemand(int(count), hours, timedelta(seconds=lifetime)),
        )
        for client_id, name, lifetime, count, hours in rows
    )
    return tuple(client for client in found if client.demand.is_chatty)[:limit]
