"""gunicorn's worker for Signet: gevent's, which shares out connections and lets none starve.

Knows no room; gunicorn's master imports it.
"""

import mmap
from functools import partial
from typing import Any

import gevent
from gevent.server import StreamServer
from gunicorn.workers.ggevent import GeventWorker

#: Of one gunicorn at once, while it is reloaded too.
MOST_WORKERS = 1_024
_NOBODY = 2**32 - 1


class Connections:
    """How many connections each worker has, in memory that master and workers share."""

    def __init__(self) -> None:
        # Zero would be a worker that has no connection yet.
        self._counts = memoryview(mmap.mmap(-1, 4 * MOST_WORKERS)).cast("I")
        for place in range(MOST_WORKERS):
            self.leave(place)

    def enter(self, place: int) -> None:
        """A worker begins to take connections; no other has this place."""
        self._counts[place] = 0

    def leave(self, place: int) -> None:
        """There is no worker at this place any more."""
        self._counts[place] = _NOBODY

    def add(self, place: int, number: int) -> None:
        """A worker has so many connections more, or fewer."""
        self._counts[place] += number

    def are_fewest_at(self, place: int) -> bool:
        """Whether no other worker has fewer."""
        own = self._counts[place]
        return own == 0 or own <= min(self._counts)


class Worker(GeventWorker):
    """A greenlet for each connection, as gevent's worker has it."""

    #: Given before the fork: all counts, and which is this worker's.
    connections: Connections
    place: int

    def server_class(self, listener: Any, *, spawn: Any, **_: Any) -> "_Server":
        """What accepts connections; gunicorn asks for it once for each listener."""
        return _Server(self, listener, handle=partial(self.handle, listener), spawn=spawn)

    def handle(self, listener: Any, client: Any, addr: Any) -> None:
        """Serve a connection until it ends."""
        self.connections.add(self.place, 1)
        try:
            super().handle(listener, client, addr)
        finally:
            self.connections.add(self.place, -1)

    def handle_request(self, listener_name: Any, req: Any, sock: Any, addr: Any) -> None:
        """Answer one request of a connection."""
        outgoing = _Outgoing(sock)
        try:
            super().handle_request(listener_name, req, outgoing, addr)
        finally:
            outgoing.flush()
        # The next request of a busy connection is there before this one has ended, so its greenlet
        # would go on without ever waiting, and starve all others of the worker.
        gevent.sleep(0)


class _Server(StreamServer):
    """Lets a worker with fewer connections go first.

    The kernel wakes all workers for a new connection, and a busy one is as quick to take it as an
    idle one: of sixteen that came together, one of two workers took up to fifteen.
    """

    max_accept = 1
    #: Seconds for which a new connection is left to others, and how often in a row at most: they
    #: may be dead, or busy with something long.
    PAUSE, MOST_PAUSES = 0.001, 2

    def __init__(self, worker: Worker, listener: Any, **options: Any) -> None:
        super().__init__(listener, **options)
        self._worker = worker
        self._pauses = 0

    def do_read(self) -> Any:
        """The next connection and where it comes from; ``None``: none, or none for us."""
        worker = self._worker
        if self._pauses < self.MOST_PAUSES and not worker.connections.are_fewest_at(worker.place):
            self._pauses += 1
            self.stop_accepting()
            gevent.spawn_later(self.PAUSE, self._go_on)
            return None
        self._pauses = 0
        return super().do_read()

    def _go_on(self) -> None:
        if self.started:
            self.start_accepting()


class _Outgoing:
    """A socket that sends the headers of an answer with the beginning of its body.

    gunicorn writes them one after the other; the second packet costs a twentieth of a token.
    """

    __slots__ = ("_headers", "_has_sent", "_sock")

    def __init__(self, sock: Any) -> None:
        self._sock = sock
        self._headers = b""
        self._has_sent = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._sock, name)

    def sendall(self, data: bytes) -> None:
        """Send it, unless it is the first of an answer, which waits for the second."""
        if not self._headers and not self._has_sent:
            self._headers = data
            return
        data, self._headers, self._has_sent = self._headers + data, b"", True
        # The whole of a small answer; gevent's ``sendall`` would ask for the size of a buffer.
        sent = self._sock.send(data)
        if sent < len(data):
            self._sock.sendall(data[sent:])

    def sendfile(self, *arguments: Any, **options: Any) -> Any:
        """Send a file, behind the headers."""
        self.flush()
        return self._sock.sendfile(*arguments, **options)

    def shutdown(self, how: int) -> None:
        """End the connection in the middle of an answer that has failed."""
        self._headers = b""
        self._sock.shutdown(how)

    def flush(self) -> None:
        """Send headers that nothing has followed."""
        if self._headers:
            self.sendall(b"")
