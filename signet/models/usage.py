"""How credentials are used: counts by hour and day, and the last use of each.

Written by ``usage_batches.py`` from beside the token path. What is kept twice (by hour for 30 days,
by day for 13 months, and the sum over all clients) is written at once, so that no page has to add
up much.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sqlalchemy import (
    BigInteger,
    CheckConstraint,
    Index,
    String,
    delete,
    false,
    func,
    select,
    text,
)
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read

HOUR, DAY = "hour", "day"
KEPT: Mapping[str, timedelta] = {HOUR: timedelta(days=30), DAY: timedelta(days=396)}
#: The sum over all clients; no client id and no identifier begins with a space.
EVERYBODY = " everybody"

TOKEN, INTROSPECTION, REVOCATION = "token", "introspection", "revocation"
#: Outcomes of requests that were served; every other one is the reason of a refusal.
SERVED = (TOKEN, INTROSPECTION, REVOCATION)

#: A client with so many tokens in an hour is found without looking at the others.
BUSY_FROM = 60

#: In one statement: an engine takes only so many parameters.
_MOST_IDS = 1_000
#: Which counts are of refusals, as their index says it.
_OF_REFUSALS = text("credential_id = ''")


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

    __table_args__ = (Index(None, "first_used_at"),)


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
    #: Whether these are ``BUSY_FROM`` tokens of one client in an hour, or more.
    is_busy: Mapped[bool] = mapped_column(default=False, server_default=false())

    __table_args__ = (
        CheckConstraint("span IN ('hour', 'day')", name="span"),
        Index(None, "span", "begins_at"),
        Index(
            "ix_use_count_busy",
            "begins_at",
            "client_id",
            postgresql_where=text("is_busy"),
            sqlite_where=text("is_busy = 1"),
        ),
        Index(
            "ix_use_count_refused",
            "span",
            "begins_at",
            postgresql_where=_OF_REFUSALS,
            sqlite_where=_OF_REFUSALS,
        ),
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
            _OF_REFUSALS,
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
