"""Every column that holds envelopes of ``key_encryption.py``, and which key closed how many.

Whoever adds such a column adds it to ``ENCRYPTED_COLUMNS``: a rewrap then takes it along, and the
settings page counts it.
"""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, select, true
from sqlalchemy.orm import InstrumentedAttribute, Session

from signet.models.database import read
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError, kek_id_of
from signet.models.second_factors import TotpRow, about_seed
from signet.models.signing_keys import SigningKeyRow, about_private_key

#: Of an envelope that names no key: something has damaged it.
UNREADABLE = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class EncryptedColumn:
    """A column of envelopes: of what, and what each is tied to."""

    #: What one row holds, as people call it: ``signing key``.
    what: str
    #: Names a row to people; the order in which rows are taken.
    key: InstrumentedAttribute[Any]
    envelope: InstrumentedAttribute[bytes]
    #: Of a row: what ``KeyEncryption`` was told when its envelope was closed.
    about: Callable[[Any], tuple[str, ...]]
    #: Rows that have an envelope, where some have none.
    only: ColumnElement[bool] = true()


ENCRYPTED_COLUMNS = (
    EncryptedColumn(
        what="signing key",
        key=SigningKeyRow.kid,
        envelope=SigningKeyRow.encrypted_private_jwk,
        about=lambda row: about_private_key(row.kid, row.alg),
    ),
    EncryptedColumn(
        what="app code seed",
        key=TotpRow.admin_id,
        envelope=TotpRow.encrypted_seed,
        about=lambda row: about_seed(row.admin_id),
    ),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyUse:
    """How many rows of one kind a key-encryption key has closed."""

    #: ``UNREADABLE`` if the rows name none.
    kek_id: str
    what: str
    rows: int


@dataclass(frozen=True, slots=True)
class Envelope:
    """A row's envelope, open to be closed again."""

    column: EncryptedColumn
    row: Any

    @property
    def kek_id(self) -> str:
        """The key that closed it."""
        return _named_key(getattr(self.row, self.column.envelope.key))

    def rewrap(self, encryption: KeyEncryption) -> None:
        """Close it with the key that encrypts now.

        :raises KeyEncryptionError: naming the row, if it does not open.
        """
        column, about = self.column, self.column.about(self.row)
        try:
            plaintext = encryption.decrypt(getattr(self.row, column.envelope.key), about=about)
        except KeyEncryptionError as error:
            name = getattr(self.row, column.key.key)
            raise KeyEncryptionError(f"{column.what} {name}: {error}") from None
        setattr(self.row, column.envelope.key, encryption.encrypt(plaintext, about=about))


def count_key_uses() -> tuple[KeyUse, ...]:
    """Which key-encryption key has closed how many rows of which kind."""
    uses: Counter[tuple[str, str]] = Counter()
    with read() as session:
        for column in ENCRYPTED_COLUMNS:
            for envelope in session.scalars(select(column.envelope).where(column.only)):
                uses[_named_key(envelope), column.what] += 1
    return tuple(
        KeyUse(kek_id=kek_id, what=what, rows=rows) for (kek_id, what), rows in sorted(uses.items())
    )


def load_envelopes(
    session: Session, column: EncryptedColumn, *, after: Any | None, limit: int
) -> Iterator[Envelope]:
    """Some rows of a column in the order of their keys, for an operation's transaction.

    :param after: key of the row to continue behind.
    """
    query = select(column.key.class_).where(column.only).order_by(column.key).limit(limit)
    # Nobody may put another envelope there meanwhile.
    query = query.with_for_update()
    if after is not None:
        query = query.where(column.key > after)
    for row in session.scalars(query):
        yield Envelope(column, row)


def _named_key(envelope: bytes) -> str:
    try:
        return kek_id_of(envelope)
    except KeyEncryptionError:
        return UNREADABLE
