"""Administrators of Signet, their roles, and the code that lets the first one in."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import CheckConstraint, ColumnElement, String, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read
from signet.models.second_factors import has_passkey, has_totp

ADMINISTRATOR, OPERATOR, VIEWER = "administrator", "operator", "viewer"
#: From the most rights to the fewest.
ROLES = (ADMINISTRATOR, OPERATOR, VIEWER)


class AdminRow(Base):
    """Somebody who may sign in to the pages."""

    __tablename__ = "admin"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200))
    folded_name: Mapped[str] = mapped_column(String(600), unique=True)
    role: Mapped[str] = mapped_column(String(20))
    #: argon2id, with its parameters.
    password_hash: Mapped[str] = mapped_column(String(200))
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_sign_in_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: The throttle trusts it a little more than others.
    last_sign_in_address: Mapped[str] = mapped_column(String(64), default="")

    __table_args__ = (
        CheckConstraint("role IN ('administrator', 'operator', 'viewer')", name="role"),
    )


class SetupCodeRow(Base):
    """The one code with which the first administrator may be made; at most one row."""

    __tablename__ = "setup_code"

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    digest: Mapped[str] = mapped_column(String(64))
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)

    __table_args__ = (CheckConstraint("id = 1", name="single"),)


@dataclass(frozen=True, slots=True, kw_only=True)
class AdminDetails:
    """An administrator as people and scripts read it."""

    #: Names them in addresses, where the name could not stand.
    number: int
    name: str
    role: str
    enabled: bool
    created_at: datetime
    last_sign_in_at: datetime | None
    #: Whether they have a passkey, and codes of an app; neither: they have never got in.
    has_passkey: bool
    has_totp: bool


def list_admins() -> tuple[AdminDetails, ...]:
    """All administrators, by name."""
    with read() as session:
        rows = session.execute(_DETAILS.order_by(AdminRow.folded_name))
        return tuple(_to_details(*row) for row in rows)


def find_admin(name: str) -> AdminDetails | None:
    """The administrator of this name, by no case."""
    with read() as session:
        return _find_details(session, AdminRow.folded_name == name.casefold())


def find_admin_by_number(number: int) -> AdminDetails | None:
    """The administrator whom an address names."""
    with read() as session:
        return _find_details(session, AdminRow.id == number)


def has_administrator() -> bool:
    """Whether the set-up is over: once there is an administrator, it never comes back."""
    with read() as session:
        return count_administrators(session) > 0


def find_admin_row(session: Session, name: str) -> AdminRow | None:
    """The row of the administrator of this name, for an operation's transaction."""
    return session.scalars(
        select(AdminRow).where(AdminRow.folded_name == name.casefold())
    ).one_or_none()


def count_administrators(session: Session, *, but: AdminRow | None = None) -> int:
    """How many enabled administrators (of the role with every right) there are besides one."""
    query = select(func.count()).where(AdminRow.role == ADMINISTRATOR, AdminRow.enabled)
    if but is not None:
        query = query.where(AdminRow.id != but.id)
    return session.scalar(query) or 0


_DETAILS = select(AdminRow, has_passkey(AdminRow.id), has_totp(AdminRow.id))


def _find_details(session: Session, which: ColumnElement[bool]) -> AdminDetails | None:
    row = session.execute(_DETAILS.where(which)).one_or_none()
    return _to_details(*row) if row else None


def _to_details(row: AdminRow, has_passkey: bool, has_totp: bool) -> AdminDetails:
    return AdminDetails(
        number=row.id,
        name=row.name,
        role=row.role,
        enabled=row.enabled,
        created_at=row.created_at,
        last_sign_in_at=row.last_sign_in_at,
        has_passkey=has_passkey,
        has_totp=has_totp,
    )
