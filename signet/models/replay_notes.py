"""Which assertions and proofs have been used: each counts once, whichever worker it reaches.

The database decides, by a unique key: two that come at the same moment cannot both be new.
"""

import hashlib
from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import lru_cache
from typing import cast

from sqlalchemy import Insert, String, Table, bindparam, insert, select, union_all
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read, write_rows
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
    """Note all of these, in one statement, or none.

    :return: the one that was there before; nothing was noted then.
    """
    # In one order: two requests that bring the same pair do not wait for one another.
    rows = sorted((_digest(note), note.until) for note in notes)
    parameters: dict[str, object] = {}
    for number, (digest, until) in enumerate(rows):
        parameters |= {f"digest_{number}": digest, f"until_{number}": until}
    try:
        write_rows(_insert_of(len(rows)), parameters, durable=False)
    except IntegrityError:
        return _find_noted(notes)
    return None


@lru_cache
def _insert_of(count: int) -> Insert:
    # Made once for each number; a list of values would be compiled anew each time.
    table = cast(Table, ReplayNoteRow.__table__)
    rows = [
        select(
            bindparam(f"digest_{number}", type_=table.c.digest.type),
            bindparam(f"until_{number}", type_=table.c.until.type),
        )
        for number in range(count)
    ]
    return insert(table).from_select(["digest", "until"], union_all(*rows))


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
