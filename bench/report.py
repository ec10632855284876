"""What was measured, in words and tables of Markdown."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bench.contestants import BARE, NODE
from bench.generator import Outcome
from bench.rounds import Figures

DOCUMENT = Path(__file__).parent.parent / "docs/performance.md"
BEGIN, END = "<!-- make bench writes from here -->", "<!-- to here -->"


@dataclass(slots=True)
class Result:
    """All that a run has found."""

    machine: str
    generator: str
    seconds: int
    figures: Mapping[str, Figures]
    #: Contestants that could not run, and why.
    absent: Mapping[str, str] = field(default_factory=dict)
    #: Tokens per second that the table below was taken at.
    even_rate: float = 0.0
    even: Mapping[str, Outcome] = field(default_factory=dict)


def to_markdown(result: Result) -> str:
    """The tables, and what must be known of them."""
    parts = [_full(result), _notes(result), _ratios(result), _even(result)]
    return "\n\n".join("\n".join(part) for part in parts) + "\n"


def write_into_document(text: str) -> None:
    """Put the result in its place in the documentation."""
    document = DOCUMENT.read_text(encoding="utf-8")
    before, _, rest = document.partition(BEGIN)
    after = rest.partition(END)[2]
    DOCUMENT.write_text(f"{before}{BEGIN}\n\n{text}\n{END}{after}", encoding="utf-8")


def spread(values: Sequence[float]) -> str:
    """Median, least and most."""
    digits = 0 if median(values) >= 10 else 2
    middle, least, most = (
        f"{value:,.{digits}f}" for value in (median(values), min(values), max(values))
    )
    return f"{middle} ({least}–{most})"


def _full(result: Result) -> Iterator[str]:
    columns = ["server", "token", "tokens/s", "p50 ms", "p99 ms", "CPU µs/token", "memory MB"]
    yield row(columns)
    yield f"|---|---|{'---:|' * (len(columns) - 2)}"
    for each in result.figures.values():
        yield row(_cells(each))
    for name, reason in result.absent.items():
        yield row([name, f"skipped: {reason}", *[""] * (len(columns) - 2)])


def _ratios(result: Result) -> Iterator[str]:
    """Each beside the fastest peer and the floor of Flask, round by round."""
    bases = [result.figures[name] for name in (NODE, BARE) if name in result.figures]
    columns = [f"tokens per {unit} ÷ {base.name}" for unit in ("s", "CPU s") for base in bases]
    yield row(["server", *columns])
    yield f"|---|{'---:|' * len(columns)}"
    for each in result.figures.values():
        ratios = [Figures.ratios, Figures.ratios_of_work]
        yield row(
            [each.name]
            + [
                spread(ratio(each, base)) if base is not each else "1"
                for ratio in ratios
                for base in bases
            ]
        )


def row(cells: Sequence[str]) -> str:
    """A line of a table."""
    return f"| {' | '.join(cells)} |"


def _cells(figures: Figures) -> list[str]:
    rounds = figures.rounds
    memory = median(each.memory for each in rounds) / 1e6
    return [
        figures.name,
        figures.alg,
        spread(figures.rates),
        f"{median(each.outcome.p50 for each in rounds):.1f}",
        f"{median(each.outcome.p99 for each in rounds):.1f}",
        spread([each.microseconds for each in rounds]),
        f"{memory:.0f}" if memory else "not told",
    ]


def _notes(result: Result) -> Iterator[str]:
    rounds = {len(each.rounds) for each in result.figures.values()}
    others = [round_.others for each in result.figures.values() for round_ in each.rounds]
    yield (
        f"Median of {max(rounds)} rounds of {result.seconds} s each, in turns (least–most); "
        f"16 kept connections, loaded on the same machine by {result.generator}. "
        f"Other programs took {median(others):.0%} of its processors, {max(others):.0%} at most."
    )
    yield ""
    yield f"{result.machine}."


def _even(result: Result) -> Iterator[str]:
    yield f"| at {result.even_rate:,.0f} tokens/s | p50 ms | p99 ms |"
    yield "|---|---:|---:|"
    for name, outcome in result.even.items():
        yield f"| {name} | {outcome.p50:.1f} | {outcome.p99:.1f} |"
    yield ""
    yield (
        "Half of what Signet reached above, asked for by a generator in Python (wrk knows no rate) "
        "at moments drawn at random beforehand; the time counts from that moment, also if all 16 "
        "connections were busy then."
    )
