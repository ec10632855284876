"""Forgetting what is over, in pieces: whoever wants to write in the meantime waits for one only."""

from typing import Any, cast

from sqlalchemy import ColumnElement, CursorResult, delete, inspect, select, tuple_

from signet.extensions import Base
from signet.models.database import write

#: Rows that go in one transaction, and transactions in a row: the rest goes the next time.
_PIECE, _MOST_PIECES = 5_000, 50


def forget_rows(table: type[Base], is_over: ColumnElement[bool]) -> None:
    """Forget the rows of a table that are over, the first 250,000 of them."""
    key = inspect(table).primary_key
    some = select(*key).where(is_over).limit(_PIECE)
    piece = delete(table).where(tuple_(*key).in_(some))
    for _ in range(_MOST_PIECES):
        with write() as session:
            gone = cast(CursorResult[Any], session.execute(piece)).rowcount
        if gone < _PIECE:
            return
