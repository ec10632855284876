"""How the credentials of one client or API are used: last by whom, how often lately."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import case, func, select

from signet.models.database import read
from signet.models.usage import (
    DAY,
    HOUR,
    SERVED,
    TOKEN,
    CredentialUse,
    CredentialUseRow,
    UseCountRow,
    begin_of,
    load_uses,
)

WEEK = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class CredentialActivity:
    """How one credential is used."""

    #: ``None``: it was never used.
    use: CredentialUse | None = None
    #: How often in the last 7 days, and since midnight (UTC).
    week: int = 0
    today: int = 0


_NONE = CredentialActivity()


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnerActivity:
    """How the credentials of a client or API are used, those that it has no more included."""

    #: By credential id.
    credentials: Mapping[str, CredentialActivity] = field(default_factory=dict)
    #: The first use of all that is known, of anybody; ``None``: none was ever recorded.
    counted_since: datetime | None = None

    def of(self, credential_id: str) -> CredentialActivity:
        """How this credential is used."""
        return self.credentials.get(credential_id, _NONE)

    def last_use(self, among: Collection[str] | None = None) -> CredentialUse | None:
        """The latest use of all credentials, or of these."""
        uses = (
            activity.use
            for credential_id, activity in self.credentials.items()
            if activity.use is not None and (among is None or credential_id in among)
        )
        return max(uses, key=lambda use: use.last_used_at, default=None)


def activity_of(owner_id: str, *, now: datetime) -> OwnerActivity:
    """How the credentials of a client, or of an API by its identifier, are used."""
    today = begin_of(DAY, now)
    counts = (
        select(
            UseCountRow.credential_id,
            func.sum(UseCountRow.count),
            func.sum(case((UseCountRow.begins_at >= today, UseCountRow.count), else_=0)),
        )
        .where(
            UseCountRow.client_id == owner_id,
            UseCountRow.span == HOUR,
            UseCountRow.begins_at >= begin_of(HOUR, now - WEEK),
            UseCountRow.outcome.in_(SERVED),
        )
        .group_by(UseCountRow.credential_id)
    )
    with read() as session:
        uses = load_uses(session, [owner_id])[owner_id]
        lately = {row[0]: (int(row[1]), int(row[2])) for row in session.execute(counts)}
        counted_since = session.scalar(select(func.min(CredentialUseRow.first_used_at)))
    return OwnerActivity(
        credentials={
            credential_id: CredentialActivity(
                use=uses.get(credential_id),
                week=lately.get(credential_id, (0, 0))[0],
                today=lately.get(credential_id, (0, 0))[1],
            )
            for credential_id in {*uses, *lately}
        },
        counted_since=counted_since,
    )


def has_had_tokens(client_id: str, *, since: datetime) -> bool:
    """Whether a client has got a token since the day in which this moment lies."""
    query = select(UseCountRow.count).where(
        UseCountRow.client_id == client_id,
        UseCountRow.span == DAY,
        UseCountRow.begins_at >= begin_of(DAY, since),
        UseCountRow.outcome == TOKEN,
    )
    with read() as session:
        return session.scalars(query.limit(1)).first() is not None


def tokens_of(client_ids: Collection[str], *, since: datetime) -> dict[str, int]:
    """How many tokens each of these clients has got since the hour of this moment."""
    return _outcomes_of(client_ids, TOKEN, span=HOUR, since=since)


def refusals_of(client_ids: Collection[str], reason: str, *, since: datetime) -> dict[str, int]:
    """How often each of these clients was refused for a reason since the day of a moment."""
    return _outcomes_of(client_ids, reason, span=DAY, since=since)


def _outcomes_of(
    client_ids: Collection[str], outcome: str, *, span: str, since: datetime
) -> dict[str, int]:
    query = (
        select(UseCountRow.client_id, func.sum(UseCountRow.count))
        .where(
            UseCountRow.client_id.in_(client_ids),
            UseCountRow.span == span,
            UseCountRow.begins_at >= begin_of(span, since),
            UseCountRow.outcome == outcome,
        )
        .group_by(UseCountRow.client_id)
    )
    with read() as session:
        return {client_id: int(count) for client_id, count in session.execute(query)}
