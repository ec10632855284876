"""``make bench-start``: how long it takes from a start to the first token.

Of a worker: the only one of a running server is killed, and a token is asked for; the connection
waits in the queue of the socket, which the master holds, until the next worker takes it. Of the
whole server: from the start of gunicorn. With one client and with very many, to see whether that
makes a difference; and what the imports take.
"""

import argparse
import os
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from bench import imports
from bench.contestants import postgresql, register, signet_server, token_body
from bench.machine import describe
from bench.many_clients import ENGINES, NAMES, add_copies
from bench.processes import age_of, children_of, family_seconds, own_seconds
from bench.report import row, spread
from bench.rounds import settle
from bench.tokens import end_when_stopped, say
from tests.running import PATIENCE, Server

TIMES = 7


@dataclass(slots=True)
class Starts:
    """One installation, and how long its starts took, all in seconds."""

    name: str
    server: Server
    body: str
    #: Since the worker before it was killed, since the fork, and of the processor.
    killed: list[float] = field(default_factory=list)
    forked: list[float] = field(default_factory=list)
    worker_work: list[float] = field(default_factory=list)
    #: Of the whole server: since gunicorn was started, and of the processor.
    started: list[float] = field(default_factory=list)
    server_work: list[float] = field(default_factory=list)

    def start_server(self) -> None:
        """Start gunicorn, and ask until there is a token."""
        self.server.stop()
        began = time.monotonic()
        master = self.server.launch().pid
        self._ask()
        self.started.append(time.monotonic() - began)
        # The child that checks the preparation has ended, and counts.
        self.server_work.append(family_seconds(master))

    def kill_worker(self) -> None:
        """Kill the only worker, and ask until there is a token."""
        settle(self.server.pid)
        (old,) = children_of(self.server.pid)
        os.kill(old, signal.SIGKILL)
        began = time.monotonic()
        self._ask()
        self.killed.append(time.monotonic() - began)
        (new,) = children_of(self.server.pid)
        self.worker_work.append(own_seconds(new))
        self.forked.append(age_of(new))
        assert new != old, "the killed worker has answered"

    def _ask(self) -> None:
        deadline = time.monotonic() + PATIENCE
        url = f"{self.server.base_url}/connect/token"
        while True:
            try:
                with urllib.request.urlopen(url, self.body.encode(), timeout=PATIENCE) as answer:
                    assert b'"access_token"' in answer.read()
                    return
            except OSError:
                assert time.monotonic() < deadline, "the server does not start"
                time.sleep(0.002)


def main() -> int:
    """Measure, and print the tables."""
    parser = argparse.ArgumentParser(prog="bench.start", description=__doc__)
    parser.add_argument("--clients", type=int, default=100_000, help="of the larger database")
    parser.add_argument("--times", type=int, default=TIMES)
    given = parser.parse_args()
    end_when_stopped()
    with ExitStack() as stack:
        name = stack.enter_context(tempfile.TemporaryDirectory(prefix="signet-bench-"))
        all_starts = [
            install(stack, Path(name, f"{engine}-{count}"), engine, count)
            for engine in ENGINES
            for count in (1, given.clients)
        ]
        say(f"measuring: {given.times} starts of each")
        for _ in range(given.times):
            for starts in all_starts:
                starts.start_server()
                starts.kill_worker()
        say("looking at the imports")
        found = imports.measure(all_starts[0].server)
    print(*table(all_starts), sep="\n")
    print(f"\nMedian of {given.times} (least–most), in turns. {describe()}.\n")
    print(*imports.table(found), sep="\n")
    return 0


def install(stack: ExitStack, folder: Path, engine: str, clients: int) -> Starts:
    """A server of one worker with so many clients, not started."""
    say(f"registering {clients:,} clients on {engine}")
    url = stack.enter_context(postgresql()) if engine == "postgresql" else ""
    server = stack.enter_context(signet_server(folder, url, SIGNET_WORKERS="1"))
    body = token_body(*register(server))
    if clients > 1:
        add_copies(server, clients - 1, 1)
    return Starts(f"{NAMES[engine]}, {clients:,} client{'s' * (clients > 1)}", server, body)


def table(all_starts: Sequence[Starts]) -> Iterator[str]:
    """The starts as Markdown."""
    columns = ["worker killed → token s", "worker forked → token s", "CPU s of the worker"]
    columns += ["gunicorn started → token s", "CPU s of all processes"]
    yield row(["database", *columns])
    yield f"|---|{'---:|' * len(columns)}"
    for each in all_starts:
        figures = [each.killed, each.forked, each.worker_work, each.started, each.server_work]
        yield row([each.name, *map(spread, figures)])


if __name__ == "__main__":
    sys.exit(main())
