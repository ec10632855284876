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

from sqlalchemy import Index, Select, String, Text, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import write

#: ``previous_hash`` of the first entry.
FIRST_HASH = "0" * 64
#: Names Signet's lock among a PostgreSQL database's advisory locks.
_ADVISORY_LOCK = 0x5169_6E65_7441_7564
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
        Index(None, "actor", "action", "number"),
        Index(None, "object_id", "number"),
        Index(None, "object_name", "number"),
        Index(None, "at", "number"),
    )


@dataclass(frozen=True, slots=True)
class Change:
    """What a worker needs to know of an entry, to drop what it remembers."""

    number: int
    hash: str
    object_type: str
    object_id: str


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
    row.hash = entry_hash(row)
    session.add(row)
    session.flush()


def append_change(
    session: Session,
    *,
    actor: Actor,
    action: str,
    object: AuditedObject,
    now: datetime,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
) -> bool:
    """Record what an act has changed, and say whether that was anything: else there is no entry.

    :param before: all facts of the object; ``after``: the same as they are now.
    """
    changed = {name for name in after if before[name] != after[name]}
    if changed:
        append_entry(
            session,
            actor=actor,
            action=action,
            object=object,
            now=now,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
    return bool(changed)


def last_change(session: Session) -> Change | None:
    """The newest entry."""
    return next(
        iter(_changes(session, _feed().order_by(AuditEntryRow.number.desc()).limit(1))), None
    )


def changes_from(session: Session, number: int) -> tuple[Change, ...]:
    """The entry with this number and what came after, at most ``LONGEST_FEED`` and one."""
    query = _feed().where(AuditEntryRow.number >= number).order_by(AuditEntryRow.number)
    return _changes(session, query.limit(LONGEST_FEED + 1))


def _feed() -> Select[int, str, str, str]:
    return select(
        AuditEntryRow.number,
        AuditEntryRow.hash,
        AuditEntryRow.object_type,
        AuditEntryRow.object_id,
    )


def _changes(session: Session, query: Select[int, str, str, str]) -> tuple[Change, ...]:
    return tuple(Change(*row) for row in session.execute(query))


def entry_hash(row: AuditEntryRow) -> str:
    """What the entry's ``hash`` must be: of all that it says and of the hash before it."""
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
