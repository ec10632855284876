"""Sessions of signed-in admins: records on the server, so that they can be ended.

Records, not acts: own short transactions and no audit entry. The id is kept as a digest, so that
a copy of the database signs nobody in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum

from sqlalchemy import ColumnElement, ForeignKey, String, and_, delete, func, or_, select, update
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.admins import AdminRow
from signet.models.columns import UtcDateTime
from signet.models.database import DatabaseUnavailableError, read, write
from signet.models.second_factors import has_passkey, has_saved_codes, has_totp

#: ``last_seen_at`` is written at most this often.
SEEN_EVERY = timedelta(minutes=1)
#: Seconds: reading pages must not wait long for whoever keeps the database locked.
_LONGEST_NOTE = 0.5
#: Hexadecimal digits of the digest that name a session in a list.
_KEY_LENGTH = 16


class SessionEndedError(Exception):
    """The session was ended while something was done in it."""


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


class Stage(Enum):
    """How far a session is on the way in."""

    #: The password was right; the second factor is asked for.
    SECOND_STEP = "second step"
    #: There is no second factor yet: one has to be set up.
    ENROLMENT = "enrolment"
    #: There is one, but no recovery codes that are known to be saved.
    RECOVERY_CODES = "recovery codes"
    #: Signed in.
    COMPLETE = "complete"


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminSession:
    """A live session and whose it is."""

    session_id: str
    admin_name: str
    role: str
    stage: Stage
    created_at: datetime
    last_seen_at: datetime
    #: When the admin last proved to be who they are.
    confirmed_at: datetime | None


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
    session: Session,
    admin: AdminRow,
    *,
    address: str,
    user_agent: str,
    now: datetime,
    second_factor: str = "",
) -> str:
    """A new session in the transaction that signs an admin in; returns its id, 256 random bits.

    :param second_factor: the one that was proved, if the session begins with it.
    """
    session_id = secrets.token_urlsafe(32)
    session.add(
        AdminSessionRow(
            id_digest=_digest(session_id),
            admin_id=admin.id,
            created_at=now,
            last_seen_at=now,
            address=address[:64],
            user_agent=user_agent[:400],
            second_factor=second_factor,
            confirmed_at=now if second_factor else None,
        )
    )
    return session_id


def renew_session(
    session: Session, session_id: str, *, second_factor: str | None = None, now: datetime
) -> str:
    """Give a session another id, as confirmed at this moment; returns the id.

    :param second_factor: which one was proved; ``None``: as before.
    """
    row = _get_row(session, session_id)
    new_id = secrets.token_urlsafe(32)
    row.id_digest = _digest(new_id)
    row.confirmed_at = now
    if second_factor is not None:
        row.second_factor = second_factor
    return new_id


def confirm_session(session: Session, session_id: str, *, now: datetime) -> None:
    """Note that the admin has just proved to be who they are."""
    _get_row(session, session_id).confirmed_at = now


def get_session_admin(session: Session, session_id: str) -> AdminRow:
    """The admin whose session this is, for an operation's transaction.

    :raises SessionEndedError: if it has ended meanwhile.
    """
    admin = session.get(AdminRow, _get_row(session, session_id).admin_id)
    if admin is None or not admin.enabled:
        raise SessionEndedError
    return admin


def is_past_second_step(session: Session, session_id: str) -> bool:
    """Whether a second factor was proved in the session.

    :raises SessionEndedError: if it has ended meanwhile.
    """
    return _get_row(session, session_id).second_factor != ""


def find_session(session_id: str, *, limits: SessionLimits, now: datetime) -> AdminSession | None:
    """The session with this id if it still lives and its admin may sign in."""
    query = (
        select(
            AdminSessionRow,
            AdminRow,
            or_(has_totp(AdminRow.id), has_passkey(AdminRow.id)),
            has_saved_codes(AdminRow.id),
        )
        .join(AdminRow, AdminRow.id == AdminSessionRow.admin_id)
        .where(
            AdminSessionRow.id_digest == _digest(session_id), _lives(limits, now), AdminRow.enabled
        )
    )
    with read() as session:
        found = session.execute(query).one_or_none()
        if found is None:
            return None
        row, admin, has_factor, has_codes = found
        return AdminSession(
            session_id=session_id,
            admin_name=admin.name,
            role=admin.role,
            stage=_stage(row, has_factor=has_factor, has_codes=has_codes),
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            confirmed_at=row.confirmed_at,
        )


def list_sessions(
    admin_name: str, *, limits: SessionLimits, now: datetime
) -> tuple[SessionDetails, ...]:
    """The live sessions of an admin, the one that was used last first."""
    query = (
        select(AdminSessionRow)
        .join(AdminRow, AdminRow.id == AdminSessionRow.admin_id)
        .where(AdminRow.folded_name == admin_name.casefold(), _lives(limits, now))
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


def end_session_by_key(session: Session, admin: AdminRow, key: str) -> bool:
    """End one session of an admin in an operation's transaction and say whether it was there."""
    ended = delete(AdminSessionRow).where(
        AdminSessionRow.admin_id == admin.id,
        func.substr(AdminSessionRow.id_digest, 1, _KEY_LENGTH) == key,
    )
    return session.scalars(ended.returning(AdminSessionRow.id_digest)).first() is not None


def end_sessions_of(session: Session, admin: AdminRow, *, but: str | None = None) -> int:
    """End all sessions of an admin in an operation's transaction; returns how many there were.

    :param but: id of the one that goes on.
    """
    ended = delete(AdminSessionRow).where(AdminSessionRow.admin_id == admin.id)
    if but is not None:
        ended = ended.where(AdminSessionRow.id_digest != _digest(but))
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


def _stage(row: AdminSessionRow, *, has_factor: bool, has_codes: bool) -> Stage:
    if not row.second_factor:
        return Stage.SECOND_STEP if has_factor else Stage.ENROLMENT
    return Stage.COMPLETE if has_codes else Stage.RECOVERY_CODES


def _lives(limits: SessionLimits, now: datetime) -> ColumnElement[bool]:
    return and_(
        AdminSessionRow.last_seen_at > now - limits.idle,
        AdminSessionRow.created_at > now - limits.longest,
    )


def _get_row(session: Session, session_id: str) -> AdminSessionRow:
    row = session.get(AdminSessionRow, _digest(session_id))
    if row is None:
        raise SessionEndedError
    return row


def _digest(session_id: str) -> str:
    return hashlib.sha256(session_id.encode()).hexdigest()
