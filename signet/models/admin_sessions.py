"""Sessions of signed-in admins: records on the server, so that they can be ended.

Records, not acts: own short transactions and no audit entry. The id is kept as a digest, so that
a copy of the database signs nobody in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import ForeignKey, String, delete, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.admins import AdminRow
from signet.models.columns import UtcDateTime
from signet.models.database import DatabaseUnavailableError, read, write

#: ``last_seen_at`` is written at most this often.
SEEN_EVERY = timedelta(minutes=1)
#: Seconds: reading pages must not wait long for whoever keeps the database locked.
_LONGEST_NOTE = 0.5
#: Hexadecimal digits of the digest that name a session in a list.
_KEY_LENGTH = 16


class AdminSessionRow(Base):
    """One signed-in browser."""

    __tablename__ = "admin_session"

    #: SHA-256 of the id in the cookie.
    id_digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey(AdminRow.id, ondelete="CASCADE"), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_seen_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    address: Mapped[str] = mapped_column(String(64))
    user_agent: Mapped[str] = mapped_column(String(400))
    #: Which second factor was proved: ``app``, ``passkey`` or ``recovery``; empty: none yet.
    second_factor: Mapped[str] = mapped_column(String(16), default="", server_default="")
    #: When the admin last proved to be who they are; ``None``: not since the password.
    confirmed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long a session lives without a request, and how long in any case."""

    idle: timedelta
    longest: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSession:
    """A live session and whose it is."""

    session_id: str
    admin_name: str
    role: str
    created_at: datetime
    last_seen_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionDetails:
    """A session as a list of them shows it."""

    #: What :func:`session_key` gives for its id.
    key: str
    created_at: datetime
    last_seen_at: datetime
    address: str
    user_agent: str


def open_session(
    session: Session, admin: AdminRow, *, address: str, user_agent: str, now: datetime
) -> str:
    """A new session in the transaction that signs an admin in; returns its id, 256 random bits."""
    session_id = secrets.token_urlsafe(32)
    session.add(
        AdminSessionRow(
            id_digest=_digest(session_id),
            admin_id=admin.id,
            created_at=now,
            last_seen_at=now,
            address=address[:64],
            user_agent=user_agent[:400],
        )
    )
    return session_id


def find_session(session_id: str, *, limits: SessionLimits, now: datetime) -> AdminSession | None:
    """The session with this id if it still lives and its admin may sign in."""
    query = (
        select(AdminSessionRow, AdminRow)
        .join(AdminRow, AdminRow.id == AdminSessionRow.admin_id)
        .where(
            AdminSessionRow.id_digest == _digest(session_id),
            AdminSessionRow.last_seen_at > now - limits.idle,
            AdminSessionRow.created_at > now - limits.longest,
            AdminRow.enabled,
        )
    )
    with read() as session:
        found = session.execute(query).one_or_none()
        if found is None:
            return None
        row, admin = found
        return AdminSession(
            session_id=session_id,
            admin_name=admin.name,
            role=admin.role,
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
        )


def list_sessions(
    admin_name: str, *, limits: SessionLimits, now: datetime
) -> tuple[SessionDetails, ...]:
    """The live sessions of an admin, the one that was used last first."""
    query = (
        select(AdminSessionRow)
        .join(AdminRow, AdminRow.id == AdminSessionRow.admin_id)
        .where(
            AdminRow.folded_name == admin_name.casefold(),
            AdminSessionRow.last_seen_at > now - limits.idle,
            AdminSessionRow.created_at > now - limits.longest,
        )
        .order_by(AdminSessionRow.last_seen_at.desc(), AdminSessionRow.id_digest)
    )
    with read() as session:
        return tuple(
            SessionDetails(
                key=row.id_digest[:_KEY_LENGTH],
                created_at=row.created_at,
                last_seen_at=row.last_seen_at,
                address=row.address,
                user_agent=row.user_agent,
            )
            for row in session.scalars(query)
        )


def session_key(session_id: str) -> str:
    """By which a session is told from the others in a list; it signs nobody in."""
    return _digest(session_id)[:_KEY_LENGTH]


def note_seen(found: AdminSession, *, now: datetime) -> None:
    """Put off the idle end of a session; a failure is ignored, it costs at most a sign-in."""
    if now - found.last_seen_at < SEEN_EVERY:
        return
    try:
        with write(at_most=_LONGEST_NOTE) as session:
            session.execute(
                update(AdminSessionRow)
                .where(AdminSessionRow.id_digest == _digest(found.session_id))
                .values(last_seen_at=now)
            )
    except DatabaseUnavailableError:
        return


def end_session(session: Session, session_id: str) -> None:
    """End one session in an operation's transaction."""
    session.execute(delete(AdminSessionRow).where(AdminSessionRow.id_digest == _digest(session_id)))


def end_sessions_of(session: Session, admin: AdminRow) -> int:
    """End all sessions of an admin in an operation's transaction; returns how many there were."""
    ended = delete(AdminSessionRow).where(AdminSessionRow.admin_id == admin.id)
    return len(session.scalars(ended.returning(AdminSessionRow.id_digest)).all())


def prune_sessions(limits: SessionLimits, *, now: datetime) -> None:
    """Forget sessions that have ended by themselves."""
    with write() as session:
        session.execute(
            delete(AdminSessionRow).where(
                (AdminSessionRow.last_seen_at <= now - limits.idle)
                | (AdminSessionRow.created_at <= now - limits.longest)
            )
        )


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
