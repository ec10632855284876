"""``make bench-scale``: what it costs that there are many clients.

Signet is asked by one client and by many in rotation, in turns, while very many are registered.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from bench.contestants import Contestant
from bench.load import LoadError, load_fully
from bench.machine import describe
from bench.many_clients import ENGINES, signet_with_many
from bench.report import row, spread
from bench.rounds import Calm, Figures, measure
from bench.tokens import PATIENCE, end_when_stopped, say

#: How often each client has asked before it counts, and of how many at most.
WARM_TIMES, MOST_WARM = 5, 10_000
WARM_SECONDS = 5
#: Seconds after which a slow machine is not warmed further.
LONGEST_WARM = 120
#: A worker asks for each client it knows again after a minute. The shorter its pauses, the less of
#: that is done in the rounds for what was forgotten in the pauses.
LONGER = 3


def main() -> int:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(prog="bench.scale", description=__doc__)
    parser.add_argument("--clients", type=int, default=20_000, help="registered")
    parser.add_argument("--rotating", type=int, default=10_000, help="of these, who ask")
    parser.add_argument("--database", choices=ENGINES, default="sqlite")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=int, default=4, help="of a round of one client")
    given = parser.parse_args()
    if not 0 < given.rotating < given.clients:
        parser.error("more clients must be registered than rotate")
    end_when_stopped()
    say(f"registering {given.clients:,} clients on {given.database}")
    with tempfile.TemporaryDirectory(prefix="signet-bench-") as folder:
        try:
            with signet_with_many(
                Path(folder, "signet"),
                clients=given.clients,
                rotating=given.rotating,
                engine=given.database,
            ) as (one, many):
                figures = compare(one, many, given.rotating, given.rounds, given.seconds)
        except LoadError as error:
            print(f"Failed: {error}", file=sys.stderr)
            return 1
    print(f"{given.clients:,} clients are registered, on {given.database}. {describe()}.\n")
    print(*table(*figures, given.rotating), sep="\n")
    return 0


def compare(
    one: Contestant, many: Contestant, rotating: int, rounds: int, seconds: int
) -> tuple[Figures, Figures]:
    """Rounds of both, in turns; the rotation goes on where it was left."""
    say("warming up")
    load_fully(one.target, WARM_SECONDS)
    place, calm = 0, Calm(PATIENCE)
    until = time.monotonic() + LONGEST_WARM
    while place < WARM_TIMES * min(rotating, MOST_WARM) and time.monotonic() < until:
        place += load_fully(replace(many.target, start=place), WARM_SECONDS).answers
    say(f"measuring: {rounds} rounds of {seconds} and {LONGER * seconds} s")
    alone, rotation = Figures("one client", one.alg), Figures("in rotation", many.alg)
    for _ in range(rounds):
        alone.rounds.append(measure(one, seconds, calm))
        turn = replace(many, target=replace(many.target, start=place))
        rotation.rounds.append(measure(turn, LONGER * seconds, calm))
        place += rotation.rounds[-1].outcome.answers
    return alone, rotation


def table(alone: Figures, rotation: Figures, rotating: int) -> Iterator[str]:
    """The comparison as Markdown."""
    columns = ["who asks", "tokens/s", "CPU µs/token", "memory MB"]
    yield row([*columns, "tokens per s ÷ one client", "tokens per CPU s ÷ one client"])
    yield f"|---|{'---:|' * 5}"
    for figures, name in ((alone, "one client"), (rotation, f"{rotating:,} in rotation")):
        cells = [
            name,
            spread(figures.rates),
            spread([each.microseconds for each in figures.rounds]),
        ]
        cells.append(f"{figures.rounds[-1].memory / 1e6:.0f}")
        ratios = [figures.ratios(alone), figures.ratios_of_work(alone)]
        yield row(cells + [spread(each) if figures is not alone else "1" for each in ratios])


if __name__ == "__main__":
    sys.exit(main())
