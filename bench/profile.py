"""Where the microseconds of one token go: ``make bench-profile``.

Signet's own part is run in this process, a few thousand requests one after the other, with a clock
around the functions that are its steps; each step is told without what it has called of the others,
and as the median, so that what else the machine does falls out. What the HTTP server and the kernel
add is the difference to the processor time that a served token takes under load.
"""

import gc
import logging
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

from bench.contestants import register, signet_server, token_body
from bench.load import Target, load_fully
from bench.processes import processor_seconds
from tests.token_request import environ

REQUESTS = 3_000
#: At once, so that what is done for many at once is.
BATCH = 100

#: Step, and the functions that begin it; module and name, of a class behind a dot.
STEPS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("2 entrance: request id, headers, exchange", ("signet.views.entrance:Entrance.__call__",)),
    ("3 read the body, strictly", ("signet.views.protocol:StrictRequest",)),
    (
        "4 Authlib: grant_type → grant, answer",
        ("signet.views.authorization_server:AuthorizationServer.create_token_response",),
    ),
    ("5 authenticate the client", ("signet.oauth.token:authenticate_client",)),
    ("5 … find its snapshot", ("signet.models.store:SqlStore.find_client",)),
    ("6 grant the scope", ("signet.oauth.token:grant_scope",)),
    ("7 confirm the sender", ("signet.oauth.token:confirm_sender",)),
    ("8 choose the key", ("signet.oauth.token:choose_key",)),
    (
        "8 claims, encoding",
        ("signet.oauth.token:access_token_claims", "signet.oauth.token:sign_access_token"),
    ),
    ("8 signature", ("signet.oauth.access_token:_sign",)),
    ("9 the answer as JSON", ("signet.views.authorization_server:json_answer",)),
    ("10 count and log, beside the path", ("signet.bookkeeping:Bookkeeping.write_down",)),
)
SERVER = "1 gunicorn, gevent and the kernel"


class Stopwatch:
    """Gives each moment to the innermost step that has begun."""

    def __init__(self) -> None:
        self.spent: dict[str, list[int]] = defaultdict(list)
        self._running: dict[str, int] = defaultdict(int)
        self._steps: list[str] = []
        self._since = 0

    def around(self, function: Callable[..., Any], step: str) -> Callable[..., Any]:
        """The same function, measured."""
        clock, steps, running = time.perf_counter_ns, self._steps, self._running

        def measured(*arguments: Any, **options: Any) -> Any:
            now = clock()
            if steps:
                running[steps[-1]] += now - self._since
            steps.append(step)
            self._since = clock()
            try:
                return function(*arguments, **options)
            finally:
                running[steps.pop()] += clock() - self._since
                self._since = clock()

        return measured

    def lap(self) -> None:
        """One more request is over."""
        for step, nanoseconds in self._running.items():
            self.spent[step].append(nanoseconds)
        self._running.clear()


def main() -> None:
    """Measure, and print a line for each step."""
    with tempfile.TemporaryDirectory(prefix="signet-profile-") as name:
        folder = Path(name)
        with signet_server(folder / "signet") as server:
            body = token_body(*register(server))
            steps = _steps_in_process(server, body)
            whole = _whole_token(server, folder, body)
    _print(steps, whole)


def _steps_in_process(server: Any, body: str) -> dict[str, float]:
    stopwatch = Stopwatch()
    for step, places in STEPS:
        for place in places:
            _wrap(place, step, stopwatch)
    with server.opened() as app, open("/dev/null", "w", encoding="utf-8") as nowhere:
        for handler in logging.getLogger().handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setStream(nowhere)
        books = app.extensions["signet_wiring"].books
        books.defer()
        gc.freeze()
        for number in range(REQUESTS + BATCH):
            _ask(app.wsgi_app, body.encode())
            if number >= BATCH:
                stopwatch.lap()
            if number % BATCH == 0:
                books.write_down()
    per_request = {step: statistics.median(spent) for step, spent in stopwatch.spent.items()}
    # Most requests have nothing of it, and one has that of all.
    beside = STEPS[-1][0]
    per_request[beside] = statistics.median(sorted(stopwatch.spent[beside])[1:]) / BATCH
    return {step: nanoseconds / 1_000 for step, nanoseconds in per_request.items()}


def _wrap(place: str, step: str, stopwatch: Stopwatch) -> None:
    module, _, name = place.partition(":")
    owner: Any = import_module(module)
    *path, attribute = name.split(".")
    for part in path:
        owner = getattr(owner, part)
    setattr(owner, attribute, stopwatch.around(getattr(owner, attribute), step))


def _ask(application: Callable[..., Any], body: bytes) -> None:
    statuses: list[str] = []
    application(environ(body), lambda status, headers: statuses.append(status))
    assert statuses == ["200 OK"], statuses


def _whole_token(server: Any, folder: Path, body: str) -> float:
    """Microseconds of processor time, of all processes of the server."""
    bodies = folder / "bodies"
    bodies.write_text(body)
    target = Target(f"{server.base_url}/connect/token", bodies)
    server.start()
    load_fully(target, 2)
    measured = []
    for _ in range(3):
        before = processor_seconds(server.pid)
        outcome = load_fully(target, 4)
        measured.append((processor_seconds(server.pid) - before) / outcome.answers)
    return 1e6 * statistics.median(measured)


def _print(steps: dict[str, float], whole: float) -> None:
    inside = sum(steps.values())
    rows = [(SERVER, whole - inside), *((step, steps[step]) for step, _ in STEPS)]
    print("| step | µs | |")
    print("|---|---:|---:|")
    for step, microseconds in rows:
        print(f"| {step} | {microseconds:.1f} | {microseconds / whole:.0%} |")
    print(f"| **a token** | **{whole:.0f}** | |")


if __name__ == "__main__":
    main()
