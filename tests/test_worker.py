"""How a worker gets its connections, and what it sends, packet by packet."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack

import psutil
import pytest

from signet.worker import Connections, _Outgoing
from tests.running import PATIENCE, Server
from tests.views.wire import Wire


class Pair:
    """Two ends of a connection that keeps apart what was sent apart."""

    def __init__(self) -> None:
        near, self._far = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.near = near
        self.outgoing = _Outgoing(near)
        self._far.settimeout(0)

    def received(self) -> list[bytes]:
        packets = []
        try:
            while packet := self._far.recv(65_536):
                packets.append(packet)
        except BlockingIOError:
            pass
        return packets

    def close(self) -> None:
        self.near.close()
        self._far.close()


@pytest.fixture
def pair() -> Iterator[Pair]:
    pair = Pair()
    yield pair
    pair.close()


def test_headers_leave_with_the_beginning_of_the_body_and_the_rest_as_it_comes(pair):
    pair.outgoing.sendall(b"headers ")
    assert pair.received() == []
    pair.outgoing.sendall(b"body")
    pair.outgoing.sendall(b"more")
    pair.outgoing.flush()
    assert pair.received() == [b"headers body", b"more"]


def test_headers_that_nothing_follows_leave_at_the_end(pair):
    pair.outgoing.sendall(b"headers")
    pair.outgoing.flush()
    pair.outgoing.flush()
    assert pair.received() == [b"headers"]


def test_an_answer_that_failed_before_its_body_is_not_begun(pair):
    pair.outgoing.sendall(b"headers")
    pair.outgoing.shutdown(socket.SHUT_RDWR)
    pair.outgoing.flush()
    assert pair.received() == []


def test_it_is_otherwise_the_socket_itself(pair):
    assert pair.outgoing.family == socket.AF_UNIX
    assert pair.outgoing.getsockname() == pair.near.getsockname()
    pair.outgoing.send(b"100 Continue")
    assert pair.received() == [b"100 Continue"]


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_answers_without_a_body_are_whole_and_leave_the_connection_in_order(running: Server):
    request = b"%s /.well-known/openid-configuration HTTP/1.1\r\nHost: signet\r\n%s\r\n"
    etag = Wire(running.base_url).get("/.well-known/openid-configuration").headers["ETag"]
    condition = b"If-None-Match: " + etag.encode() + b"\r\n"
    with socket.create_connection(("127.0.0.1", running.port), timeout=30) as connection:
        for method, header, status in ((b"HEAD", b"", b"200"), (b"GET", condition, b"304")):
            connection.sendall(request % (method, header))
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += connection.recv(65_536)
            assert answer.startswith(b"HTTP/1.1 " + status)
            assert answer.count(b"\r\n\r\n") == 1


def test_only_workers_that_there_are_can_have_fewer_connections():
    connections = Connections()
    connections.enter(1)
    connections.add(1, 3)
    assert connections.are_fewest_at(1)
    connections.enter(2)
    assert not connections.are_fewest_at(1)
    connections.add(2, 3)
    assert connections.are_fewest_at(1) and connections.are_fewest_at(2)
    connections.add(2, -1)
    assert not connections.are_fewest_at(1)
    connections.leave(2)
    assert connections.are_fewest_at(1)


def accepted(worker: psutil.Process) -> int:
    """How many connections a worker has."""
    return sum(one.status == psutil.CONN_ESTABLISHED for one in worker.net_connections("tcp"))


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_connections_are_shared_out_evenly_among_the_workers(start_server):
    server = start_server(SIGNET_WORKERS="2")
    workers = psutil.Process(server.pid).children()
    with ExitStack() as both_serve:
        # One of them may still be starting.
        while not all(accepted(worker) for worker in workers):
            both_serve.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            time.sleep(0.02)
    with ExitStack() as stack:
        wait_until_accepted(workers, 0)
        for number in range(1, 65):
            stack.enter_context(socket.create_connection(("127.0.0.1", server.port)))
            one, other = wait_until_accepted(workers, number)
            assert abs(one - other) <= 4


def wait_until_accepted(workers: list[psutil.Process], number: int) -> list[int]:
    """How many connections each has, once there are so many."""
    until = time.monotonic() + PATIENCE
    while sum(counts := [accepted(worker) for worker in workers]) != number:
        assert time.monotonic() < until
        time.sleep(0.005)
    return counts
