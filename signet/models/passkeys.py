"""Passkeys of admins: public keys whose private halves never leave a device (WebAuthn)."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import BigInteger, ForeignKey, LargeBinary, String, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime


class PasskeyRow(Base):
    """A credential that a browser has registered for an admin."""

    __tablename__ = "passkey"

    id: Mapped[int] = mapped_column(primary_key=True)
    admin_id: Mapped[int] = mapped_column(ForeignKey("admin.id", ondelete="CASCADE"), index=True)
    #: Random, the same for all passkeys of an admin: a device keeps one for each.
    user_handle: Mapped[bytes] = mapped_column(LargeBinary)
    credential_id: Mapped[bytes] = mapped_column(LargeBinary, unique=True)
    #: COSE.
    public_key: Mapped[bytes] = mapped_column(LargeBinary)
    sign_count: Mapped[int] = mapped_column(BigInteger)
    #: What the admin calls it.
    name: Mapped[str] = mapped_column(String(100))
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class PasskeyDetails:
    """A passkey as its owner reads it."""

    number: int
    name: str
    added_at: datetime
    last_used_at: datetime | None


def list_passkeys(session: Session, admin_id: int) -> list[PasskeyRow]:
    """The passkeys of an admin, the oldest first."""
    query = select(PasskeyRow).where(PasskeyRow.admin_id == admin_id).order_by(PasskeyRow.id)
    return list(session.scalars(query))


def find_passkey(session: Session, credential_id: bytes) -> PasskeyRow | None:
    """The passkey with this id."""
    return session.scalars(
        select(PasskeyRow).where(PasskeyRow.credential_id == credential_id)
    ).one_or_none()


def to_passkey_details(row: PasskeyRow) -> PasskeyDetails:
    """What leaves this room of a row."""
    return PasskeyDetails(
        number=row.id, name=row.name, added_at=row.added_at, last_used_at=row.last_used_at
    )
