"""Which entries of the audit log are wanted, and how they are found among very many."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, literal, or_, select, union, union_all
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
    choice = choose(session, _NUMBER, _conditions(wanted, up_to))
    page = _page(wanted, behind, descending, limit)
    if choice.gathered is None and wanted.object and not _has_time(wanted):
        keys = _read_by_object(wanted, up_to, page)
    else:
        keys = select_page(choice, page)
    query = select(AuditEntryRow).join(keys, keys.c.key == _NUMBER)
    return session.scalars(query.order_by(*page.sorted_by(page.order))).all()


def count_wanted(session: Session, wanted: AuditFilter) -> Counted:
    """How many entries are wanted."""
    return count_matching(session, choose(session, _NUMBER, _conditions(wanted)))


def _conditions(wanted: AuditFilter, up_to: int | None = None) -> list[Condition]:
    conditions = []
    if wanted.actor or wanted.action:
        conditions.append(_is_act(wanted))
    if wanted.object:
        conditions.append(_is_about(wanted.object))
    if _has_time(wanted):
        by_index = _within(wanted, AuditEntryRow.at)
        conditions.append(
            Condition(
                _within(wanted, unindexed(AuditEntryRow.at)),
                select(_NUMBER).where(by_index),
                read_by=by_index,
            )
        )
    if wanted.without:
        conditions.append(Condition(unindexed(AuditEntryRow.action).not_in(wanted.without)))
    if up_to is not None:
        conditions.append(Condition(unindexed(_NUMBER) <= up_to, read_by=up_to >= _NUMBER))
    return conditions


def _is_act(wanted: AuditFilter) -> Condition:
    def rule(actor: Any, action: Any) -> ColumnElement[bool]:
        pairs = ((actor, wanted.actor), (action, wanted.action))
        return and_(*(column == value for column, value in pairs if value))

    by_index = rule(AuditEntryRow.actor, AuditEntryRow.action)
    has_other_order = wanted.object or _has_time(wanted)
    return Condition(
        rule(unindexed(AuditEntryRow.actor), unindexed(AuditEntryRow.action)),
        select(_NUMBER).where(by_index),
        read_by=None if has_other_order else by_index,
    )


def _is_about(text: str) -> Condition:
    by_index = _ways_to(text, AuditEntryRow.object_id, AuditEntryRow.object_name)
    found = union_all(*(select(_NUMBER).where(way) for way in by_index)).subquery()
    ways = _ways_to(text, unindexed(AuditEntryRow.object_id), unindexed(AuditEntryRow.object_name))
    return Condition(or_(*ways), select(found.c.number))


def _ways_to(text: str, object_id: Any, object_name: Any) -> list[ColumnElement[bool]]:
    """The ways in which a text may mean the object of an entry: each has an index."""
    kind, _, identifier = text.partition(":")
    return [
        object_id == text,
        object_name == text,
        and_(object_id == identifier, AuditEntryRow.object_type == kind),
    ]


def _within(wanted: AuditFilter, at: Any) -> ColumnElement[bool]:
    since = [at >= wanted.since] if wanted.since else []
    return and_(*since, *([at < wanted.until] if wanted.until else []))


def _read_by_object(wanted: AuditFilter, up_to: int | None, page: Page) -> Any:
    """A page of an object with very many entries: the first of each way to it, then of all."""
    acts = [_is_act(wanted)] if wanted.actor or wanted.action else []
    others = _conditions(replace(wanted, actor="", action="", object=""), up_to)
    ways = _ways_to(wanted.object, AuditEntryRow.object_id, AuditEntryRow.object_name)
    some = [
        select_page(Choice(_NUMBER, (*acts, *others, Condition(way)), None, 0, Counted(0)), page)
        for way in ways
    ]
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
