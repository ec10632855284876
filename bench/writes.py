"""``make bench-writes``: what the requests cost that must write to the database.

A plain token of a secret writes nothing; it is the yardstick. All kinds of request, on SQLite and
on PostgreSQL, take turns by short rounds. Whatever counts once is made in this process before the
round that uses it.
"""

import argparse
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import psycopg

from bench import disk
from bench.contestants import Contestant, postgresql, signet_server
from bench.generator import Outcome
from bench.load import CONNECTIONS, LoadError, Target, generator_name, load_fully
from bench.machine import describe
from bench.many_clients import ENGINES, NAMES
from bench.processes import family_seconds, parent_of
from bench.report import row, spread
from bench.rounds import Calm, Figures, measure
from bench.single_use import KINDS, PLAIN, Kind, Requests, Statements
from bench.tokens import end_when_stopped, say

ROUNDS, SECONDS, WARM_UP, PATIENCE = 4, 2, 1, 10
#: Requests that are made for each second of the first load and, at least, of a later one; and how
#: many times what was answered at most in a second.
FIRST, LEAST, TIMES_MOST = 2_000, 800, 2.5


@dataclass(slots=True)
class Turn:
    """One kind of request at one server, and what was found."""

    kind: Kind
    engine: str
    requests: Requests
    contestant: Contestant
    statements: Statements
    #: The process that leads PostgreSQL; 0 on SQLite.
    postmaster: int
    figures: Figures
    #: Requests that are made for each second of a round; none may be sent twice.
    per_second: float = FIRST
    #: Seconds of processor time of PostgreSQL, of each round.
    postgresql: list[float] = field(default_factory=list)

    def take(self, seconds: int, calm: Calm) -> None:
        """One more round.

        :raises LoadError: if an answer is not as it should be.
        """
        made = self._prepare(seconds)
        before = self._postgresql_seconds()
        self.figures.rounds.append(measure(self.contestant, seconds, calm))
        self.postgresql.append(self._postgresql_seconds() - before)
        self._check(self.figures.rounds[-1].outcome, made)
        self.per_second = max(LEAST, TIMES_MOST * max(self.figures.rates))

    def warm_up(self) -> None:
        """A short load that does not count."""
        made = self._prepare(WARM_UP)
        outcome = load_fully(self.contestant.target, WARM_UP)
        self._check(outcome, made)
        self.per_second = max(LEAST, TIMES_MOST * outcome.rate)

    def _prepare(self, seconds: int) -> int:
        count = 1 if self.kind.is_repeatable else round(self.per_second * seconds)
        lines = (f"{self.kind.make(self.requests)}\n" for _ in range(count))
        self.contestant.target.bodies.write_text("".join(lines), encoding="ascii")
        return count

    def _check(self, outcome: Outcome, made: int) -> None:
        # Some more were sent than answered: one by each connection.
        if not self.kind.is_repeatable and outcome.answers + CONNECTIONS > made:
            raise LoadError(f"{self.kind.name}: {made} requests were too few")

    def _postgresql_seconds(self) -> float:
        return family_seconds(self.postmaster) if self.postmaster else 0.0


def main() -> int:
    """Measure all, and print the tables."""
    parser = argparse.ArgumentParser(prog="bench.writes", description=__doc__)
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of a round")
    given = parser.parse_args()
    end_when_stopped()
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="signet-bench-"))
        folder = Path(name)
        costs = disk.measure(folder)
        turns = []
        for engine in ENGINES:
            say(f"starting Signet on {NAMES[engine]}")
            turns += start(stack, folder / engine, engine)
        try:
            run(turns, given.rounds, given.seconds)
        except LoadError as error:
            print(f"Failed: {error}", file=sys.stderr)
            return 1
    print(*table(turns), sep="\n")
    print(f"\n{notes(turns, given.rounds, given.seconds)}\n\n{describe()}.\n")
    print(*disk.table(costs), sep="\n")
    return 0


def start(stack: ExitStack, folder: Path, engine: str) -> list[Turn]:
    """A server on this engine, and all kinds of request for it."""
    url = stack.enter_context(postgresql()) if engine == "postgresql" else ""
    server = stack.enter_context(signet_server(folder, url))
    requests = Requests(server)
    statements = requests.count_statements()
    server.start()
    postmaster = _postmaster_of(url) if url else 0
    turns = []
    for number, kind in enumerate(KINDS):
        target = Target(server.base_url + kind.path, folder / f"bodies-{number}")
        target = kind.expecting(target)
        turns.append(
            Turn(
                kind=kind,
                engine=engine,
                requests=requests,
                contestant=Contestant(kind.name, "RS256", target, server.pid),
                statements=statements[kind.name],
                postmaster=postmaster,
                figures=Figures(kind.name, "RS256"),
            )
        )
    return turns


def run(turns: Sequence[Turn], rounds: int, seconds: int) -> None:
    """So many rounds of all; each time another one begins.

    :raises LoadError: if an answer is not as it should be.
    """
    for turn in turns:
        turn.warm_up()
    say(f"measuring: {rounds} rounds of {seconds} s for each of {len(turns)}")
    calm = Calm(PATIENCE)
    for number in range(rounds):
        shift = number % len(turns)
        for turn in (*turns[shift:], *turns[:shift]):
            turn.take(seconds, calm)


def table(turns: Sequence[Turn]) -> Iterator[str]:
    """What was found, as Markdown."""
    columns = ["requests/s", "p50 ms", "p99 ms", "CPU µs/request", "CPU ÷ plain token"]
    columns += ["PostgreSQL CPU µs/request", "reads", "writes"]
    yield row(["request", "database", *columns])
    yield f"|---|---|{'---:|' * len(columns)}"
    for turn in turns:
        plain = next(each for each in turns if (each.kind, each.engine) == (PLAIN, turn.engine))
        yield row(_cells(turn, plain))


def notes(turns: Sequence[Turn], rounds: int, seconds: int) -> str:
    """What must be known of the table."""
    others = [each.others for turn in turns for each in turn.figures.rounds]
    return (
        f"Median of {rounds} rounds of {seconds} s each, in turns (least–most); two workers, 16 "
        f"kept connections, loaded on the same machine by {generator_name()}. Other programs took "
        f"{median(others):.0%} of its processors, {max(others):.0%} at most."
    )


def _cells(turn: Turn, plain: Turn) -> list[str]:
    rounds = turn.figures.rounds
    cells = [turn.kind.name, NAMES[turn.engine], spread(turn.figures.rates)]
    cells += [f"{median(each.outcome.p50 for each in rounds):.1f}"]
    cells += [f"{median(each.outcome.p99 for each in rounds):.1f}"]
    cells += [spread([each.microseconds for each in rounds])]
    cells += ["1" if turn is plain else spread(plain.figures.ratios_of_work(turn.figures))]
    pairs = zip(turn.postgresql, rounds, strict=True)
    besides = [1e6 * taken / each.outcome.answers for taken, each in pairs]
    cells += [spread(besides) if turn.postmaster else "–"]
    return [*cells, str(turn.statements.reads), str(turn.statements.writes)]


def _postmaster_of(url: str) -> int:
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert found is not None
    return parent_of(int(found[0]))


if __name__ == "__main__":
    sys.exit(main())
