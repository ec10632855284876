"""How credentials are used: counts by hour and day, and the last use of each.

Written in batches from beside the token path. What is kept twice (by hour for 30 days, by day for
13 months, and the sum over all clients) is written at once, so that no page has to add up much.
"""

import logging
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, Index, String, case, delete, func, select
from sqlalchemy.exc import DataError
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime, storable
from signet.models.database import DatabaseUnavailableError, read, write
from signet.models.refused_requests import insert_or_update, keep_refused_requests
from signet.usage import Batch, RefusedRequest

log = logging.getLogger(__name__)

HOUR, DAY = "hour", "day"
KEPT: Mapping[str, timedelta] = {HOUR: timedelta(days=30), DAY: timedelta(days=396)}
#: The sum over all clients; no client id and no identifier begins with a space.
EVERYBODY = " everybody"

TOKEN, INTROSPECTION, REVOCATION = "token", "introspection", "revocation"
#: Outcomes of requests that were served; every other one is the reason of a refusal.
SERVED = (TOKEN, INTROSPECTION, REVOCATION)

#: In one statement: an engine takes only so many parameters.
_MOST_IDS = 1_000


class CredentialUseRow(Base):
    """First and last use of one credential of a client or API."""

    __tablename__ = "credential_use"

    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    #: See ``oauth.credential.Credential``.
    credential_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    first_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_address: Mapped[str] = mapped_column(String(64))
    last_user_agent: Mapped[str] = mapped_column(String(400))


class UseCountRow(Base):
    """How often something happened to a client within an hour or a day."""

    __tablename__ = "use_count"

    client_id: Mapped[str] = mapped_column(String(200), primary_key=True)
    span: Mapped[str] = mapped_column(String(4), primary_key=True)
    begins_at: Mapped[datetime] = mapped_column(UtcDateTime, primary_key=True)
    #: Empty for a refusal: nothing was proven.
    credential_id: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: One of ``SERVED``, or the reason of a refusal.
    outcome: Mapped[str] = mapped_column(String(40), primary_key=True)
    count: Mapped[int] = mapped_column(BigInteger)

    __table_args__ = (
        CheckConstraint("span IN ('hour', 'day')", name="span"),
        Index(None, "span", "begins_at"),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialUse:
    """How one credential is used, as pages and scripts read it."""

    credential_id: str
    first_used_at: datetime
    last_used_at: datetime
    last_address: str
    last_user_agent: str


@dataclass(frozen=True, slots=True, kw_only=True)
class UseCount:
    """How often one outcome happened by one credential, from a moment on."""

    begins_at: datetime
    credential_id: str
    outcome: str
    count: int


def write_batch(batch: Batch) -> None:
    """Add a batch to what is kept: counts and uses in one transaction, refusals in another."""
    if batch.counts:
        with write() as session:
            # In one order, so that workers that write at once wait for each other only once.
            session.execute(_add_counts(session), sorted(_count_rows(batch), key=_key_of_count))
            if batch.uses:
                session.execute(_note_uses(session), _use_rows(batch))
    if batch.refused:
        _write_refused(batch.refused_requests())


def _write_refused(requests: Sequence[RefusedRequest]) -> None:
    try:
        with write() as session:
            keep_refused_requests(session, requests)
    except Exception as error:
        is_waiting = isinstance(error, DatabaseUnavailableError)
        # A value that the database does not take is refused the next time as well.
        if is_waiting and not isinstance(error.__cause__, DataError):
            raise
        # What cannot be written now never can be: tried again, it would stay in the way.
        log.exception("refused requests cannot be written", extra={"lost": len(requests)})


def forget_usage_of(session: Session, client_id: str) -> None:
    """Forget a client that is deleted, in an operation's transaction."""
    for table in (UseCountRow, CredentialUseRow):
        session.execute(delete(table).where(table.client_id == client_id))


def find_uses(client_ids: Collection[str]) -> dict[str, dict[str, CredentialUse]]:
    """How the credentials of these clients are used, by client and credential."""
    with read() as session:
        return load_uses(session, client_ids)


def load_uses(session: Session, client_ids: Collection[str]) -> dict[str, dict[str, CredentialUse]]:
    """The same, in a transaction."""
    found: dict[str, dict[str, CredentialUse]] = {client_id: {} for client_id in client_ids}
    wanted = list(found)
    for begin in range(0, len(wanted), _MOST_IDS):
        some = wanted[begin : begin + _MOST_IDS]
        for row in session.scalars(
            select(CredentialUseRow).where(CredentialUseRow.client_id.in_(some))
        ):
            found[row.client_id][row.credential_id] = CredentialUse(
                credential_id=row.credential_id,
                first_used_at=row.first_used_at,
                last_used_at=row.last_used_at,
                last_address=row.last_address,
                last_user_agent=row.last_user_agent,
            )
    return found


def counts_of(client_id: str, *, since: datetime, span: str = HOUR) -> tuple[UseCount, ...]:
    """The counts of a client, or of :data:`EVERYBODY`, the oldest first.

    :param since: the hour or day in which this moment lies is the first.
    :param span: ``hour`` or ``day``.
    """
    query = (
        select(UseCountRow)
        .where(
            UseCountRow.client_id == client_id,
            UseCountRow.span == span,
            UseCountRow.begins_at >= begin_of(span, since),
        )
        .order_by(UseCountRow.begins_at)
    )
    with read() as session:
        return tuple(
            UseCount(
                begins_at=row.begins_at,
                credential_id=row.credential_id,
                outcome=row.outcome,
                count=row.count,
            )
            for row in session.scalars(query)
        )


def tokens_by_client(*, since: datetime, span: str = HOUR) -> dict[str, int]:
    """How many tokens each client has got since then, by client id; those without are left out."""
    query = (
        select(UseCountRow.client_id, func.sum(UseCountRow.count))
        .where(
            UseCountRow.span == span,
            UseCountRow.begins_at >= begin_of(span, since),
            UseCountRow.outcome == TOKEN,
            UseCountRow.client_id != EVERYBODY,
        )
        .group_by(UseCountRow.client_id)
    )
    with read() as session:
        return {client_id: int(count) for client_id, count in session.execute(query)}


def refusals_by_client(
    *, since: datetime, span: str = HOUR, limit: int = 100
) -> list[tuple[str, str, int]]:
    """Client id, reason and count of what was refused most since then."""
    total = func.sum(UseCountRow.count)
    query = (
        select(UseCountRow.client_id, UseCountRow.outcome, total)
        .where(
            UseCountRow.span == span,
            UseCountRow.begins_at >= begin_of(span, since),
            UseCountRow.outcome.not_in(SERVED),
            UseCountRow.client_id != EVERYBODY,
        )
        .group_by(UseCountRow.client_id, UseCountRow.outcome)
        .order_by(total.desc(), UseCountRow.client_id, UseCountRow.outcome)
        .limit(limit)
    )
    with read() as session:
        return [(client, reason, int(count)) for client, reason, count in session.execute(query)]


def refusals_by_reason(counts: Iterable[UseCount]) -> list[tuple[str, int]]:
    """Each reason for which something was refused and how often, the most frequent first."""
    found: Counter[str] = Counter()
    for count in counts:
        if count.outcome not in SERVED:
            found[count.outcome] += count.count
    return found.most_common()


def begin_of(span: str, moment: datetime) -> datetime:
    """The beginning of the hour or day (UTC) in which a moment lies."""
    moment = moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    return moment if span == HOUR else moment.replace(hour=0)


def _count_rows(batch: Batch) -> list[dict[str, Any]]:
    counts: Counter[tuple[str, str, datetime, str, str]] = Counter()
    for (client_id, credential_id, outcome, hour), count in batch.counts.items():
        begins = datetime.fromtimestamp(hour, UTC)
        for span in (HOUR, DAY):
            begins_at = begin_of(span, begins)
            counts[client_id, span, begins_at, credential_id, outcome] += count
            counts[EVERYBODY, span, begins_at, "", outcome] += count
    names = ("client_id", "span", "begins_at", "credential_id", "outcome")
    return [dict(zip(names, key, strict=True), count=count) for key, count in counts.items()]


def _key_of_count(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return tuple(value for name, value in row.items() if name != "count")


def _use_rows(batch: Batch) -> list[dict[str, Any]]:
    return [
        {
            "client_id": client_id,
            "credential_id": credential_id,
            "first_used_at": use.first_at,
            "last_used_at": use.last_at,
            "last_address": storable(use.address, 64),
            "last_user_agent": storable(use.user_agent, 400),
        }
        for (client_id, credential_id), use in sorted(batch.uses.items())
    ]


def _add_counts(session: Session) -> Any:
    insert = insert_or_update(session)(UseCountRow)
    return insert.on_conflict_do_update(
        index_elements=["client_id", "span", "begins_at", "credential_id", "outcome"],
        set_={"count": UseCountRow.count + insert.excluded.count},
    )


def _note_uses(session: Session) -> Any:
    insert = insert_or_update(session)(CredentialUseRow)
    new = insert.excluded
    # Another worker may have written a later use already.
    is_later = new.last_used_at >= CredentialUseRow.last_used_at
    is_earlier = new.first_used_at < CredentialUseRow.first_used_at
    latest = {
        name: case((is_later, new[name]), else_=getattr(CredentialUseRow, name))
        for name in ("last_used_at", "last_address", "last_user_agent")
    }
    first = case((is_earlier, new.first_used_at), else_=CredentialUseRow.first_used_at)
    return insert.on_conflict_do_update(
        index_elements=["client_id", "credential_id"], set_={"first_used_at": first, **latest}
    )
