"""The index behind the search for clients by part of a name or id: every ending of both.

A text contains a part where one of its endings begins with the part. So one range of one index
answers a search, of a single character too, on both engines alike, and a search that finds nothing
reads nothing.
"""

from collections.abc import Iterable

from sqlalchemy import Column, Connection, Integer, Select, String, Table, delete, insert, select
from sqlalchemy.dialects import postgresql

from signet.extensions import Base

#: No text that is found continues with it.
_LAST_CHARACTER = "\U0010ffff"

client_ending = Table(
    "client_ending",
    Base.metadata,
    # Compared by its bytes: what begins alike stands together.
    Column(
        "ending",
        String(300).with_variant(postgresql.VARCHAR(300, collation="C"), "postgresql"),
        primary_key=True,
    ),
    # No foreign key: that would need an index of its own, as large as this.
    Column("client_row_id", Integer, primary_key=True, autoincrement=False),
    sqlite_with_rowid=False,
)


def endings(texts: Iterable[str]) -> set[str]:
    """All that these folded texts end with."""
    return {text[begin:] for text in texts for begin in range(len(text))}


def keep_endings(
    connection: Connection, row_id: int, *, before: Iterable[str], after: Iterable[str]
) -> None:
    """Let a client be found by what it is called now, in the transaction that changes it.

    :param before: its folded texts until now; ``after``: from now on.
    """
    old, new = endings(before), endings(after)
    columns = client_ending.c
    if gone := old - new:
        connection.execute(
            delete(client_ending).where(
                columns.ending.in_(sorted(gone)), columns.client_row_id == row_id
            )
        )
    if added := new - old:
        rows = [{"ending": ending, "client_row_id": row_id} for ending in sorted(added)]
        connection.execute(insert(client_ending).values(rows))


def rows_that_contain(part: str) -> Select[int]:
    """Row ids of the clients whose name or id contains a folded text; some more than once."""
    ending = client_ending.c.ending
    return select(client_ending.c.client_row_id).where(
        ending >= part, ending < part + _LAST_CHARACTER
    )
