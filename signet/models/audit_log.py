"""Reading the audit log: pages of it for people, and the check of its chain of hashes."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select

from signet.models.audit import FIRST_HASH, AuditedObject, AuditEntryRow, entry_hash
from signet.models.audit_query import AuditFilter, count_wanted, find_rows
from signet.models.counted import Counted
from signet.models.database import read

_BATCH = 1_000
#: A filter with more to choose from would be of no use.
_MOST_ACTORS = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    """An entry as people and scripts read it."""

    number: int
    at: datetime
    actor: str
    address: str
    user_agent: str
    request_id: str
    action: str
    object: AuditedObject
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    previous_hash: str
    hash: str


@dataclass(frozen=True, slots=True)
class AuditPage:
    """Entries, newest first, and the cursors of the pages beside them (``None``: there is none)."""

    entries: tuple[AuditEntry, ...]
    newer: int | None
    older: int | None


@dataclass(frozen=True, slots=True)
class ChainReport:
    """What checking the hash chain found: how many entries hold, the last hash, the first flaw."""

    count: int
    last_hash: str
    broken_at: int | None = None


def list_entries(
    wanted: AuditFilter,
    *,
    older_than: int | None = None,
    newer_than: int | None = None,
    limit: int = 50,
) -> AuditPage:
    """A page of the log, newest first.

    :param older_than: continue below this number; ``newer_than``: the page just above this one.
    """
    upwards = newer_than is not None
    with read() as session:
        rows = find_rows(
            session,
            wanted,
            behind=newer_than if upwards else older_than,
            descending=not upwards,
            limit=limit + 1,
        )
        entries = tuple(_to_entry(row) for row in rows[:limit])
    more = len(rows) > limit
    if upwards:
        entries = entries[::-1]
    if not entries:
        return AuditPage((), None, None)
    has_older = True if upwards else more
    has_newer = more if upwards else older_than is not None
    return AuditPage(
        entries,
        newer=entries[0].number if has_newer else None,
        older=entries[-1].number if has_older else None,
    )


def list_batch(
    wanted: AuditFilter, *, after: int | None, up_to: int, limit: int
) -> tuple[AuditEntry, ...]:
    """The next entries in the order in which they were written.

    :param after: the number of the last one read (``None``: begin); ``up_to``: read no further.
    """
    with read() as session:
        rows = find_rows(session, wanted, behind=after, descending=False, limit=limit, up_to=up_to)
        return tuple(_to_entry(row) for row in rows)


def last_number() -> int:
    """The number of the newest entry, 0 in an empty log."""
    with read() as session:
        return session.scalar(select(func.max(AuditEntryRow.number))) or 0


def find_entry(number: int) -> AuditEntry | None:
    """The entry with this number."""
    with read() as session:
        row = session.get(AuditEntryRow, number)
        return _to_entry(row) if row else None


def find_neighbours(entry: AuditEntry) -> tuple[int | None, int | None]:
    """The numbers of the entries before and after this one that are about the same object."""
    same = (
        AuditEntryRow.object_type == entry.object.type,
        AuditEntryRow.object_id == entry.object.id,
    )
    number = AuditEntryRow.number
    with read() as session:
        return (
            session.scalar(select(func.max(number)).where(*same, number < entry.number)),
            session.scalar(select(func.min(number)).where(*same, number > entry.number)),
        )


def list_actors() -> tuple[str, ...]:
    """The names that stand in the log, for a filter."""
    # From one name to the next, whatever lies between: each is one step in the index.
    actor = AuditEntryRow.actor
    names = select(func.min(actor).label("name")).cte("names", recursive=True)
    following = select(func.min(actor)).where(actor > names.c.name).scalar_subquery()
    names = names.union_all(select(following).where(names.c.name.is_not(None)))
    with read() as session:
        query = select(names.c.name).where(names.c.name.is_not(None)).limit(_MOST_ACTORS)
        return tuple(session.scalars(query))


def count_entries(wanted: AuditFilter | None = None) -> Counted:
    """How many entries the log holds, or of those that are wanted."""
    if wanted is None:
        # Numbers have no gaps.
        return Counted(last_number())
    with read() as session:
        return count_wanted(session, wanted)


def verify_chain() -> ChainReport:
    """Read the whole log: whether every entry is what was written, in order, none missing."""
    count, last_hash = 0, FIRST_HASH
    for row in _all_rows():
        if (row.number, row.previous_hash, row.hash) != (count + 1, last_hash, entry_hash(row)):
            return ChainReport(count, last_hash, broken_at=row.number)
        count, last_hash = row.number, row.hash
    return ChainReport(count, last_hash)


def _all_rows() -> Iterator[AuditEntryRow]:
    query = select(AuditEntryRow).order_by(AuditEntryRow.number).limit(_BATCH)
    # No lower bound at first: an inserted entry may have a number below 1.
    batch = query
    while True:
        with read() as session:
            rows = list(session.scalars(batch))
        if not rows:
            return
        yield from rows
        batch = query.where(AuditEntryRow.number > rows[-1].number)


def _to_entry(row: AuditEntryRow) -> AuditEntry:
    return AuditEntry(
        number=row.number,
        at=row.at,
        actor=row.actor,
        address=row.address,
        user_agent=row.user_agent,
        request_id=row.request_id,
        action=row.action,
        object=AuditedObject(row.object_type, row.object_id, row.object_name),
        before=json.loads(row.before),
        after=json.loads(row.after),
        previous_hash=row.previous_hash,
        hash=row.hash,
    )
