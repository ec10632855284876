"""The result as a picture: two panels of bars, readable on a light and on a dark page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from statistics import median

from bench.report import Result
from bench.rounds import Figures

PICTURE = Path(__file__).parent.parent / "docs/images/performance.svg"

#: Pixels.
WIDTH, MARGIN, NAMES, NUMBERS = 760, 16, 190, 80
ROW, BAR, TITLE, GAP = 26, 16, 34, 18
#: A bar that is longer than so many times the median of all is cut, and says so.
LONGEST = 20.0

STYLE = """
  text { font: 13px system-ui, sans-serif; fill: #24292f; }
  .title { font-weight: 600; }
  .own { fill: #0969da; }
  .peer { fill: #8c959f; }
  .spread { stroke: #24292f; stroke-width: 1.5; }
  @media (prefers-color-scheme: dark) {
    text { fill: #e6edf3; }
    .own { fill: #4493f8; }
    .peer { fill: #6e7681; }
    .spread { stroke: #e6edf3; }
  }
"""


@dataclass(frozen=True, slots=True)
class _Bar:
    name: str
    values: Sequence[float]

    @property
    def length(self) -> float:
        return median(self.values)


def write_plot(result: Result) -> None:
    """Draw it into the documentation."""
    PICTURE.write_text(draw(list(result.figures.values())), encoding="utf-8")


def draw(figures: Sequence[Figures]) -> str:
    """The picture as SVG."""
    panels = [
        ("Tokens per second (more is better)", [_Bar(each.name, each.rates) for each in figures]),
        (
            "Microseconds of processor per token (less is better)",
            [_Bar(each.name, [one.microseconds for one in each.rounds]) for each in figures],
        ),
    ]
    panel_height = TITLE + ROW * len(figures) + GAP
    parts = [
        line
        for number, (title, bars) in enumerate(panels)
        for line in _panel(title, bars, MARGIN + number * panel_height)
    ]
    height = 2 * panel_height + MARGIN
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img">\n'
        f"<style>{STYLE}</style>\n" + "\n".join(parts) + "\n</svg>\n"
    )


def _panel(title: str, bars: Sequence[_Bar], top: int) -> Iterator[str]:
    yield f'<text class="title" x="{MARGIN}" y="{top + 16}">{escape(title)}</text>'
    limit = LONGEST * median(bar.length for bar in bars)
    longest = max(max(bar.values) for bar in bars if bar.length <= limit)
    scale = (WIDTH - 2 * MARGIN - NAMES - NUMBERS) / longest
    for number, bar in enumerate(bars):
        yield from _row(bar, top + TITLE + number * ROW, scale, longest)


def _row(bar: _Bar, top: int, scale: float, longest: float) -> Iterator[str]:
    left, middle = MARGIN + NAMES, top + BAR / 2
    is_cut = bar.length > longest
    width = max(1.0, min(bar.length, longest) * scale)
    kind = "own" if bar.name.startswith("Signet") else "peer"
    yield f'<text x="{MARGIN}" y="{top + 13}">{escape(bar.name)}</text>'
    yield f'<rect class="{kind}" x="{left}" y="{top}" width="{width:.1f}" height="{BAR}" rx="2"/>'
    end = width
    if not is_cut:
        least, end = min(bar.values) * scale, max(bar.values) * scale
        yield (
            f'<line class="spread" x1="{left + least:.1f}" x2="{left + end:.1f}" '
            f'y1="{middle}" y2="{middle}"/>'
        )
    number = f"→ {bar.length:,.0f}" if is_cut else f"{bar.length:,.0f}"
    yield f'<text x="{left + max(width, end) + 6:.1f}" y="{top + 13}">{number}</text>'
