"""``make bench``: tokens per second of Signet and of what one could run instead, side by side.

All are started, and loaded in turns by short rounds, so that a slow minute of the machine is one of
them all. ``--write`` keeps the result in ``docs/performance.md``.
"""

import argparse
import signal
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack
from pathlib import Path

from bench import contestants as who
from bench.contestants import AbsentError, Contestant
from bench.generator import Outcome
from bench.load import LoadError, generator_name, load_evenly, load_fully
from bench.machine import describe
from bench.plot import write_plot
from bench.report import Result, to_markdown, write_into_document
from bench.rounds import Calm, check_token, settle, take_turns

ROUNDS, SECONDS, WARM_UP, EVEN_SECONDS, PATIENCE = 7, 3, 2, 6, 60

#: In the order of the table.
SERVERS: Mapping[str, Callable[[Path], AbstractContextManager[Contestant]]] = {
    who.SIGNET: lambda folder: who.signet(folder, who.SIGNET),
    who.SIGNET_ES256: lambda folder: who.signet(
        folder, who.SIGNET_ES256, SIGNET_SIGNING_ALG="ES256"
    ),
    who.SIGNET_POSTGRESQL: who.signet_on_postgresql,
    who.NODE: who.node,
    who.BARE: who.bare,
    who.DJANGO: who.django,
}
#: Who is asked at half of Signet's rate; django-oauth-toolkit is far below it.
EVEN = (who.SIGNET, who.NODE, who.BARE)


def main() -> int:
    """Measure all, and print the tables."""
    parser = argparse.ArgumentParser(prog="bench.tokens", description=__doc__)
    parser.add_argument("--write", action="store_true", help="keep the result in docs/")
    parser.add_argument("--rounds", type=int, default=ROUNDS)
    parser.add_argument("--seconds", type=int, default=SECONDS, help="of a round")
    parser.add_argument(
        "--patience", type=int, default=PATIENCE, help="seconds spent waiting for a calm machine"
    )
    arguments = parser.parse_args()
    end_when_stopped()
    try:
        result = run(arguments.rounds, arguments.seconds, Calm(arguments.patience))
    except LoadError as error:
        print(f"Failed: {error}", file=sys.stderr)
        return 1
    text = to_markdown(result)
    print(text)
    if arguments.write:
        write_into_document(text)
        write_plot(result)
    return 0


def run(rounds: int, seconds: int, calm: Calm) -> Result:
    """Start all that can run here, and measure them.

    :raises LoadError: if one of them did not answer every request with a token.
    """
    absent: dict[str, str] = {}
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="signet-bench-")))
        running = []
        for number, (name, start) in enumerate(SERVERS.items()):
            say(f"starting {name}")
            try:
                running.append(stack.enter_context(start(folder / str(number))))
            except AbsentError as error:
                absent[name] = str(error)
        for contestant in running:
            check_token(contestant)
            load_fully(contestant.target, WARM_UP)
        say(f"measuring: {rounds} rounds of {seconds} s for each")
        figures = take_turns(running, rounds, seconds, calm)
        rate = figures[who.SIGNET].rate / 2
        say(f"measuring at {rate:.0f} tokens/s")
        return Result(
            machine=describe(),
            generator=generator_name(),
            seconds=seconds,
            figures=figures,
            absent=absent,
            even_rate=rate,
            even=even(running, rate, calm),
        )


def even(running: Sequence[Contestant], rate: float, calm: Calm) -> dict[str, Outcome]:
    """How long tokens take at a rate that all can give."""
    outcomes = {}
    for contestant in running:
        if contestant.name in EVEN:
            settle(contestant.leader)
            calm.wait()
            # What a server does once after a pause is none of a request's time.
            load_evenly(contestant.target, WARM_UP, rate)
            outcomes[contestant.name] = load_evenly(contestant.target, EVEN_SECONDS, rate)
    return outcomes


def end_when_stopped() -> None:
    """However this process is asked to end, its servers end before it."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda *_: sys.exit("stopped"))


def say(text: str) -> None:
    """Tell whoever waits what is done now; the tables go to another stream."""
    print(f"… {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
