"""Which entries of the audit log are wanted, and how they are found among very many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import and_, literal, or_, select, union, union_all
from sqlalchemy.orm import Session

from signet.models.audit import AuditEntryRow
from signet.models.counted import Counted
from signet.models.narrowing import (
    Choice,
    Condition,
    Page,
    choose,
    count_matching,
    select_page,
    unindexed,
)

_NUMBER = AuditEntryRow.number


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditFilter:
    """Which entries are wanted; an empty member wants all."""

    actor: str = ""
    action: str = ""
    #: Actions that are not wanted.
    without: tuple[str, ...] = ()
    #: Identifier or name of the object, or its type and identifier (``client:billing-export``).
    object: str = ""
    since: datetime | None = None
    until: datetime | None = None


def find_rows(
    session: Session,
    wanted: AuditFilter,
    *,
    behind: int | None,
    descending: bool,
    limit: int,
    up_to: int | None = None,
) -> Sequence[AuditEntryRow]:
    """A page of entries by number; if times are wanted, by time.

    :param behind: number of the entry behind which the page begins; ``up_to``: of the last entry
        that counts.
    """
    choice = _choose(session, wanted, up_to)
    page = _page(wanted, behind, descending, limit)
    if choice.gathered is None and wanted.object and not _has_time(wanted):
        keys = _read_by_object(choice, wanted.object, page)
    else:
        keys = select_page(choice, page)
    query = select(AuditEntryRow).join(keys, keys.c.key == _NUMBER)
    return session.scalars(query.order_by(*page.sorted_by(page.order))).all()


def count_wanted(session: Session, wanted: AuditFilter) -> Counted:
    """How many entries are wanted."""
    return count_matching(session, _choose(session, wanted))


def _choose(session: Session, wanted: AuditFilter, up_to: int | None = None) -> Choice:
    at = _within(wanted, AuditEntryRow.at)
    acts = _acts(wanted, AuditEntryRow.actor, AuditEntryRow.action)
    conditions = _conditions(wanted, at, acts)
    if up_to is not None:
        conditions.append(Condition(unindexed(_NUMBER) <= up_to))
    # Times have an order of their own; what somebody did is read by number.
    return choose(session, _NUMBER, conditions, tuple(at or ([] if wanted.object else acts)))


def _conditions(wanted: AuditFilter, at: list[Any], acts: list[Any]) -> list[Condition]:
    conditions = []
    if acts:
        unindexed_acts = _acts(
            wanted, unindexed(AuditEntryRow.actor), unindexed(AuditEntryRow.action)
        )
        conditions.append(Condition(and_(*unindexed_acts), select(_NUMBER).where(*acts)))
    if wanted.without:
        conditions.append(Condition(unindexed(AuditEntryRow.action).not_in(wanted.without)))
    if wanted.object:
        by_index = (
            select(_NUMBER).where(way)
            for way in _ways_to(wanted.object, AuditEntryRow.object_id, AuditEntryRow.object_name)
        )
        ways = _ways_to(
            wanted.object,
            unindexed(AuditEntryRow.object_id),
            unindexed(AuditEntryRow.object_name),
        )
        found = select(union_all(*by_index).subquery().c.number)
        conditions.append(Condition(or_(*ways), found))
    if at:
        unindexed_at = _within(wanted, unindexed(AuditEntryRow.at))
        conditions.append(Condition(and_(*unindexed_at), select(_NUMBER).where(*at)))
    return conditions


def _acts(wanted: AuditFilter, actor: Any, action: Any) -> list[Any]:
    pairs = ((actor, wanted.actor), (action, wanted.action))
    return [column == value for column, value in pairs if value]


def _within(wanted: AuditFilter, at: Any) -> list[Any]:
    since = [at >= wanted.since] if wanted.since else []
    return since + ([at < wanted.until] if wanted.until else [])


def _ways_to(text: str, object_id: Any, object_name: Any) -> list[Any]:
    """The ways in which a text may mean the object of an entry: each has an index."""
    kind, _, identifier = text.partition(":")
    return [
        object_id == text,
        object_name == text,
        and_(object_id == identifier, AuditEntryRow.object_type == kind),
    ]


def _read_by_object(choice: Choice, text: str, page: Page) -> Any:
    """A page of an object with very many entries: the first of each way to it, then of all."""
    ways = _ways_to(text, AuditEntryRow.object_id, AuditEntryRow.object_name)
    some = [select_page(replace(choice, read_by=(way,), matching=Counted(0)), page) for way in ways]
    keys = union(*(select(part.c.key) for part in some)).subquery()
    return select(keys).order_by(*page.sorted_by([keys.c.key])).limit(page.limit).subquery()


def _page(wanted: AuditFilter, behind: int | None, descending: bool, limit: int) -> Page:
    order: tuple[Any, ...] = (_NUMBER,)
    place: tuple[Any, ...] = (behind,)
    if _has_time(wanted):
        order = (AuditEntryRow.at, _NUMBER)
        place = (
            select(AuditEntryRow.at).where(literal(behind) == _NUMBER).scalar_subquery(),
            behind,
        )
    return Page(order, descending, limit, None if behind is None else place)


def _has_time(wanted: AuditFilter) -> bool:
    return wanted.since is not None or wanted.until is not None
