"""A load generator on plain sockets: at full speed, or at a rate of its own.

At a rate the moments of the requests are drawn beforehand (a Poisson process) and the time of an
answer counts from its moment, so a server that falls behind cannot slow the questions down.
"""

import gc
import select
import socket
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import cycle
from secrets import SystemRandom
from statistics import quantiles
from urllib.parse import urlsplit

#: Seconds until a server that does not answer has failed.
PATIENCE = 60


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a server has answered."""

    answers: int
    seconds: float
    #: Answers that were not as expected, and connections that broke.
    failures: int
    #: Milliseconds.
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Tokens per second."""
        return self.answers / self.seconds


@dataclass(slots=True)
class _Connection:
    socket: socket.socket
    #: From when the answer that is under way counts.
    asked: float = 0.0
    received: bytearray = field(default_factory=bytearray)

    def is_answered(self) -> bool:
        """Whether the answer is there as a whole, with what has just arrived."""
        data = self.socket.recv(65_536)
        if not data:
            raise ConnectionError("the server closed a connection")
        self.received += data
        end = self.received.find(b"\r\n\r\n")
        if end < 0:
            return False
        head = bytes(self.received[:end]).lower()
        if b"\r\ntransfer-encoding: chunked" in head:
            return self.received.endswith(b"\r\n0\r\n\r\n")
        length = int(head.partition(b"\r\ncontent-length:")[2].split(b"\r\n", 1)[0])
        return len(self.received) >= end + 4 + length

    def take_answer(self, expected: bytes) -> bool:
        """Forget the answer, and say whether it was as expected."""
        is_good = self.received.startswith(b"HTTP/1.1 200") and expected in self.received
        self.received.clear()
        return is_good


def generate(
    url: str,
    bodies: Sequence[bytes],
    seconds: float,
    connections: int,
    *,
    rate: float = 0.0,
    expected: bytes = b'"access_token"',
) -> Outcome:
    """Ask for tokens by so many kept connections.

    :param bodies: behind each, after a space, may stand its DPoP proof.
    :param rate: requests per second; 0: each connection asks as soon as it is answered.
    :param expected: what is in a good answer.
    """
    parts = urlsplit(url)
    assert parts.hostname == "127.0.0.1", "only this machine is loaded"
    requests = cycle([_request(parts.path, parts.netloc, body) for body in bodies])
    address = (parts.hostname, parts.port)
    idle = [_Connection(socket.create_connection(address, PATIENCE)) for _ in range(connections)]
    opened = list(idle)
    gc.disable()
    try:
        return _Run(requests, idle, seconds, rate, expected).run()
    finally:
        gc.enable()
        for connection in opened:
            connection.socket.close()


class _Run:
    def __init__(
        self,
        requests: Iterator[bytes],
        idle: list[_Connection],
        seconds: float,
        rate: float,
        expected: bytes,
    ) -> None:
        self._requests = requests
        self._expected = expected
        self._idle = idle
        self._busy: dict[socket.socket, _Connection] = {}
        self._rate = rate
        self._began = time.perf_counter()
        self._end = self._began + seconds
        self._moments = deque(_moments(self._began, self._end, rate)) if rate else deque()
        self._durations: list[float] = []
        self._failures = 0

    def run(self) -> Outcome:
        while True:
            now = time.perf_counter()
            self._ask(now)
            wait = float(PATIENCE)
            if self._rate and self._moments and self._idle:
                wait = max(0.0, self._moments[0] - now)
            elif not self._busy:
                break
            self._collect(wait)
        took = self._durations
        cuts = quantiles(took, n=100) if len(took) > 1 else took * 99
        return Outcome(
            answers=len(took),
            seconds=time.perf_counter() - self._began,
            failures=self._failures,
            p50=cuts[49] * 1e3 if cuts else 0.0,
            p99=cuts[98] * 1e3 if cuts else 0.0,
        )

    def _ask(self, now: float) -> None:
        """Send what is due."""
        while self._idle:
            if self._rate:
                if not self._moments or self._moments[0] > now:
                    return
                asked = self._moments.popleft()
            elif now < self._end:
                asked = now
            else:
                return
            # The one that has waited longest: all are used alike.
            connection = self._idle.pop(0)
            connection.asked = asked
            connection.socket.sendall(next(self._requests))
            self._busy[connection.socket] = connection

    def _collect(self, wait: float) -> None:
        """Take the answers that are there, waiting so many seconds for the first."""
        # Not epoll: its time-out is whole milliseconds.
        ready, _, _ = select.select(self._busy, [], [], wait)
        if not ready and wait == PATIENCE:
            raise TimeoutError("the server does not answer")
        for each in ready:
            connection = self._busy[each]
            if connection.is_answered():
                self._durations.append(time.perf_counter() - connection.asked)
                self._failures += not connection.take_answer(self._expected)
                del self._busy[each]
                self._idle.append(connection)


def _moments(begin: float, end: float, rate: float) -> Iterator[float]:
    dice = SystemRandom()
    moment = begin + dice.expovariate(rate)
    while moment < end:
        yield moment
        moment += dice.expovariate(rate)


def _request(path: str, host: str, line: bytes) -> bytes:
    body, _, proof = line.partition(b" ")
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\n"
        "Content-Type: application/x-www-form-urlencoded\r\n"
        f"Content-Length: {len(body)}\r\n"
    )
    if proof:
        head += f"DPoP: {proof.decode()}\r\n"
    return f"{head}\r\n".encode() + body
