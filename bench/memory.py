"""``make bench-memory``: the memory of master and workers while Signet is under load for minutes.

What is printed is the proportional set size (PSS): what processes share is divided among them.
"""

import argparse
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

from bench.contestants import Contestant
from bench.load import LoadError, load_fully
from bench.machine import describe
from bench.many_clients import ENGINES, signet_with_many
from bench.processes import memory_of
from bench.report import row
from bench.tokens import end_when_stopped, say

#: Seconds between two looks.
INTERVAL = 15


def main() -> int:
    """Load, and print the memory as it goes."""
    parser = argparse.ArgumentParser(prog="bench.memory", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--clients", type=int, default=100, help="who ask in rotation")
    parser.add_argument("--database", choices=ENGINES, default="sqlite")
    given = parser.parse_args()
    end_when_stopped()
    say(f"registering {given.clients:,} clients on {given.database}")
    with tempfile.TemporaryDirectory(prefix="signet-bench-") as folder:
        try:
            with signet_with_many(
                Path(folder, "signet"),
                clients=given.clients + 1,
                rotating=given.clients,
                engine=given.database,
            ) as (_, many):
                print(f"{given.clients:,} clients, {given.database}. {describe()}.\n")
                watch(many, given.minutes)
        except LoadError as error:
            print(f"Failed: {error}", file=sys.stderr)
            return 1
    return 0


def watch(contestant: Contestant, minutes: float) -> None:
    """Load a server, and print a line for each interval."""
    print(row(["minute", "tokens/s", "tokens", "all MB", "master MB", "workers MB"]))
    print(f"|{'---:|' * 6}")
    began = time.monotonic()
    tokens = 0
    _show(contestant, 0, 0, 0)
    while time.monotonic() - began < 60 * minutes:
        target = replace(contestant.target, start=tokens)
        outcome = load_fully(target, INTERVAL)
        tokens += outcome.answers
        _show(contestant, (time.monotonic() - began) / 60, outcome.rate, tokens)


def _show(contestant: Contestant, minute: float, rate: float, tokens: int) -> None:
    sizes = [each.proportional / 1e6 for each in memory_of(contestant.leader)]
    if not sizes:
        sys.exit("the kernel does not tell the memory of these processes; root may ask")
    cells = [f"{minute:.1f}", f"{rate:,.0f}", f"{tokens:,}", f"{sum(sizes):.1f}"]
    cells += [f"{sizes[0]:.1f}", ", ".join(f"{size:.1f}" for size in sizes[1:])]
    print(row(cells), flush=True)


if __name__ == "__main__":
    sys.exit(main())
