"""Private links to the calendar of expiries, one per admin at most; kept as digests."""

import hashlib
import secrets
from datetime import datetime

from sqlalchemy import ForeignKey, String, delete, exists, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.admins import AdminRow
from signet.models.columns import UtcDateTime
from signet.models.database import read


class CalendarLinkRow(Base):
    """The calendar link of an admin."""

    __tablename__ = "calendar_link"

    admin_id: Mapped[int] = mapped_column(
        ForeignKey(AdminRow.id, ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)


def put_calendar_link(session: Session, admin: AdminRow, *, now: datetime) -> str:
    """A new link in an operation's transaction, in the place of an older one.

    :return: its token, 256 random bits.
    """
    token = secrets.token_urlsafe(32)
    end_calendar_link(session, admin)
    session.add(CalendarLinkRow(admin_id=admin.id, digest=_digest(token), created_at=now))
    return token


def end_calendar_link(session: Session, admin: AdminRow) -> bool:
    """End the link of an admin, and say whether there was one."""
    ended = session.execute(
        delete(CalendarLinkRow)
        .where(CalendarLinkRow.admin_id == admin.id)
        .returning(CalendarLinkRow.admin_id)
    )
    return ended.one_or_none() is not None


def find_calendar_link(name: str) -> datetime | None:
    """Since when an admin has a link; ``None``: there is none."""
    query = (
        select(CalendarLinkRow.created_at)
        .join(AdminRow, AdminRow.id == CalendarLinkRow.admin_id)
        .where(AdminRow.folded_name == name.casefold())
    )
    with read() as session:
        return session.scalar(query)


def is_calendar_token(token: str) -> bool:
    """Whether this is the token of somebody who may sign in."""
    query = select(
        exists().where(
            CalendarLinkRow.digest == _digest(token),
            CalendarLinkRow.admin_id == AdminRow.id,
            AdminRow.enabled,
        )
    )
    with read() as session:
        return bool(session.scalar(query))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
