"""gunicorn's worker for Signet: gevent's, which wastes no packet and lets nobody starve.

Knows no room; gunicorn's master imports it.
"""

from typing import Any

import gevent
from gunicorn.workers.ggevent import GeventWorker


class Worker(GeventWorker):
    """A greenlet for each connection, as gevent's worker has it."""

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


class _Outgoing:
    """A socket that sends the headers of an answer with the beginning of its body.

    gunicorn writes them one after the other; a packet for each costs a tenth of a token.
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
