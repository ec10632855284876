"""Very many rows in one statement: they travel as one JSON text.

A row a statement costs a round trip each, a parameter for each value the time to write and read
them all; and an engine takes only so many parameters.
"""

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import JSON, Select, Text, cast, column, func, literal, select, true
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.orm import Session

from signet.extensions import Base


def insert_many(session: Session, table: type[Base], rows: Sequence[Mapping[str, Any]]) -> Any:
    """The ``INSERT`` of these rows, of this engine: it can say what to do with one that is there.

    :param rows: at least one; all have the same members, in the same order.
    """
    columns = {name: table.__table__.c[name].type for name in rows[0]}
    insert = postgresql.insert if _is_postgresql(session) else sqlite.insert
    # SQLite could take "ON CONFLICT" for a part of a join, were it not for a condition.
    return insert(table).from_select(
        list(columns), select_many(session, columns, rows).where(true())
    )


def select_many(
    session: Session, columns: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]
) -> Select[Any]:
    """The rows as a query, in their order.

    :param columns: the type of each member.
    """
    text = json.dumps([list(row.values()) for row in rows], default=_moment)
    values: list[Any]
    if _is_postgresql(session):
        each = func.json_array_elements(cast(literal(text, Text), postgresql.JSON))
        row = each.table_valued(column("value", postgresql.JSON)).c.value
        values = [cast(row[at].astext, kind) for at, kind in enumerate(columns.values())]
    else:
        row = func.json_each(text).table_valued(column("value", JSON)).c.value
        values = [
            func.json_extract(row, f"$[{at}]", type_=kind)
            for at, kind in enumerate(columns.values())
        ]
    return select(*(value.label(name) for name, value in zip(columns, values, strict=True)))


def _moment(value: object) -> str:
    """As SQLite keeps a moment; PostgreSQL reads it, and its sessions are in UTC too."""
    if not isinstance(value, datetime):
        raise TypeError(f"no {type(value).__name__} can be in a row")
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")


def _is_postgresql(session: Session) -> bool:
    return session.get_bind().dialect.name == "postgresql"
