"""The audit log: who did what to which object, and the feed by which every worker learns of it.

Entries are numbered in the order of their commits (one writer at a time) and each carries the hash
of the one before, so that a changed, missing or inserted entry is found out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Index, Select, String, Text, func, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read, write

#: ``previous_hash`` of the first entry.
FIRST_HASH = "0" * 64
#: Names Signet's lock among a PostgreSQL database's advisory locks.
_ADVISORY_LOCK = 0x5169_6E65_7441_7564
_BATCH = 1_000
#: A worker that has missed more than this drops everything instead of reading on.
LONGEST_FEED = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Who acts, and from where: an admin in a browser, the command line, or Signet itself."""

    name: str
    address: str = ""
    user_agent: str = ""
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditedObject:
    """What an entry is about: its type, its stable identifier and the name that people know."""

    #: ``client``, ``scope``, ``api``, ``key`` or ``admin``.
    type: str
    id: str
    name: str = ""


class AuditEntryRow(Base):
    """One act, written in the transaction of the act; never changed afterwards."""

    __tablename__ = "audit_entry"

    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    at: Mapped[datetime] = mapped_column(UtcDateTime)
    actor: Mapped[str] = mapped_column(String(320))
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(400))
    request_id: Mapped[str] = mapped_column(String(64))
    #: ``<object type>.<verb>``, for example ``client.create``.
    action: Mapped[str] = mapped_column(String(64))
    object_type: Mapped[str] = mapped_column(String(16))
    object_id: Mapped[str] = mapped_column(String(320))
    object_name: Mapped[str] = mapped_column(String(400))
    #: JSON objects of what changed: never a secret, only that it changed.
    before: Mapped[str] = mapped_column(Text)
    after: Mapped[str] = mapped_column(Text)
    previous_hash: Mapped[str] = mapped_column(String(64))
    hash: Mapped[str] = mapped_column(String(64))

    __table_args__ = (
        Index(None, "actor", "number"),
        Index(None, "action", "number"),
        Index(None, "object_type", "object_id", "number"),
        Index(None, "at"),
    )


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


@dataclass(frozen=True, slots=True)
class Change:
    """What a worker needs to know of an entry, to drop what it remembers."""

    number: int
    hash: str
    object_type: str
    object_id: str


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


@contextmanager
def act() -> Iterator[Session]:
    """A writing transaction beside which no other act runs: what it reads holds until its commit.

    So two acts cannot both pass a rule that only one may pass (the last administrator, a taken
    name, an edit's version), and entries are numbered in the order of their commits. Records that
    are no acts (sessions, notes) wait for nobody: they use ``write()``.
    """
    with write() as session:
        # On SQLite a writing transaction holds the one lock from its begin.
        if session.get_bind().dialect.name == "postgresql":
            session.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ADVISORY_LOCK})
        yield session


def append_entry(
    session: Session,
    *,
    actor: Actor,
    action: str,
    object: AuditedObject,
    now: datetime,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
) -> None:
    """Record an act in its own transaction, begun by :func:`act`."""
    session.flush()
    last = session.execute(
        select(AuditEntryRow.number, AuditEntryRow.hash)
        .order_by(AuditEntryRow.number.desc())
        .limit(1)
    ).one_or_none()
    row = AuditEntryRow(
        number=last.number + 1 if last else 1,
        at=now,
        actor=actor.name[:320],
        address=actor.address[:64],
        user_agent=actor.user_agent[:400],
        request_id=actor.request_id[:64],
        action=action,
        object_type=object.type,
        object_id=object.id,
        object_name=object.name,
        before=_canonical(before or {}),
        after=_canonical(after or {}),
        previous_hash=last.hash if last else FIRST_HASH,
    )
    row.hash = _hash(row)
    session.add(row)
    session.flush()


def last_change(session: Session) -> Change | None:
    """The newest entry."""
    return next(
        iter(_changes(session, _feed().order_by(AuditEntryRow.number.desc()).limit(1))), None
    )


def changes_from(session: Session, number: int) -> tuple[Change, ...]:
    """The entry with this number and what came after, at most ``LONGEST_FEED`` and one."""
    query = _feed().where(AuditEntryRow.number >= number).order_by(AuditEntryRow.number)
    return _changes(session, query.limit(LONGEST_FEED + 1))


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
    query = _matching(wanted)
    if newer_than is not None:
        query = query.where(AuditEntryRow.number > newer_than).order_by(AuditEntryRow.number)
    else:
        if older_than is not None:
            query = query.where(AuditEntryRow.number < older_than)
        query = query.order_by(AuditEntryRow.number.desc())
    with read() as session:
        rows = list(session.scalars(query.limit(limit + 1)))
        more = len(rows) > limit
        rows = rows[:limit]
        if newer_than is not None:
            rows.reverse()
        entries = tuple(_to_entry(row) for row in rows)
    if not entries:
        return AuditPage((), None, None)
    has_older = more if newer_than is None else True
    has_newer = more if newer_than is not None else older_than is not None
    return AuditPage(
        entries,
        newer=entries[0].number if has_newer else None,
        older=entries[-1].number if has_older else None,
    )


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
    with read() as session:
        names = session.scalars(
            select(AuditEntryRow.actor).distinct().order_by(AuditEntryRow.actor)
        )
        return tuple(names)


def count_entries(wanted: AuditFilter | None = None) -> int:
    """How many entries the log holds, or of those that are wanted."""
    query = select(func.max(AuditEntryRow.number))
    if wanted is not None:
        query = select(func.count()).select_from(_matching(wanted).subquery())
    with read() as session:
        return session.scalar(query) or 0


def verify_chain() -> ChainReport:
    """Read the whole log: whether every entry is what was written, in order, none missing."""
    count, last_hash = 0, FIRST_HASH
    for row in _all_rows():
        if (row.number, row.previous_hash, row.hash) != (count + 1, last_hash, _hash(row)):
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


def _matching(wanted: AuditFilter) -> Select[AuditEntryRow]:
    query = select(AuditEntryRow)
    if wanted.actor:
        query = query.where(AuditEntryRow.actor == wanted.actor)
    if wanted.action:
        query = query.where(AuditEntryRow.action == wanted.action)
    if wanted.without:
        query = query.where(AuditEntryRow.action.not_in(wanted.without))
    if wanted.object:
        object_type, _, object_id = wanted.object.partition(":")
        query = query.where(
            (AuditEntryRow.object_id == wanted.object)
            | (AuditEntryRow.object_name == wanted.object)
            | ((AuditEntryRow.object_type == object_type) & (AuditEntryRow.object_id == object_id))
        )
    if wanted.since:
        query = query.where(AuditEntryRow.at >= wanted.since)
    if wanted.until:
        query = query.where(AuditEntryRow.at < wanted.until)
    return query


def _feed() -> Select[int, str, str, str]:
    return select(
        AuditEntryRow.number,
        AuditEntryRow.hash,
        AuditEntryRow.object_type,
        AuditEntryRow.object_id,
    )


def _changes(session: Session, query: Select[int, str, str, str]) -> tuple[Change, ...]:
    return tuple(Change(*row) for row in session.execute(query))


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
    )


def _hash(row: AuditEntryRow) -> str:
    facts = [
        row.number,
        row.at.astimezone(UTC).isoformat(timespec="microseconds"),
        row.actor,
        row.address,
        row.user_agent,
        row.request_id,
        row.action,
        row.object_type,
        row.object_id,
        row.object_name,
        row.before,
        row.after,
        row.previous_hash,
    ]
    return hashlib.sha256(_canonical(facts).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
