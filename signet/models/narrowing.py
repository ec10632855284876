"""How a list finds its rows among very many, without looking at all of them.

Everything that a list can be narrowed to has an index of its own. What the narrowest leaves is
gathered and put in order. Where even that is much, the list is read in its order instead, by the
index of the order: much of what is read belongs to it then, so a page is soon full.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, Select, func, literal, select, tuple_
from sqlalchemy.orm import Session

from signet.models.counted import MOST_COUNTED, Counted, count_at_most, counted

#: Of what leaves no more rows than that, all are gathered.
MOST_GATHERED = 20_000
#: What must be read to be counted is counted so far only.
MOST_READ = 1_000
#: So many may come between the look at how many there are and the look at them.
_NEW_ROWS = 100


@dataclass(frozen=True, slots=True)
class Condition:
    """Something that a list is narrowed to, said twice."""

    #: A rule over one row, for which no index is used: see :func:`unindexed`.
    holds: ColumnElement[bool]
    #: Keys of the rows that fulfil it, by an index; some may come more than once. ``None``: it
    #: leaves nearly all.
    found: Any = None
    #: The rule to read the list by, if an index has just these rows in the order of the list.
    read_by: ColumnElement[bool] | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """The way that was chosen for a list."""

    #: The column that tells rows apart.
    key: Any
    conditions: tuple[Condition, ...]
    #: The one whose rows are gathered; ``None``: the list is read in its order.
    gathered: Condition | None
    #: How many rows that one has found.
    rows: int
    #: How many fulfil the conditions; ``None``: that takes another look.
    matching: Counted | None


@dataclass(frozen=True, slots=True)
class Page:
    """Where a page lies in an order."""

    #: Columns of the table: an index has them in this order.
    order: tuple[Any, ...]
    descending: bool
    limit: int
    #: Values of these columns, behind which the page begins.
    behind: tuple[Any, ...] | None = None

    def sorted_by(self, columns: Sequence[Any]) -> tuple[Any, ...]:
        """These columns as the order has them."""
        return tuple(column.desc() if self.descending else column.asc() for column in columns)


def unindexed(column: Any) -> ColumnElement[Any]:
    """The column out of reach of any index: SQLite would take one, and sort all that it leaves."""
    return func.coalesce(column, column)


def choose(session: Session, key: Any, conditions: Sequence[Condition]) -> Choice:
    """Find out, in one statement, what narrows a list most; in none if nothing does."""
    narrowing = [condition for condition in conditions if condition.found is not None]
    columns: list[Any] = []
    for condition in narrowing:
        some = condition.found.limit(MOST_GATHERED + 1).subquery()
        columns.append(select(func.count()).select_from(some).scalar_subquery())
        columns.append(select(func.count(some.c[0].distinct())).scalar_subquery())
    found = list(session.execute(select(*columns)).one()) if columns else []
    rows, different = found[::2], found[1::2]
    gathered, matching = None, None
    if rows and min(rows) <= MOST_GATHERED:
        gathered = narrowing[rows.index(min(rows))]
    if len(narrowing) == len(conditions) == 1:
        matching = counted(different[0])
        if gathered is None:
            matching = Counted(matching.number, is_all=False)
    return Choice(key, tuple(conditions), gathered, min(rows, default=0), matching)


def select_page(choice: Choice, page: Page) -> Any:
    """A subquery of the keys (``key``) on a page, with how many match (``count``) beside each."""
    names = [f"by_{number}" for number in range(len(page.order))]
    columns = [column.label(name) for name, column in zip(names, page.order, strict=True)]
    fulfilling = select(choice.key.label("key"), *columns)
    if choice.gathered is None:
        query, by = _where_all_hold(fulfilling, choice), page.order
        count = count_at_most(_where_all_hold(select(choice.key), choice), MOST_READ)
    else:
        gathered = _gather(fulfilling, choice).cte()
        query, by = select(gathered), tuple(gathered.c[name] for name in names)
        count = select(func.count()).select_from(gathered).scalar_subquery()
    if choice.matching is not None:
        count = literal(choice.matching.number)
    if page.behind is not None:
        here, there = tuple_(*by), tuple_(*page.behind)
        query = query.where(here < there if page.descending else here > there)
    query = query.add_columns(count.label("count")).order_by(*page.sorted_by(by))
    return query.limit(page.limit).subquery()


def count_matching(session: Session, choice: Choice) -> Counted:
    """How many rows fulfil the conditions."""
    if choice.matching is not None:
        return choice.matching
    query = select(choice.key)
    query = _gather(query, choice) if choice.gathered else _where_all_hold(query, choice)
    most = _most_counted(choice)
    return counted(session.scalar(select(count_at_most(query, most))) or 0, most)


def matching_of(choice: Choice, count: int) -> Counted:
    """What the ``count`` beside the rows of a page says."""
    return choice.matching or counted(count, _most_counted(choice))


def _most_counted(choice: Choice) -> int:
    return MOST_COUNTED if choice.gathered else MOST_READ


def _gather(query: Select[Any], choice: Choice) -> Select[Any]:
    assert choice.gathered is not None
    # The limit takes nothing away: it tells the engine how few there are, some new ones included.
    found = choice.gathered.found.limit(2 * choice.rows + _NEW_ROWS).subquery()
    keys = select(found.c[0].label("key")).distinct().subquery()
    others = (other.holds for other in choice.conditions if other is not choice.gathered)
    return query.join(keys, keys.c.key == choice.key).where(*others)


def _where_all_hold(query: Select[Any], choice: Choice) -> Select[Any]:
    return query.where(
        *(
            condition.holds if condition.read_by is None else condition.read_by
            for condition in choice.conditions
        )
    )
