"""One-time links: whoever holds one may become an admin, or choose a password or second factor.

The token of a link is kept as a digest, so that a copy of the database lets nobody in.
"""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import CheckConstraint, ColumnElement, ForeignKey, String, delete, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.admins import AdminRow
from signet.models.columns import UtcDateTime
from signet.models.database import read, write

INVITATION, PASSWORD, SECOND_FACTOR = "invitation", "password", "second_factor"
LIVES = timedelta(hours=24)
#: So long a link that was used or has run out is known as such; then nobody has ever heard of it.
KEPT_FOR = timedelta(days=30)


class AdminLinkRow(Base):
    """A link that somebody was given, or is still to be given."""

    __tablename__ = "admin_link"

    id: Mapped[int] = mapped_column(primary_key=True)
    #: SHA-256 of the token in the address.
    digest: Mapped[str] = mapped_column(String(64), unique=True)
    kind: Mapped[str] = mapped_column(String(16))
    #: Whose it is; an invitation makes its admin only when it is accepted.
    admin_id: Mapped[int | None] = mapped_column(
        ForeignKey(AdminRow.id, ondelete="CASCADE"), index=True
    )
    name: Mapped[str] = mapped_column(String(200))
    folded_name: Mapped[str] = mapped_column(String(600))
    #: Of the admin that an invitation makes.
    role: Mapped[str | None] = mapped_column(String(20))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(320))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    __table_args__ = (
        CheckConstraint(
            "kind = 'invitation' AND role IS NOT NULL AND admin_id IS NULL"
            " OR kind IN ('password', 'second_factor') AND role IS NULL AND admin_id IS NOT NULL",
            name="kind",
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminLink:
    """A link as pages and commands show it; without its token, which nobody knows any more."""

    number: int
    kind: str
    name: str
    #: Of an invitation.
    role: str | None
    created_at: datetime
    created_by: str
    expires_at: datetime
    used_at: datetime | None

    def is_open(self, now: datetime) -> bool:
        """Whether it can still be used."""
        return self.used_at is None and now < self.expires_at


def add_link(
    session: Session,
    kind: str,
    *,
    name: str,
    admin: AdminRow | None = None,
    role: str | None = None,
    created_by: str,
    now: datetime,
) -> str:
    """A new link in an operation's transaction, and the end of an older one for the same.

    :return: its token, 256 random bits.
    """
    token = secrets.token_urlsafe(32)
    _end(session, AdminLinkRow.kind == kind, AdminLinkRow.folded_name == name.casefold())
    session.add(
        AdminLinkRow(
            digest=_digest(token),
            kind=kind,
            admin_id=admin.id if admin else None,
            name=name,
            folded_name=name.casefold(),
            role=role,
            created_at=now,
            created_by=created_by[:320],
            expires_at=now + LIVES,
        )
    )
    return token


def find_link(token: str) -> AdminLink | None:
    """The link with this token, also one that was used or has run out."""
    with read() as session:
        row = find_link_row(session, token)
        return to_admin_link(row) if row else None


def find_link_row(session: Session, token: str) -> AdminLinkRow | None:
    """The row of the link with this token, for an operation's transaction."""
    return session.scalars(
        select(AdminLinkRow).where(AdminLinkRow.digest == _digest(token))
    ).one_or_none()


def list_open_links(*, now: datetime) -> tuple[AdminLink, ...]:
    """The links that can still be used, the newest first."""
    query = select(AdminLinkRow).where(
        AdminLinkRow.used_at.is_(None), AdminLinkRow.expires_at > now
    )
    with read() as session:
        rows = session.scalars(query.order_by(AdminLinkRow.id.desc()))
        return tuple(map(to_admin_link, rows))


def end_links_of(session: Session, admin: AdminRow, *, kind: str | None = None) -> None:
    """End the links that an admin was given, or those of one kind."""
    of_kind = () if kind is None else (AdminLinkRow.kind == kind,)
    _end(session, AdminLinkRow.admin_id == admin.id, *of_kind)


def end_links_by(session: Session, name: str) -> None:
    """End the links that somebody made who may not make any more."""
    _end(session, AdminLinkRow.created_by == name[:320])


def end_invitations_of(session: Session, name: str) -> None:
    """End the invitation of a name that has become an admin's."""
    _end(session, AdminLinkRow.kind == INVITATION, AdminLinkRow.folded_name == name.casefold())


def prune_links(*, now: datetime) -> None:
    """Forget links that ended long ago."""
    with write() as session:
        session.execute(delete(AdminLinkRow).where(AdminLinkRow.expires_at < now - KEPT_FOR))


def to_admin_link(row: AdminLinkRow) -> AdminLink:
    """What leaves this room of a row."""
    return AdminLink(
        number=row.id,
        kind=row.kind,
        name=row.name,
        role=row.role,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        used_at=row.used_at,
    )


def _end(session: Session, *which: ColumnElement[bool]) -> None:
    # One that was used stays, so that whoever opens it again hears that.
    session.execute(delete(AdminLinkRow).where(AdminLinkRow.used_at.is_(None), *which))


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", "replace")).hexdigest()
