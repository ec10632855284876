"""The list of clients: search, filter by state and scope, pages by key.

The state of a client is said twice, as a rule over one client and as a condition of a query; a
test holds the two together.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import and_, func, or_, select, union_all
from sqlalchemy.orm import joinedload, selectinload

from signet.models.client_search import rows_that_contain
from signet.models.clients import ClientDetails, ClientRow, to_details
from signet.models.columns import NEVER
from signet.models.counted import Counted, count_at_most, count_rows, counted
from signet.models.database import read
from signet.models.narrowing import (
    Choice,
    Condition,
    Page,
    choose,
    count_matching,
    matching_of,
    select_page,
    unindexed,
)
from signet.models.scopes import ScopeRow, client_scope

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
_BY_NAME = (ClientRow.folded_name, ClientRow.id)
_BY_USE = (ClientRow.last_used_at, ClientRow.created_at, ClientRow.id)

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


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientPage:
    """Some clients, how many match in all, and the cursors beside them (``None``: no page)."""

    clients: tuple[ClientDetails, ...]
    matching: Counted
    total: Counted
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
    backwards = before is not None and after is None
    order = _BY_USE if wanted.sort.endswith("used") else _BY_NAME
    cursor = before if backwards else after
    page = Page(
        order=order,
        descending=wanted.sort.startswith("-") != backwards,
        limit=limit + 1,
        behind=_place_of(cursor, order) if cursor is not None else None,
    )
    with read() as session:
        conditions = _conditions(wanted, now)
        choice = choose(session, ClientRow.id, conditions)
        # How many there are comes with each row, which costs less than another question.
        query = _rows_of(choice, page).add_columns(count_at_most(select(ClientRow.id)))
        found = session.execute(query).unique().all()
        if found:
            matching, total = matching_of(choice, found[0][1]), counted(found[0][2])
        else:
            matching, total = count_matching(session, choice), count_rows(session, ClientRow.id)
        clients = tuple(to_details(row) for row, *_ in found[:limit])
    more = len(found) > limit
    if backwards:
        clients = clients[::-1]
    has_previous = more if backwards else after is not None
    has_next = True if backwards else more
    return ClientPage(
        clients=clients,
        matching=matching if conditions else total,
        total=total,
        previous=clients[0].client_id if clients and has_previous else None,
        next=clients[-1].client_id if clients and has_next else None,
    )


def every_client(
    wanted: ClientFilter, *, now: datetime, batch: int = _BATCH
) -> Iterator[ClientDetails]:
    """All clients that are wanted, from A to Z; in batches, each its own short transaction."""
    with read() as session:
        choice = choose(session, ClientRow.id, _conditions(wanted, now))
    behind = None
    while True:
        page = Page(_BY_NAME, descending=False, limit=batch, behind=behind)
        with read() as session:
            rows = [row for row, _ in session.execute(_rows_of(choice, page)).unique()]
            clients = [to_details(row) for row in rows]
        yield from clients
        if len(rows) < batch:
            return
        # The values, not the row, which may be gone by then.
        behind = (rows[-1].folded_name, rows[-1].id)


def first_to_end(state: str, *, now: datetime, limit: int) -> tuple[ClientDetails, ...]:
    """Clients of a state that secrets decide, those whose last one ends or has ended first."""
    query = (
        select(ClientRow)
        .where(ClientRow.enabled.is_(True), *_usable_in(state, ClientRow.usable_until, now))
        .order_by(ClientRow.enabled, ClientRow.usable_until, ClientRow.id)
        .options(selectinload(ClientRow.scopes), selectinload(ClientRow.secrets))
    )
    with read() as session:
        return tuple(to_details(row) for row in session.scalars(query.limit(limit)))


def count_clients(wanted: ClientFilter | None = None, *, now: datetime) -> Counted:
    """How many clients there are, or of those that are wanted."""
    with read() as session:
        if wanted is None:
            return count_rows(session, ClientRow.id)
        return count_matching(session, choose(session, ClientRow.id, _conditions(wanted, now)))


def longest_token_lifetime() -> timedelta | None:
    """The longest that a token of any client lives; ``None`` without a client."""
    with read() as session:
        seconds = session.scalar(select(func.max(ClientRow.access_token_lifetime)))
    return timedelta(seconds=seconds) if seconds else None


def _rows_of(choice: Choice, page: Page) -> Any:
    """The clients of a page, with all that is told of them, and how many match beside each."""
    some = select_page(choice, page)
    return (
        select(ClientRow, some.c.count)
        .join(some, some.c.key == ClientRow.id)
        .order_by(*page.sorted_by(page.order))
        .options(selectinload(ClientRow.scopes), joinedload(ClientRow.secrets))
    )


def _place_of(client_id: str, order: tuple[Any, ...]) -> tuple[Any, ...]:
    """Where a client stands in an order; nowhere, if there is none."""
    place = select(*order).where(ClientRow.client_id == client_id).subquery()
    return tuple(select(column).scalar_subquery() for column in place.c)


def _conditions(wanted: ClientFilter, now: datetime) -> list[Condition]:
    conditions = []
    if wanted.search:
        part = wanted.search.casefold()
        is_part = or_(
            ClientRow.folded_name.contains(part, autoescape=True),
            ClientRow.folded_client_id.contains(part, autoescape=True),
        )
        conditions.append(Condition(is_part, rows_that_contain(part)))
    if wanted.state:
        by_use = wanted.sort.endswith("used")
        if wanted.state == IDLE:
            conditions += _is_idle(now, by_use=by_use)
        else:
            conditions += _is_in_state(wanted.state, now, by_use=by_use)
    if wanted.scope:
        number = select(ScopeRow.id).where(ScopeRow.name == wanted.scope).scalar_subquery()
        has_it = select(client_scope.c.client_id).where(client_scope.c.scope_id == number)
        holds = has_it.where(client_scope.c.client_id == ClientRow.id).exists()
        conditions.append(Condition(holds, has_it))
    return conditions


def _is_idle(now: datetime, *, by_use: bool) -> list[Condition]:
    used, created, before = ClientRow.last_used_at, ClientRow.created_at, now - IDLE_AFTER
    was_idle_since = or_(unindexed(used) > NEVER, created < before)
    by_index = union_all(
        select(ClientRow.id).where(used > NEVER, used < before),
        select(ClientRow.id).where(used == NEVER, created < before),
    )
    return [
        Condition(
            and_(unindexed(used) < before, was_idle_since),
            select(by_index.subquery().c.id),
            read_by=and_(used < before, was_idle_since) if by_use else None,
        ),
        Condition(unindexed(ClientRow.enabled).is_(True)),
    ]


def _is_in_state(state: str, now: datetime, *, by_use: bool) -> list[Condition]:
    if state == DISABLED:
        enabled = ClientRow.enabled
        by_index = select(ClientRow.id).where(enabled.is_(False))
        return [Condition(unindexed(enabled).is_(False), by_index)]
    conditions = [
        Condition(
            and_(
                unindexed(ClientRow.enabled).is_(True),
                *_usable_in(state, unindexed(ClientRow.usable_until), now),
            ),
            select(ClientRow.id).where(
                ClientRow.enabled.is_(True), *_usable_in(state, ClientRow.usable_until, now)
            ),
        )
    ]
    if state in (ACTIVE, NEVER_USED):
        used, since = ClientRow.last_used_at, unindexed(ClientRow.last_used_at)
        rule = used > NEVER if state == ACTIVE else used == NEVER
        holds = since > NEVER if state == ACTIVE else since == NEVER
        by_index = select(ClientRow.id).where(rule)
        conditions.append(Condition(holds, by_index, read_by=rule if by_use else None))
    return conditions


def _usable_in(state: str, until: Any, now: datetime) -> list[Any]:
    """What the states say of the end of a client's secrets; see :func:`client_state`."""
    soon = now + EXPIRES_SOON
    return {
        ACTIVE: [until > soon],
        NEVER_USED: [until > soon],
        EXPIRING: [until > now, until <= soon],
        EXPIRED: [until > NEVER, until <= now],
        NO_SECRET: [until == NEVER],
    }[state]
