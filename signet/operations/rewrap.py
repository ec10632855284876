"""What is encrypted at rest, closed again with the newest key-encryption key.

Rows are taken in batches, each a transaction with an entry of its own: an end in the middle loses
nothing, and the next run goes on with what is left. Whoever reads a row meanwhile opens it with
whichever key it names.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.encrypted_columns import ENCRYPTED_COLUMNS, EncryptedColumn, load_envelopes
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.operations.errors import OperationError

_BATCH = 100


@dataclass(frozen=True, slots=True)
class Rewrapped:
    """What a run has done."""

    #: The key under which everything is now that could be opened.
    kek_id: str
    rewrapped: int
    #: A line for each row that did not open, and why; it was left as it is.
    left: tuple[str, ...]


def rewrap(*, encryption: KeyEncryption, actor: Actor, now: datetime) -> Rewrapped:
    """Close every envelope with the first key-encryption key; may be repeated and interrupted."""
    kek_id = encryption.current_kek_id
    if kek_id is None:
        raise OperationError("There is no key-encryption key")
    rewrapped, left = 0, list[str]()
    for column in ENCRYPTED_COLUMNS:
        after = None
        while True:
            done, problems, after = _rewrap_batch(column, after, encryption, actor, now)
            rewrapped += done
            left += problems
            if after is None:
                break
    return Rewrapped(kek_id, rewrapped, tuple(left))


def _rewrap_batch(
    column: EncryptedColumn,
    after: Any | None,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> tuple[int, list[str], Any | None]:
    """How many were closed anew, what did not open, and behind which row to go on."""
    problems: list[str] = []
    kek_id = encryption.current_kek_id or ""
    done = 0
    with act() as session:
        envelopes = list(load_envelopes(session, column, after=after, limit=_BATCH))
        for envelope in envelopes:
            if envelope.kek_id == kek_id:
                continue
            try:
                envelope.rewrap(encryption)
            except KeyEncryptionError as error:
                problems.append(str(error))
            else:
                done += 1
        if done:
            append_entry(
                session,
                actor=actor,
                action="encryption.rewrap",
                object=AuditedObject("encryption", kek_id, kek_id),
                now=now,
                after={"what": column.what, "rewrapped": done},
            )
    is_last = len(envelopes) < _BATCH
    last = None if is_last else getattr(envelopes[-1].row, column.key.key)
    return done, problems, last
