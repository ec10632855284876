"""A database that fails, on either engine."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import text

from signet.models.database import write


@contextmanager
def away(*tables: str) -> Iterator[None]:
    """A database that fails whoever asks for these tables."""
    with write() as session:
        for table in tables:
            session.execute(text(f"ALTER TABLE {table} RENAME TO {table}_away"))
    try:
        yield
    finally:
        with write() as session:
            for table in tables:
                session.execute(text(f"ALTER TABLE {table}_away RENAME TO {table}"))
