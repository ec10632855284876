"""Requests that were refused, with the true reason: for people who ask why it failed.

Bounded: the latest 200 of each client, 10,000 in all, 30 days.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Index, Integer, Select, String, Text, delete, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime, storable
from signet.models.database import read
from signet.models.many_rows import insert_many
from signet.models.pruning import forget_rows
from signet.usage import RefusedRequest

MOST_OF_CLIENT, MOST = 200, 10_000
KEPT = timedelta(days=30)
PAGE_SIZE = 50


class RefusedRequestRow(Base):
    """One refused request."""

    __tablename__ = "refused_request"

    #: Strangers make it grow: 32 bits would not last. SQLite counts up an INTEGER only.
    id: Mapped[int] = mapped_column(BigInteger().with_variant(Integer, "sqlite"), primary_key=True)
    #: The ``X-Request-Id`` of its answer.
    request_id: Mapped[str] = mapped_column(String(32), unique=True)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Empty where there is no such client.
    client_id: Mapped[str] = mapped_column(String(200))
    claimed_client_id: Mapped[str] = mapped_column(String(200))
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(400))
    endpoint: Mapped[str] = mapped_column(String(20))
    status: Mapped[int]
    error: Mapped[str] = mapped_column(String(40))
    reason: Mapped[str] = mapped_column(String(40))
    text: Mapped[str] = mapped_column(String(400))
    #: JSON.
    facts: Mapped[str] = mapped_column(Text)

    __table_args__ = (
        Index(None, "client_id", "id"),
        Index(None, "address", "id"),
        Index(None, "reason", "id"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequestFilter:
    """Which requests are wanted; an empty member wants all."""

    #: The whole ``X-Request-Id``.
    reference: str = ""
    #: A client that there is, or what a caller has claimed to be.
    client_id: str = ""
    address: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class RefusedRequestPage:
    """Some requests, newest first, and the cursors beside them (``None``: there is no page)."""

    requests: tuple[RefusedRequest, ...]
    newer: int | None
    older: int | None


def keep_refused_requests(session: Session, requests: Sequence[RefusedRequest]) -> None:
    """Write down refused requests in the transaction of a batch; the oldest make room."""
    if not requests:
        return
    # A batch that was written, but of which nobody has heard, comes once more.
    new = insert_many(session, RefusedRequestRow, [_to_values(request) for request in requests])
    session.execute(new.on_conflict_do_nothing(index_elements=["request_id"]))
    rank = func.row_number().over(
        partition_by=RefusedRequestRow.client_id, order_by=RefusedRequestRow.id.desc()
    )
    clients = {request.client_id for request in requests}
    ranked = (
        select(RefusedRequestRow.id, rank.label("rank"))
        .where(RefusedRequestRow.client_id.in_(clients))
        .subquery()
    )
    surplus = select(ranked.c.id).where(ranked.c.rank > MOST_OF_CLIENT)
    session.execute(delete(RefusedRequestRow).where(RefusedRequestRow.id.in_(surplus)))
    last_kept = (
        select(RefusedRequestRow.id)
        .order_by(RefusedRequestRow.id.desc())
        .offset(MOST)
        .limit(1)
        .scalar_subquery()
    )
    session.execute(delete(RefusedRequestRow).where(RefusedRequestRow.id <= last_kept))


def prune_refused_requests(*, now: datetime) -> None:
    """Forget what is older than is kept."""
    forget_rows(RefusedRequestRow, RefusedRequestRow.at < now - KEPT)


def forget_refusals_of(session: Session, client_id: str) -> None:
    """Forget a client that is deleted, in an operation's transaction."""
    session.execute(delete(RefusedRequestRow).where(RefusedRequestRow.client_id == client_id))


def find_refused_request(reference: str) -> RefusedRequest | None:
    """The request whose answer carried this ``X-Request-Id``."""
    query = select(RefusedRequestRow).where(RefusedRequestRow.request_id == reference)
    with read() as session:
        row = session.scalars(query).one_or_none()
        return _to_request(row) if row else None


def list_refused_requests(
    wanted: RefusedRequestFilter,
    *,
    older_than: int | None = None,
    newer_than: int | None = None,
    limit: int = PAGE_SIZE,
) -> RefusedRequestPage:
    """A page of refused requests, newest first.

    :param older_than: continue below this cursor; ``newer_than``: the page just above this one.
    """
    query = _matching(wanted)
    if newer_than is not None:
        query = query.where(RefusedRequestRow.id > newer_than).order_by(RefusedRequestRow.id)
    else:
        if older_than is not None:
            query = query.where(RefusedRequestRow.id < older_than)
        query = query.order_by(RefusedRequestRow.id.desc())
    with read() as session:
        rows = list(session.scalars(query.limit(limit + 1)))
    more, rows = len(rows) > limit, rows[:limit]
    if newer_than is not None:
        rows.reverse()
    has_newer = more if newer_than is not None else older_than is not None
    has_older = True if newer_than is not None else more
    return RefusedRequestPage(
        tuple(_to_request(row) for row in rows),
        newer=rows[0].id if rows and has_newer else None,
        older=rows[-1].id if rows and has_older else None,
    )


def _matching(wanted: RefusedRequestFilter) -> Select[RefusedRequestRow]:
    query = select(RefusedRequestRow)
    if wanted.reference:
        query = query.where(RefusedRequestRow.request_id == wanted.reference)
    if wanted.client_id:
        query = query.where(
            (RefusedRequestRow.client_id == wanted.client_id)
            | (RefusedRequestRow.claimed_client_id == wanted.client_id)
        )
    if wanted.address:
        query = query.where(RefusedRequestRow.address == wanted.address)
    if wanted.reason:
        query = query.where(RefusedRequestRow.reason == wanted.reason)
    return query


def _to_values(request: RefusedRequest) -> dict[str, Any]:
    return {
        **{field.name: getattr(request, field.name) for field in fields(request)},
        "claimed_client_id": storable(request.claimed_client_id, 200),
        "address": storable(request.address, 64),
        "user_agent": storable(request.user_agent, 400),
        "endpoint": storable(request.endpoint, 20),
        "text": storable(request.text, 400),
        "facts": json.dumps(dict(request.facts)),
    }


def _to_request(row: RefusedRequestRow) -> RefusedRequest:
    return RefusedRequest(
        request_id=row.request_id,
        at=row.at,
        client_id=row.client_id,
        claimed_client_id=row.claimed_client_id,
        address=row.address,
        user_agent=row.user_agent,
        endpoint=row.endpoint,
        status=row.status,
        error=row.error,
        reason=row.reason,
        text=row.text,
        facts=json.loads(row.facts),
    )
