"""One-time numbers of forms: the same form sent twice acts once.

A reloaded answer would otherwise make a second secret. Records, not acts: no audit entry.
"""

import hashlib
from datetime import datetime, timedelta

from sqlalchemy import String, delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import write

#: No session lives longer, and a form of an ended session is refused in any case.
KEPT_FOR = timedelta(days=2)


class FormNumberRow(Base):
    """A number that has been used, as a digest."""

    __tablename__ = "form_number"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    used_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def use_form_number(number: str, *, now: datetime) -> bool:
    """Note a form's number as used and say whether it was new; atomic across workers."""
    try:
        with write() as session:
            session.add(FormNumberRow(digest=_digest(number), used_at=now))
    except IntegrityError:
        return False
    return True


def release_form_number(number: str) -> None:
    """Let a number be used again: its form was refused, so nothing came of it."""
    with write() as session:
        session.execute(delete(FormNumberRow).where(FormNumberRow.digest == _digest(number)))


def prune_form_numbers(*, now: datetime) -> None:
    """Forget numbers that no live session can send again."""
    with write() as session:
        session.execute(delete(FormNumberRow).where(FormNumberRow.used_at < now - KEPT_FOR))


def _digest(number: str) -> str:
    return hashlib.sha256(number.encode()).hexdigest()
