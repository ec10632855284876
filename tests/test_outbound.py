"""The door outwards: what it fetches, and what it never does (SECURITY C21)."""

import ipaddress
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import gevent
import pytest

from signet.outbound import LONGEST_BODY, FetchError, Outbound, check_url, is_public
from tests.certificates import make_server_certificate
from tests.tls import LOOPBACK, Reply, TlsServer

#: A name that there is nowhere: whoever asks for it a second time, elsewhere, finds nothing.
NAME = "keys.example"


@pytest.fixture(scope="module")
def shared() -> Iterator[TlsServer]:
    with TlsServer(certificate=make_server_certificate("localhost", NAME)) as server:
        yield server


@pytest.fixture
def server(shared: TlsServer) -> TlsServer:
    shared.answers.clear()
    shared.asked.clear()
    return shared


def outbound(server: TlsServer, **options: Any) -> Outbound:
    return Outbound(**{"allow": LOOPBACK, "ca_pem": server.ca_pem, **options})


def refusal(door: Outbound, url: str) -> str:
    with pytest.raises(FetchError) as caught:
        door.fetch_json(url)
    return str(caught.value)


class Names:
    """Answers for a name, each time with the next of these addresses, and counts the questions."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self._answers = list(answers)
        self.asked = 0

    def __call__(self, host: str, port: int, **_: object) -> list[tuple[Any, ...]]:
        self.asked += 1
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [
            (socket.AF_INET6 if ":" in address else socket.AF_INET, 1, 6, "", (address, port))
            for address in addresses
        ]


@contextmanager
def swallowing(address: str, port: int) -> Iterator[None]:
    """Let nothing at this address answer an attempt to connect: its queue is full."""
    with ExitStack() as sockets:
        listener = sockets.enter_context(socket.socket())
        listener.bind((address, port))
        listener.listen(0)
        for _ in range(3):
            waiting = sockets.enter_context(socket.socket())
            waiting.setblocking(False)
            waiting.connect_ex((address, port))
        yield


def test_a_document_is_fetched_from_where_an_operator_allows_it(server: TlsServer):
    server.answers["/jwks"] = Reply.json({"keys": []})
    for host in ("localhost", "127.0.0.1"):
        url = f"https://{host}:{server.port}/jwks?v=1"
        assert outbound(server).fetch_json(url) == {"keys": []}
    assert server.asked == ["/jwks?v=1"] * 2


@pytest.mark.parametrize(
    "host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "0x7f.1", "0177.0.0.1"]
)
def test_the_own_machine_is_not_asked_however_it_is_written(server: TlsServer, host: str):
    """SECURITY C21."""
    door = outbound(server, allow=())
    assert refusal(door, f"https://{host}:{server.port}/") == "no permitted address"
    assert server.asked == []


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.7", "172.16.0.1", "192.168.1.1", "169.254.169.254", "100.64.0.1",
        "0.0.0.0", "255.255.255.255", "224.0.0.1", "240.0.0.1", "192.0.2.1", "198.18.0.1",
        "::1", "::", "fe80::1", "fc00::1", "fd00:ec2::254", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:169.254.169.254", "64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe",
        "192.0.0.192", "fec0::1", "5f00::1", "::7f00:1",
        "2002:7f00:1::", "2001:0:7f00:1::", "2001::ffff:80ff:fffe",
    ],
)  # fmt: skip
def test_an_address_that_is_not_everybodys_is_not_public(address: str):
    assert not is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1", "64:ff9b::101:101"],
)
def test_an_address_of_the_internet_is_public(address: str):
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "10.0.0.7", "169.254.169.254", "224.0.0.1", "::1", "::ffff:10.0.0.7",
        "64:ff9b::a00:7", "2002:a00:7::1", "fe80::1%lo",
    ],
)  # fmt: skip
def test_a_name_that_points_into_the_network_is_not_asked(server: TlsServer, address: str):
    """SECURITY C21."""
    door = outbound(server, allow=(), resolve=Names((address,)))
    assert refusal(door, f"https://{NAME}:{server.port}/") == "no permitted address"
    assert server.asked == []


def test_the_metadata_service_of_a_cloud_is_not_asked(server: TlsServer):
    """SECURITY C21."""
    door = outbound(server)
    assert refusal(door, "http://169.254.169.254/") == "it is not https"
    assert refusal(door, "https://169.254.169.254/") == "no permitted address"


def test_the_address_that_was_checked_is_the_one_connected_to(server: TlsServer):
    """SECURITY C21."""
    server.answers["/"] = Reply.json([])
    door = outbound(server, resolve=Names(("127.0.0.1",)))
    assert door.fetch_json(f"https://{NAME}:{server.port}/") == []


def test_a_name_that_answers_otherwise_the_second_time_is_asked_once(server: TlsServer):
    """SECURITY C21: DNS rebinding. The first address is permitted, and nobody listens there."""
    names = Names(("127.0.0.2",), ("127.0.0.1",))
    door = outbound(server, allow=(ipaddress.ip_network("127.0.0.2/32"),), resolve=names)
    assert refusal(door, f"https://{NAME}:{server.port}/") == "ConnectionRefusedError"
    assert names.asked == 1
    assert server.asked == []


def test_of_several_addresses_only_those_permitted_are_tried(server: TlsServer):
    server.answers["/"] = Reply.json([])
    allowed = (ipaddress.ip_network("127.0.0.1/32"),)
    door = outbound(server, allow=allowed, resolve=Names(("10.0.0.7", "::1", "127.0.0.1")))
    assert door.fetch_json(f"https://{NAME}:{server.port}/") == []


def test_an_address_that_keeps_silent_leaves_time_for_the_next(server: TlsServer):
    server.answers["/"] = Reply.json([])
    door = outbound(server, resolve=Names(("127.0.0.2", "127.0.0.1")), longest_fetch=1.0)
    with swallowing("127.0.0.2", server.port):
        assert door.fetch_json(f"https://{NAME}:{server.port}/") == []


def test_an_allowed_network_is_no_key_to_the_others(server: TlsServer):
    door = outbound(server, allow=(ipaddress.ip_network("10.0.0.0/8"),))
    assert refusal(door, server.base_url) == "no permitted address"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_is_not_followed(server: TlsServer, status: int):
    target = {"Location": server.base_url + "/inside"}
    server.answers["/"] = Reply(status=status, headers=target)
    server.answers["/inside"] = Reply.json({"secret": 1})
    assert refusal(outbound(server), server.base_url + "/") == f"status {status}"
    assert server.asked == ["/"]


@pytest.mark.parametrize("status", [204, 400, 404, 500, 503])
def test_only_200_is_an_answer(server: TlsServer, status: int):
    server.answers["/"] = Reply.json({"keys": []}, status=status)
    assert refusal(outbound(server), server.base_url + "/") == f"status {status}"


def test_a_document_may_have_64_kib_and_no_more(server: TlsServer):
    server.answers["/"] = Reply(b'"' + b"x" * (LONGEST_BODY - 2) + b'"')
    assert len(outbound(server).fetch_json(server.base_url + "/")) == LONGEST_BODY - 2
    server.answers["/"] = Reply(b'"' + b"x" * (LONGEST_BODY - 1) + b'"')
    assert refusal(outbound(server), server.base_url + "/") == "more than 64 KiB"


@pytest.mark.parametrize("body", [b"", b"<html>", b"\xff\xfe", b"[" * 60_000, b"{'a': 1}"])
def test_what_is_not_json_is_refused(server: TlsServer, body: bytes):
    server.answers["/"] = Reply(body)
    assert refusal(outbound(server), server.base_url + "/") == "not JSON"


def test_an_answer_that_trickles_is_given_up(server: TlsServer):
    server.answers["/"] = Reply(b"[" + b" " * 500 + b"]", trickle=0.1)
    door = outbound(server, longest_fetch=0.4)
    assert refusal(door, server.base_url + "/") == "no answer in time"


def test_a_beginning_that_trickles_is_given_up(server: TlsServer):
    server.answers["/"] = Reply(trickle=0.1, stays_in_header=True)
    door = outbound(server, longest_fetch=0.4)
    assert refusal(door, server.base_url + "/") == "no answer in time"


def test_a_name_that_takes_too_long_is_given_up():
    door = Outbound(resolve=lambda *_, **__: gevent.sleep(10), longest_fetch=0.1)
    assert refusal(door, "https://slow.example/") == "no answer in time"


def test_the_time_out_of_somebody_else_is_not_taken_for_a_failure():
    door = Outbound(resolve=lambda *_, **__: gevent.sleep(10))
    with pytest.raises(gevent.Timeout), gevent.Timeout(0.1):
        door.fetch_json("https://slow.example/")


def test_a_server_that_says_nothing_is_given_up():
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        door = Outbound(allow=LOOPBACK, longest_fetch=0.3)
        assert refusal(door, f"https://127.0.0.1:{silent.getsockname()[1]}/") == "no answer in time"


def test_nobody_there_is_said(server: TlsServer):
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port = unused.getsockname()[1]
        assert refusal(outbound(server), f"https://localhost:{port}/") == "ConnectionRefusedError"


def test_a_name_that_there_is_not_is_said(server: TlsServer):
    def unknown(*_: object, **__: object) -> list[Any]:
        raise socket.gaierror(-2, "Name or service not known")

    door = outbound(server, resolve=unknown)
    assert refusal(door, "https://nobody.example/") == "its name has no address"


def test_a_certificate_of_an_unknown_authority_is_refused(server: TlsServer):
    reason = refusal(Outbound(allow=LOOPBACK), server.base_url)
    assert reason == "certificate: self-signed certificate"
    assert server.asked == []


def test_a_certificate_for_another_name_is_refused():
    with TlsServer() as server:
        door = outbound(server, resolve=Names(("127.0.0.1",)))
        reason = refusal(door, f"https://{NAME}:{server.port}/")
        assert reason.startswith("certificate: Hostname mismatch")
        assert server.asked == []


def test_authorities_that_cannot_be_read_are_refused():
    with pytest.raises(ValueError):
        Outbound(ca_pem="-----BEGIN CERTIFICATE-----\nnone\n-----END CERTIFICATE-----\n")


def test_authorities_may_be_named_in_any_language(server: TlsServer):
    server.answers["/"] = Reply.json([])
    door = outbound(server, ca_pem="# Autorité de certification\n" + server.ca_pem)
    assert door.fetch_json(server.base_url + "/") == []


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/jwks", "HTTP://example.org/", "ftp://example.org/", "file:///etc/passwd",
        "//example.org/", "example.org", "", "https://", "https:///path", "https://user@example.org/",
        "https://user:pw@example.org/", "https://example.org/#part", "https://example.org:0/",
        "https://example.org:99999/", "https://exa mple.org/", "https://example.org/\r\nHost: x",
        "https://example.org\\@10.0.0.7/", "https://[::1/", "https://example.org/\x00",
        "https://exämple.org/", "https://a..b/", "https://.example.org/", "https://a%2fb/",
        "https://" + "x" * 64 + ".org/", "https://example.org/" + "x" * 2_000,
    ],
)  # fmt: skip
def test_an_address_of_another_kind_is_refused_before_anything_is_asked(url: str):
    with pytest.raises(ValueError):
        check_url(url)
    names = Names(("1.1.1.1",))
    refusal(Outbound(resolve=names), url)
    assert names.asked == 0


def test_an_ordinary_address_is_taken():
    for url in ("https://example.org/jwks", "https://[2606:4700::1111]:8443/a?b=c", "https://a.b"):
        check_url(url)
