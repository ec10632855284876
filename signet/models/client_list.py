"""The list of clients: search, filter by state and scope, pages by key.

The state of a client is said twice, as a rule over one client and as a condition of a query; a
test holds the two together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    exists,
    func,
    literal,
    not_,
    or_,
    select,
    tuple_,
)
from sqlalchemy.orm import selectinload

from signet.models.clients import ClientDetails, ClientRow, ClientSecretRow, to_details
from signet.models.columns import UtcDateTime
from signet.models.database import read
from signet.models.scopes import ScopeRow
from signet.oauth.client import CLIENT_SECRET_BASIC

#: A secret with less than this left is worth a warning.
EXPIRES_SOON = timedelta(days=30)
#: A client that has asked for no token in so long may not be needed any more.
IDLE_AFTER = timedelta(days=90)

ACTIVE, NEVER_USED, EXPIRING, EXPIRED, NO_SECRET, DISABLED = (
    "active",
    "never-used",
    "expiring",
    "expired",
    "no-secret",
    "disabled",
)
#: A client is in exactly one of these.
STATES = (ACTIVE, NEVER_USED, EXPIRING, EXPIRED, NO_SECRET, DISABLED)
#: No state, but worth looking for: enabled, and not used in ``IDLE_AFTER``.
IDLE = "idle"

#: Orders of the list: by name, or by last use with those never used first; each also backwards.
SORTS = ("name", "-name", "used", "-used")
_NEVER = datetime(1970, 1, 1, tzinfo=UTC)

PAGE_SIZE = 25
_BATCH = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFilter:
    """Which clients are wanted, in which order; an empty member wants all."""

    #: Part of the name or the client id, by no case.
    search: str = ""
    #: One of ``STATES``, or ``IDLE``.
    state: str = ""
    #: Name of a scope.
    scope: str = ""
    #: One of ``SORTS``.
    sort: str = "name"

    @property
    def narrows(self) -> bool:
        """Whether not all clients are wanted."""
        return bool(self.search or self.state or self.scope)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPage:
    """Some clients, how many match in all, and the cursors beside them (``None``: no page)."""

    clients: tuple[ClientDetails, ...]
    matching: int
    total: int
    previous: str | None
    next: str | None


def client_state(client: ClientDetails, now: datetime) -> str:
    """The one of ``STATES`` that an operator should know first."""
    if not client.enabled:
        return DISABLED
    if client.uses_secrets:
        live = client.live_secrets(now)
        if not live:
            has_expired = any(secret.state(now) == "expired" for secret in client.secrets)
            return EXPIRED if has_expired else NO_SECRET
        if all(secret.expires_at and secret.expires_at <= now + EXPIRES_SOON for secret in live):
            return EXPIRING
    return NEVER_USED if client.last_used_at is None else ACTIVE


def list_clients(
    wanted: ClientFilter,
    *,
    now: datetime,
    after: str | None = None,
    before: str | None = None,
    limit: int = PAGE_SIZE,
) -> ClientPage:
    """A page of clients.

    :param after: client id to continue behind; ``before``: to show what lies in front of it.
    """
    with read() as session:
        matching = _matching(wanted, now)
        counts = _counts(wanted, matching)
        query, backwards = _from_cursor(matching, wanted, after, before)
        query = query.options(selectinload(ClientRow.scopes), selectinload(ClientRow.secrets))
        # With each row, which costs less than another question.
        found = session.execute(query.add_columns(*counts).limit(limit + 1)).all()
        rows = [row for row, *_ in found]
        total, count = found[0][1:] if found else session.execute(select(*counts)).one()
        more = len(rows) > limit
        rows = rows[:limit]
        if backwards:
            rows.reverse()
        clients = tuple(to_details(row) for row in rows)
    has_previous = more if backwards else after is not None
    has_next = True if backwards else more
    return ClientPage(
        clients=clients,
        matching=count,
        total=total,
        previous=clients[0].client_id if clients and has_previous else None,
        next=clients[-1].client_id if clients and has_next else None,
    )


def every_client(
    wanted: ClientFilter, *, now: datetime, batch: int = _BATCH
) -> Iterator[ClientDetails]:
    """All clients that are wanted, from A to Z; in batches, each its own short transaction."""
    columns = (ClientRow.folded_name, ClientRow.id)
    query = _matching(wanted, now).order_by(*columns).limit(batch)
    query = query.options(selectinload(ClientRow.scopes), selectinload(ClientRow.secrets))
    rows: list[ClientRow] = []
    while True:
        # Behind the values of the last row, which may be gone by now.
        behind = [tuple_(*columns) > (rows[-1].folded_name, rows[-1].id)] if rows else []
        with read() as session:
            rows = list(session.scalars(query.where(*behind)))
            clients = [to_details(row) for row in rows]
        yield from clients
        if len(rows) < batch:
            return


def count_clients_by_state(now: datetime) -> dict[str, int]:
    """How many clients are in each of ``STATES``."""
    # One look at each client; a count of each state would look at all of them again and again.
    state_of = case(*((_is_in_state(state, now), state) for state in STATES))
    each = select(state_of.label("state")).select_from(ClientRow).subquery()
    with read() as session:
        found = session.execute(select(each.c.state, func.count()).group_by(each.c.state))
        return dict.fromkeys(STATES, 0) | dict(found.all())


def longest_token_lifetime() -> timedelta | None:
    """The longest that a token of any client lives; ``None`` without a client."""
    with read() as session:
        seconds = session.scalar(select(func.max(ClientRow.access_token_lifetime)))
    return timedelta(seconds=seconds) if seconds else None


def _counts(wanted: ClientFilter, matching: Select[ClientRow]) -> tuple[Any, Any]:
    """How many clients there are, and how many of them match."""
    every = select(func.count()).select_from(ClientRow).scalar_subquery()
    if not wanted.narrows:
        return every, every
    ids = matching.with_only_columns(ClientRow.id).subquery()
    return every, select(func.count()).select_from(ids).scalar_subquery()


def _matching(wanted: ClientFilter, now: datetime) -> Select[ClientRow]:
    query = select(ClientRow)
    if wanted.search:
        part = wanted.search.casefold()
        query = query.where(
            or_(
                ClientRow.folded_name.contains(part, autoescape=True),
                ClientRow.folded_client_id.contains(part, autoescape=True),
            )
        )
    if wanted.state:
        is_wanted = _is_idle(now) if wanted.state == IDLE else _is_in_state(wanted.state, now)
        query = query.where(is_wanted)
    if wanted.scope:
        query = query.where(ClientRow.scopes.any(ScopeRow.name == wanted.scope))
    return query


def _from_cursor(
    query: Select[ClientRow], wanted: ClientFilter, after: str | None, before: str | None
) -> tuple[Select[ClientRow], bool]:
    backwards = before is not None and after is None
    descending = wanted.sort.startswith("-") != backwards
    columns: tuple[Any, ...] = (ClientRow.folded_name, ClientRow.id)
    if wanted.sort.endswith("used"):
        columns = (_last_use(), ClientRow.id)
    cursor = before if backwards else after
    if cursor is not None:
        at = (
            select(*(column.label(f"at_{n}") for n, column in enumerate(columns)))
            .where(ClientRow.client_id == cursor)
            .subquery()
        )
        here = tuple_(*(select(column).scalar_subquery() for column in at.c))
        position = tuple_(*columns)
        query = query.where(position < here if descending else position > here)
    return (
        query.order_by(*(column.desc() if descending else column.asc() for column in columns)),
        backwards,
    )


def _last_use() -> ColumnElement[datetime]:
    return func.coalesce(ClientRow.last_used_at, literal(_NEVER, UtcDateTime()))


def _is_idle(now: datetime) -> ColumnElement[bool]:
    since = func.coalesce(ClientRow.last_used_at, ClientRow.created_at)
    return and_(ClientRow.enabled.is_(True), since < now - IDLE_AFTER)


def _is_in_state(state: str, now: datetime) -> ColumnElement[bool]:
    lives = _has_secret(_lives(now))
    expired = _has_secret(
        and_(ClientSecretRow.revoked_at.is_(None), ClientSecretRow.expires_at <= now)
    )
    lasts = _has_secret(
        and_(
            _lives(now),
            or_(
                ClientSecretRow.expires_at.is_(None),
                ClientSecretRow.expires_at > now + EXPIRES_SOON,
            ),
        )
    )
    used = ClientRow.last_used_at.is_not(None)
    uses_secrets = ClientRow.token_endpoint_auth_method == CLIENT_SECRET_BASIC
    conditions: dict[str, ColumnElement[bool]] = {
        ACTIVE: and_(or_(not_(uses_secrets), lasts), used),
        NEVER_USED: and_(or_(not_(uses_secrets), lasts), not_(used)),
        EXPIRING: and_(uses_secrets, lives, not_(lasts)),
        EXPIRED: and_(uses_secrets, not_(lives), expired),
        NO_SECRET: and_(uses_secrets, not_(lives), not_(expired)),
    }
    if state == DISABLED:
        return ClientRow.enabled.is_(False)
    return and_(ClientRow.enabled.is_(True), conditions[state])


def _lives(now: datetime) -> ColumnElement[bool]:
    return and_(
        ClientSecretRow.revoked_at.is_(None),
        or_(ClientSecretRow.expires_at.is_(None), ClientSecretRow.expires_at > now),
    )


def _has_secret(condition: ColumnElement[bool]) -> ColumnElement[bool]:
    return exists().where(ClientSecretRow.client_row_id == ClientRow.id, condition)
