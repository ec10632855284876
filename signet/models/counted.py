"""Counts that end: of very many, that there are more is all that anybody wants to know."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import Select, func, select
from sqlalchemy.orm import Session

#: Beyond so many nobody goes on counting.
MOST_COUNTED = 10_000


@dataclass(frozen=True, slots=True)
class Counted:
    """How many there are, or that there are more than that."""

    number: int
    is_all: bool = True

    def __bool__(self) -> bool:
        """Whether there is any."""
        return self.number > 0


def counted(number: int, most: int = MOST_COUNTED) -> Counted:
    """What was counted up to one more than the most."""
    return Counted(min(number, most), is_all=number <= most)


def count_rows(session: Session, query: Select[Any], most: int = MOST_COUNTED) -> Counted:
    """How many rows a query has; no more of them are read than are counted."""
    some = query.order_by(None).limit(most + 1).subquery()
    return counted(session.scalar(select(func.count()).select_from(some)) or 0, most)
