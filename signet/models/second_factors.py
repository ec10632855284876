"""What an admin proves besides the password: codes of an app, recovery codes, passkeys.

The seed of the app's codes lies in an envelope, recovery codes are digests. Passkeys have a file
of their own.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Delete,
    ForeignKey,
    LargeBinary,
    String,
    delete,
    exists,
    func,
    select,
    update,
)
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.passkeys import PasskeyRow


class TotpRow(Base):
    """The seed that Signet shares with an admin's app (RFC 6238)."""

    __tablename__ = "totp"

    admin_id: Mapped[int] = mapped_column(
        ForeignKey("admin.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    encrypted_seed: Mapped[bytes] = mapped_column(LargeBinary)
    #: A code of this or an earlier step has been used, or is not taken any more.
    last_used_step: Mapped[int] = mapped_column(BigInteger)
    added_at: Mapped[datetime] = mapped_column(UtcDateTime)
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime)


class RecoveryCodeRow(Base):
    """A code that stands once for a lost device."""

    __tablename__ = "recovery_code"

    admin_id: Mapped[int] = mapped_column(
        ForeignKey("admin.id", ondelete="CASCADE"), primary_key=True, autoincrement=False
    )
    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    #: Whether the admin has shown that they were written down; before, none of them works.
    saved: Mapped[bool]
    used_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCodes:
    """How many recovery codes there are; none until they are proven saved."""

    left: int
    made: int


def about_seed(admin_id: int) -> tuple[str, ...]:
    """What the envelope of a seed is tied to."""
    return (TotpRow.__tablename__, str(admin_id), "second factor")


def has_totp(admin_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Part of a query on admins: whether they have codes of an app."""
    return exists().where(TotpRow.admin_id == admin_id)


def has_passkey(admin_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Part of a query on admins: whether they have a passkey."""
    return exists().where(PasskeyRow.admin_id == admin_id)


def has_saved_codes(admin_id: InstrumentedAttribute[int]) -> ColumnElement[bool]:
    """Part of a query on admins: whether they ever proved to have saved recovery codes."""
    return exists().where(RecoveryCodeRow.admin_id == admin_id, RecoveryCodeRow.saved)


def count_factors(session: Session, admin_id: int) -> int:
    """How many second factors an admin has, codes of an app counted as one."""
    query = select(func.count()).where(PasskeyRow.admin_id == admin_id)
    passkeys = session.scalar(query) or 0
    return passkeys + (session.get(TotpRow, admin_id) is not None)


def remove_second_factors(session: Session, admin_id: int) -> None:
    """Forget all second factors and recovery codes of an admin."""
    for row in (TotpRow, RecoveryCodeRow, PasskeyRow):
        session.execute(delete(row).where(row.admin_id == admin_id))


def use_totp_step(session: Session, admin_id: int, step: int, *, now: datetime) -> bool:
    """Note a step's code as used and say whether it was new; atomic across workers."""
    done = session.execute(
        update(TotpRow)
        .where(TotpRow.admin_id == admin_id, TotpRow.last_used_step < step)
        .values(last_used_step=step, last_used_at=now)
        .returning(TotpRow.admin_id)
    )
    return done.first() is not None


def put_recovery_codes(session: Session, admin_id: int, codes: tuple[str, ...]) -> None:
    """Lay new codes beside the saved ones, in the place of those that never were saved."""
    session.execute(_drop_codes(admin_id, saved=False))
    session.add_all(
        RecoveryCodeRow(admin_id=admin_id, digest=recovery_digest(admin_id, code), saved=False)
        for code in codes
    )


def save_recovery_codes(session: Session, admin_id: int, code: str) -> bool:
    """Let the new codes take the place of the old, if this is one of them."""
    row = session.get(RecoveryCodeRow, (admin_id, recovery_digest(admin_id, code)))
    if row is None or row.saved:
        return False
    session.execute(_drop_codes(admin_id, saved=True))
    session.execute(
        update(RecoveryCodeRow).where(RecoveryCodeRow.admin_id == admin_id).values(saved=True)
    )
    return True


def use_recovery_code(session: Session, admin_id: int, code: str, *, now: datetime) -> bool:
    """Use a code up and say whether it was good; atomic across workers."""
    done = session.execute(
        update(RecoveryCodeRow)
        .where(
            RecoveryCodeRow.admin_id == admin_id,
            RecoveryCodeRow.digest == recovery_digest(admin_id, code),
            RecoveryCodeRow.saved,
            RecoveryCodeRow.used_at.is_(None),
        )
        .values(used_at=now)
        .returning(RecoveryCodeRow.digest)
    )
    return done.first() is not None


def count_recovery_codes(session: Session, admin_id: int) -> RecoveryCodes:
    """How many of an admin's saved codes are left."""
    used_at = session.scalars(
        select(RecoveryCodeRow.used_at).where(
            RecoveryCodeRow.admin_id == admin_id, RecoveryCodeRow.saved
        )
    ).all()
    return RecoveryCodes(left=used_at.count(None), made=len(used_at))


def has_unsaved_codes(session: Session, admin_id: int) -> bool:
    """Whether codes were shown and wait for the proof that they were saved."""
    return bool(
        session.scalar(
            select(exists().where(RecoveryCodeRow.admin_id == admin_id, ~RecoveryCodeRow.saved))
        )
    )


def recovery_digest(admin_id: int, code: str) -> str:
    """What is kept of a recovery code, however it was typed."""
    letters = code.upper().replace("-", "").replace(" ", "")
    return hashlib.sha256(f"{admin_id}\0{letters}".encode("utf-8", "replace")).hexdigest()


def _drop_codes(admin_id: int, *, saved: bool) -> Delete:
    return delete(RecoveryCodeRow).where(
        RecoveryCodeRow.admin_id == admin_id, RecoveryCodeRow.saved.is_(saved)
    )
