"""Charts of what was issued and refused over time, ready to be drawn by a template."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from signet.models.usage import DAY, HOUR, SERVED, TOKEN, UseCount, begin_of, counts_of

_STEP = {HOUR: timedelta(hours=1), DAY: timedelta(days=1)}
#: The drawing, in units of its own: a template stretches it.
WIDTH, HEIGHT = 600, 120
_ROUND = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class ChartRow:
    """One hour or day, as the table beside the drawing says it."""

    label: str
    begins_at: datetime
    issued: int
    refused: int


@dataclass(frozen=True, slots=True)
class Chart:
    """Two lines over the same time: tokens issued and requests refused."""

    #: Names it on the page; no two of one page are alike.
    chart_id: str
    title: str
    #: What the drawing shows, in a sentence.
    description: str
    span: str
    rows: tuple[ChartRow, ...]
    #: The number at the upper edge.
    most: int

    @property
    def issued(self) -> int:
        """Tokens in all."""
        return sum(row.issued for row in self.rows)

    @property
    def refused(self) -> int:
        """Refusals in all."""
        return sum(row.refused for row in self.rows)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to draw."""
        return not (self.issued or self.refused)

    @property
    def issued_points(self) -> str:
        """The line of tokens, for ``<polyline>``."""
        return self._points(row.issued for row in self.rows)

    @property
    def refused_points(self) -> str:
        """The line of refusals."""
        return self._points(row.refused for row in self.rows)

    def _points(self, values: Iterable[int]) -> str:
        step = WIDTH / max(1, len(self.rows) - 1)
        return " ".join(
            f"{index * step:.1f},{HEIGHT - value / self.most * HEIGHT:.1f}"
            for index, value in enumerate(values)
        )


def draw_chart(
    counts: Iterable[UseCount],
    *,
    chart_id: str,
    span: str,
    since: datetime,
    now: datetime,
) -> Chart:
    """What was issued and refused from one moment to another, also where nothing was.

    :param span: ``hour`` or ``day``; of the counts as well.
    """
    issued: Counter[datetime] = Counter()
    refused: Counter[datetime] = Counter()
    for count in counts:
        if count.outcome == TOKEN:
            issued[count.begins_at] += count.count
        elif count.outcome not in SERVED:
            refused[count.begins_at] += count.count
    rows = tuple(
        ChartRow(_label(span, begins_at), begins_at, issued[begins_at], refused[begins_at])
        for begins_at in _steps(span, since, now)
    )
    most = _round_up(max((max(row.issued, row.refused) for row in rows), default=0))
    title = f"Tokens per {span}"
    return Chart(chart_id, title, _describe(title, rows), span, rows, most)


def draw_day(client_id: str, now: datetime) -> Chart:
    """The last 24 hours, this one included, of a client or of ``EVERYBODY``."""
    since = now - timedelta(hours=23)
    counts = counts_of(client_id, since=since)
    return draw_chart(counts, chart_id="tokens", span=HOUR, since=since, now=now)


def _steps(span: str, since: datetime, now: datetime) -> Iterable[datetime]:
    begins_at = begin_of(span, since)
    while begins_at <= now:
        yield begins_at
        begins_at += _STEP[span]


def _label(span: str, begins_at: datetime) -> str:
    begins_at = begins_at.astimezone(UTC)
    day = f"{begins_at.day} {begins_at:%b}"
    return day if span == DAY else f"{day}, {begins_at:%H:%M}"


def _describe(title: str, rows: tuple[ChartRow, ...]) -> str:
    if not rows:
        return f"{title}: nothing."
    busiest = max(rows, key=lambda row: row.issued)
    issued, refused = sum(row.issued for row in rows), sum(row.refused for row in rows)
    return (
        f"From {rows[0].label} to {rows[-1].label} (UTC): {issued:,} issued, {refused:,} refused. "
        f"Most were issued in the {title.rpartition(' ')[2]} of {busiest.label}: "
        f"{busiest.issued:,}."
    )


def _round_up(number: int) -> int:
    """The next of 1, 2, 5, 10, 20, 50 …, so that the edge is a number that people can halve."""
    size = 1
    while True:
        for factor in _ROUND:
            if number <= factor * size:
                return factor * size
        size *= 10
