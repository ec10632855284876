"""Which assertions and proofs have been used: each counts once, whichever worker it reaches.

The database decides, by a unique key: two that come at the same moment cannot both be new.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import String, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read, write
from signet.models.pruning import forget_rows
from signet.oauth.store import ReplayNote, StoreUnavailableError

#: Clocks of nodes differ: what one thinks is over, another may still accept.
KEPT_LONGER = timedelta(minutes=5)


class ReplayNoteRow(Base):
    """One use, as a digest of whose it was and of its ``jti``."""

    __tablename__ = "replay_note"

    digest: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


def remember(notes: Sequence[ReplayNote]) -> ReplayNote | None:
    """Note all of these, in one transaction and one statement, or none.

    :return: the one that was there before; nothing was noted then.
    """
    try:
        with write(durable=False) as session:
            # Both at once, and in one order: two requests that bring the same pair do not wait
            # for one another.
            rows = sorted((_digest(note), note.until) for note in notes)
            session.execute(
                insert(ReplayNoteRow).values(
                    [{"digest": digest, "until": until} for digest, until in rows]
                )
            )
    except IntegrityError:
        return _find_noted(notes)
    return None


def prune_replay_notes(*, now: datetime) -> None:
    """Forget what would be refused in any case by now."""
    forget_rows(ReplayNoteRow, ReplayNoteRow.until < now - KEPT_LONGER)


def _find_noted(notes: Sequence[ReplayNote]) -> ReplayNote:
    by_digest = {_digest(note): note for note in notes}
    with read() as session:
        query = select(ReplayNoteRow.digest).where(ReplayNoteRow.digest.in_(by_digest))
        noted = set(session.scalars(query))
    # Of several the first, so that the same request has the same answer each time.
    for digest, note in by_digest.items():
        if digest in noted:
            return note
    # It was pruned in between, so nobody can tell which one it was.
    raise StoreUnavailableError("a note went away while it was looked for")


def _digest(note: ReplayNote) -> str:
    return hashlib.sha256(f"{note.kind}\0{note.owner}\0{note.jti}".encode()).hexdigest()
