"""Servers that speak TLS on the loopback address, for what Signet fetches from others.

with TlsServer() as server:
    server.answers["/jwks"] = Reply.json({"keys": []})
    Outbound(allow=LOOPBACK, ca_pem=server.ca_pem).fetch_json(server.base_url + "/jwks")

with TlsServer(forward_to="http://127.0.0.1:8123") as front:    # another Signet, by https
    ...
"""

import http.client
import ipaddress
import json
import ssl
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import urlsplit

from tests.certificates import Issued, make_server_certificate

#: What ``SIGNET_OUTBOUND_ALLOW`` must hold for a server of this file to be reached.
LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128"))


@dataclass(frozen=True)
class Reply:
    """What a server answers at a path."""

    body: bytes = b""
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    #: Seconds before each byte of the body.
    trickle: float = 0.0
    #: Whether it trickles a header that does not end, and never comes to the body.
    stays_in_header: bool = False

    @classmethod
    def json(cls, document: Any, **members: Any) -> "Reply":
        return cls(json.dumps(document).encode(), **members)


class TlsServer:
    """An https server on a free port of 127.0.0.1; ``localhost`` names it as well."""

    def __init__(self, *, forward_to: str | None = None, certificate: Issued | None = None) -> None:
        """Prepare; the server answers within its ``with`` block.

        :param forward_to: plain http address of a server that this one stands in front of.
        :param certificate: other than one for ``127.0.0.1`` and ``localhost`` by itself.
        """
        self.certificate = certificate or make_server_certificate()
        #: By path; everything else is 404, or what the server behind answers.
        self.answers: dict[str, Reply] = {}
        #: Paths in the order in which they were asked for.
        self.asked: list[str] = []
        self._forward_to = forward_to
        self._server = _Listener(("127.0.0.1", 0), _Connection)
        self._server.rig = self
        self._folder = TemporaryDirectory()
        chain, key = self.certificate.write(Path(self._folder.name), "server")
        #: File of the certificate that a client must trust, for ``SIGNET_OUTBOUND_CA_FILE``.
        self.ca_file = chain
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(chain, key)
        # In the thread of the connection: one that never finishes must not hold the others.
        self._server.socket = context.wrap_socket(
            self._server.socket, server_side=True, do_handshake_on_connect=False
        )
        self._thread = threading.Thread(
            target=self._server.serve_forever, args=(0.02,), daemon=True
        )

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def base_url(self) -> str:
        return f"https://localhost:{self.port}"

    @property
    def ca_pem(self) -> str:
        return self.certificate.pem

    def __enter__(self) -> "TlsServer":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()
        self._folder.cleanup()

    def forward(self, path: str) -> Reply:
        """What the server behind answers; 404 if there is none, 502 if it is away."""
        if self._forward_to is None:
            return Reply(status=404)
        behind = urlsplit(self._forward_to)
        connection = http.client.HTTPConnection(str(behind.hostname), behind.port or 80, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            kind = answer.getheader("Content-Type", "application/json")
            return Reply(answer.read(), answer.status, {"Content-Type": kind})
        except OSError:
            return Reply(status=502)
        finally:
            connection.close()


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    rig: TlsServer


class _Connection(BaseHTTPRequestHandler):
    timeout = 10
    server: _Listener

    def do_GET(self) -> None:
        rig = self.server.rig
        rig.asked.append(self.path)
        reply = rig.answers.get(urlsplit(self.path).path) or rig.forward(self.path)
        self.send_response(reply.status)
        for name, value in reply.headers.items():
            self.send_header(name, value)
        if "Content-Length" not in reply.headers:
            self.send_header("Content-Length", str(len(reply.body)))
        if reply.stays_in_header:
            self.flush_headers()
            self._write_slowly(b"X-Long: " + b"x" * 60_000, reply.trickle)
        self.end_headers()
        self._write_slowly(reply.body, reply.trickle)

    def _write_slowly(self, content: bytes, trickle: float) -> None:
        pieces = (bytes([byte]) for byte in content) if trickle else (content,)
        for piece in pieces:
            time.sleep(trickle)
            self.wfile.write(piece)

    def handle(self) -> None:
        # A handshake that was refused, or a client that has gone.
        with suppress(OSError):
            super().handle()

    def finish(self) -> None:
        with suppress(OSError):
            super().finish()

    def log_message(self, *_: object) -> None:
        pass
