"""What gunicorn refuses before Signet sees it, and what it logs of it (SECURITY C16, C26, R12)."""

import re
import socket
from collections.abc import Callable

import pytest

from tests.running import Server

#: A request that must never be answered: it is hidden behind the broken one.
SMUGGLED = b"GET /healthz HTTP/1.1\r\nHost: signet\r\n\r\n"

POST = b"POST /connect/token HTTP/1.1\r\nHost: signet\r\n"
FORM = b"Content-Type: application/x-www-form-urlencoded\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CHUNKS = b"5\r\nabcde\r\n0\r\n\r\n"


@pytest.fixture(scope="module")
def server(shared_servers: Callable[[str], Server]) -> Server:
    """The parser knows no database, so one engine will do."""
    return shared_servers("sqlite")


def exchange(server: Server, sent: bytes, *, hang_up: bool = False) -> list[bytes]:
    """The status of every answer until the server closes the connection."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(sent)
        if hang_up:
            connection.shutdown(socket.SHUT_WR)
        received = b""
        while part := connection.recv(65_536):
            received += part
    return re.findall(rb"HTTP/1\.1 (\d{3}) ", received)


@pytest.mark.parametrize(
    "request_bytes",
    [
        pytest.param(POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n" + CHUNKS, id="CL and TE"),
        pytest.param(POST + CHUNKED + CHUNKED + b"\r\n" + CHUNKS, id="TE twice"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n" + CHUNKS, id="TE xchunked"),
        pytest.param(POST + b"Transfer-Encoding: chunked, identity\r\n\r\n", id="TE not last"),
        pytest.param(POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n" + CHUNKS, id="TE with VT"),
        pytest.param(POST + b"Content-Length: +5\r\n\r\nabcde", id="CL +5"),
        pytest.param(POST + b"Content-Length: -5\r\n\r\n", id="CL -5"),
        pytest.param(POST + b"Content-Length: 0x5\r\n\r\nabcde", id="CL hexadecimal"),
        pytest.param(POST + b"Content-Length: 5, 5\r\n\r\nabcde", id="CL list"),
        pytest.param(POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef", id="two CL"),
        pytest.param(POST + b"Content-Length : 5\r\n\r\nabcde", id="space before colon"),
        pytest.param(POST + b"X-A: a\r\n b\r\n\r\n", id="folded header"),
        pytest.param(POST + b"X-A: a\nX-B: b\r\n\r\n", id="bare LF in a header"),
        pytest.param(POST + b"X-A: a\rX-B: b\r\n\r\n", id="bare CR in a header"),
        pytest.param(POST + b"X-A: a\0b\r\n\r\n", id="NUL in a header"),
        pytest.param(POST + b"X_Forwarded_For: 10.0.0.1\r\n\r\n", id="underscore in a name"),
        pytest.param(POST + b"Host: other\r\n\r\n", id="two Host"),
        pytest.param(POST + b": a\r\n\r\n", id="header without a name"),
        pytest.param(b"GET /healthz HTTP/1.1\nHost: signet\n\n", id="bare LF throughout"),
        pytest.param(b"GET /healthz HTTP/9.9\r\nHost: signet\r\n\r\n", id="unknown version"),
        pytest.param(
            b"G(T /healthz HTTP/1.1\r\nHost: signet\r\n\r\n", id="method of odd characters"
        ),
        pytest.param(b"GET  /healthz HTTP/1.1\r\nHost: signet\r\n\r\n", id="two spaces"),
    ],
)
def test_a_request_that_proxies_could_read_otherwise_is_refused_alone(server, request_bytes):
    assert exchange(server, request_bytes + SMUGGLED) in ([b"400"], [b"501"])


@pytest.mark.parametrize(
    "chunks",
    [
        pytest.param(b"-5\r\nabcde\r\n0\r\n\r\n", id="negative size"),
        pytest.param(b"+5\r\nabcde\r\n0\r\n\r\n", id="signed size"),
        pytest.param(b"0x5\r\nabcde\r\n0\r\n\r\n", id="size with 0x"),
        pytest.param(b"5_0\r\nabcde\r\n0\r\n\r\n", id="size with underscore"),
        pytest.param(b"f" * 100 + b"\r\nabcde\r\n0\r\n\r\n", id="huge size"),
        pytest.param(b"5;a\nb\r\nabcde\r\n0\r\n\r\n", id="LF in an extension"),
        pytest.param(b"5\nabcde\r\n0\r\n\r\n", id="bare LF after the size"),
        pytest.param(b"5\r\nabcdeXX0\r\n\r\n", id="no end of a chunk"),
    ],
)
def test_a_broken_chunk_is_the_last_thing_read_of_a_connection(server, chunks):
    request = POST + FORM + CHUNKED + b"\r\n" + chunks + SMUGGLED
    # The hidden request is then part of a chunk that never ends.
    assert exchange(server, request, hang_up=chunks.startswith(b"ff")) == [b"400"]


def test_whole_chunks_are_read_like_any_other_body(server):
    """So that the refusals above mean the fault, not the encoding."""
    closing = SMUGGLED.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    request = POST + FORM + CHUNKED + b"\r\n" + CHUNKS + closing
    assert exchange(server, request) == [b"400", b"200"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        pytest.param(b"GET /" + b"a" * 5_000 + b" HTTP/1.1\r\n\r\n", b"414", id="long line"),
        pytest.param(POST + b"X-A: " + b"a" * 17_000 + b"\r\n\r\n", b"431", id="long header"),
        pytest.param(POST + b"X-A: a\r\n" * 101 + b"\r\n", b"431", id="many headers"),
    ],
)
def test_what_is_too_long_is_refused(server, request_bytes, status):
    assert exchange(server, request_bytes + SMUGGLED) == [status]


def test_a_header_may_hold_a_client_certificate_with_its_chain(server):
    request = b"GET /healthz HTTP/1.1\r\nHost: signet\r\nConnection: close\r\nClient-Cert-Chain: "
    assert exchange(server, request + b"a" * 16_000 + b"\r\n\r\n") == [b"200"]


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"GET /connect/token?client_secret=hush-hush\r\n\r\n",
        POST + b"Authorization: hush-hush\r\n hush-hush\r\n\r\n",
        POST + FORM + CHUNKED + b"\r\nclient_secret=hush-hush\r\n",
        POST + b"Transfer-Encoding: hush-hush\r\n\r\n",
    ],
)
def test_nothing_that_a_refused_caller_sent_gets_into_the_log(server, request_bytes):
    written = len(server.log)
    exchange(server, request_bytes)
    line = server.log[written:]
    assert '"level": "warning"' in line
    assert "hush" not in line


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_connection_whose_requests_never_end_starves_no_other(start_server):
    """All of its requests are there at once, so its greenlet has nothing to wait for."""
    server = start_server()
    many = 800
    body = b"grant_type=client_credentials&client_id=nobody&client_secret=x"
    length = f"Content-Length: {len(body)}\r\n\r\n".encode()
    with socket.socket() as busy:
        busy.settimeout(30)
        # There is room for all answers, so that nobody waits for us to read them.
        busy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2**19)
        busy.connect(("127.0.0.1", server.port))
        busy.sendall((POST + FORM + length + body) * many)
        assert exchange(server, SMUGGLED.replace(b"signet", b"signet\r\nConnection: close")) == [
            b"200"
        ]
        so_far = busy.recv(2**20, socket.MSG_PEEK).count(b"HTTP/1.1 4")
        assert so_far < many
        answers = b""
        while answers.count(b"HTTP/1.1 4") < many:
            answers += busy.recv(2**20)
