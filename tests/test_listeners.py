"""Pages and protocol at listeners of their own (SECURITY U10), at a real gunicorn."""

import re
import socket
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.databases import Databases
from tests.running import Installation, Server, free_port

#: Sends a request and gives the status, and the headers and body as bytes.
Ask = Callable[..., tuple[int, bytes]]

PUBLIC_PATHS = (
    "/.well-known/openid-configuration",
    "/.well-known/oauth-authorization-server",
    "/.well-known/openid-configuration/jwks",
)
PAGES = ("/", "/admin", "/admin/", "/admin/sign-in", "/admin/setup", "/admin/nothing")
EVERYWHERE = ("/healthz", "/readyz", "/static/signet.css")


class Listeners:
    """A server with two, and how to call each."""

    def __init__(self, server: Server, admin_bind: str) -> None:
        self.server = server
        self.admin_bind = admin_bind

    def public(self, path: str, *headers: str, method: str = "GET") -> tuple[int, bytes]:
        """The answer of the listener that everybody reaches."""
        return ask(self._tcp("127.0.0.1", self.server.port), path, headers, method)

    def admin(self, path: str, *headers: str, method: str = "GET") -> tuple[int, bytes]:
        """The answer of the listener of the pages."""
        if self.admin_bind.startswith("unix:"):
            connection = socket.socket(socket.AF_UNIX)
            connection.connect(self.admin_bind.removeprefix("unix:"))
        else:
            host, _, port = self.admin_bind.rpartition(":")
            connection = self._tcp(host.strip("[]"), int(port))
        return ask(connection, path, headers, method)

    def _tcp(self, host: str, port: int) -> socket.socket:
        return socket.create_connection((host, port), timeout=30)


def ask(
    connection: socket.socket, path: str, headers: tuple[str, ...], method: str
) -> tuple[int, bytes]:
    host = () if any(header.startswith("Host:") for header in headers) else ("Host: localhost",)
    lines = (f"{method} {path} HTTP/1.1", *host, *headers, "Connection: close", "", "")
    with connection:
        connection.settimeout(30)
        connection.sendall("\r\n".join(lines).encode())
        received = b""
        while part := connection.recv(65_536):
            received += part
    found = re.match(rb"HTTP/1\.1 (\d{3}) ", received)
    assert found is not None, received
    return int(found[1]), received


@pytest.fixture(scope="module", params=["port", "IPv6", "Unix socket"])
def listeners(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Listeners]:
    """Behind one proxy, so that headers could say where a request came by."""
    folder = tmp_path_factory.mktemp("listeners")
    admin_bind = {
        "port": f"127.0.0.1:{free_port()}",
        "IPv6": f"[::1]:{free_port()}",
        "Unix socket": f"unix:{folder}/admin.sock",
    }[request.param]
    with databases.fresh("sqlite") as url:
        server = Server(
            folder,
            url,
            SIGNET_ADMIN_BIND=admin_bind,
            SIGNET_TRUSTED_PROXIES="1",
        )
        try:
            yield Listeners(server.start(), admin_bind)
        finally:
            server.stop()


def test_u10_the_pages_are_at_their_own_listener_alone(listeners: Listeners) -> None:
    at_home = {path: listeners.admin(path)[0] for path in PAGES}
    assert at_home == dict.fromkeys(PAGES, 303) | {"/admin/setup": 200, "/admin/nothing": 404}
    assert {path: listeners.public(path)[0] for path in PAGES} == dict.fromkeys(PAGES, 404)


def test_u10_the_protocol_is_at_the_public_listener_alone(listeners: Listeners) -> None:
    paths = (*PUBLIC_PATHS, "/connect/token")
    at_home = {path: listeners.public(path)[0] for path in paths}
    assert at_home == dict.fromkeys(PUBLIC_PATHS, 200) | {"/connect/token": 405}
    assert {path: listeners.admin(path)[0] for path in paths} == dict.fromkeys(paths, 404)


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "OPTIONS"])
def test_u10_no_method_finds_a_page_at_the_public_listener(
    listeners: Listeners, method: str
) -> None:
    for path in ("/admin/sign-in", "/admin/"):
        assert listeners.public(path, "Content-Length: 0", method=method)[0] == 404


def test_u10_the_refusal_is_that_of_an_address_at_which_nothing_is(listeners: Listeners) -> None:
    refusal = listeners.public("/admin/sign-in")[1]
    assert b'{"error":"not_found"' in refusal
    assert b"Signet" not in refusal
    assert b"Set-Cookie" not in refusal


def test_u10_probes_and_assets_are_at_both(listeners: Listeners) -> None:
    for asked in (listeners.public, listeners.admin):
        assert {path: asked(path)[0] for path in EVERYWHERE} == dict.fromkeys(EVERYWHERE, 200)


def test_u10_no_header_says_which_listener_it_was(listeners: Listeners) -> None:
    port = listeners.admin_bind.rpartition(":")[2] if "]" in listeners.admin_bind else "8001"
    for headers in (
        (f"Host: localhost:{port}",),
        ("X-Forwarded-Host: localhost:" + port, "X-Forwarded-Port: " + port),
        ("X-Forwarded-For: 127.0.0.1", "Forwarded: for=127.0.0.1;host=localhost:" + port),
    ):
        assert listeners.public("/admin/sign-in", *headers)[0] == 404
    public = f"localhost:{listeners.server.port}"
    for header in (f"Host: {public}", f"X-Forwarded-Host: {public}"):
        assert listeners.admin("/connect/token", header)[0] == 404
        assert listeners.admin("/admin/setup", header)[0] == 200


def test_u10_links_to_pages_begin_with_the_issuer_at_any_listener(listeners: Listeners) -> None:
    found = re.search(rb"\r\nLocation: (\S+)", listeners.admin("/", "Host: evil.example")[1])
    assert found is not None
    assert found[1] == b"/admin/"


def test_u10_a_listener_that_cannot_be_told_apart_stops_the_start(tmp_path: Path) -> None:
    refused = Installation(
        tmp_path,
        f"sqlite:///{tmp_path}/none.sqlite3",
        SIGNET_BIND="0.0.0.0:8000",
        SIGNET_ADMIN_BIND="127.0.0.1:8000",
    ).command("prepare")
    assert refused.returncode == 1
    assert refused.stderr.splitlines() == [
        "Error: SIGNET_ADMIN_BIND: needs a port of its own, or a Unix socket"
    ]
