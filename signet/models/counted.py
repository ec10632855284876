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


def count_at_most(query: Select[Any], most: int = MOST_COUNTED) -> Any:
    """How many rows a query has, as a value of another; no more are read than one too many."""
    some = query.limit(most + 1).subquery()
    return select(func.count()).select_from(some).scalar_subquery()


def count_rows(session: Session, key: Any) -> Counted:
    """How many rows a table has."""
    return counted(session.scalar(select(count_at_most(select(key)))) or 0)
