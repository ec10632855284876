"""Use of credentials at a real gunicorn: over its workers, at its end, beside a locked database."""

import os
import signal
import sqlite3
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest
import requests
from flask import Flask

from app import create_app
from signet.background import FLUSH_EVERY, flush_usage
from signet.models.audit import Actor
from signet.models.refused_requests import find_refused_request
from signet.models.usage import counts_of
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import register_client
from signet.operations.scopes import create_scope
from signet.wiring import Wiring, utc_now, wiring
from tests.conftest import StartServer
from tests.running import Server, opened

pytestmark = pytest.mark.soak

PATIENCE = 60
TESTS = Actor(name="tests")


class Traffic:
    """Requests of one client to a server, each by a connection of its own."""

    def __init__(self, server: Server) -> None:
        self.server = server
        now = utc_now()
        with reading(server):
            create_scope("external-api", apis=["external-api"], actor=TESTS, now=now)
            issued = register_client(
                ClientFacts(name="Billing"),
                client_id="billing",
                scopes=["external-api"],
                actor=TESTS,
                now=now,
            )
        self.secret = issued.client_secret

    def ask(self, secret: str | None = None) -> tuple[int, str, float]:
        """Status, reference and seconds of a token request."""
        began = time.monotonic()
        answer = requests.post(
            f"{self.server.base_url}/connect/token",
            {"grant_type": "client_credentials"},
            auth=("billing", secret or self.secret),
            timeout=PATIENCE,
        )
        return answer.status_code, answer.headers["X-Request-Id"], time.monotonic() - began

    def tokens(self) -> int:
        """How many are counted."""
        with reading(self.server):
            counts = counts_of("billing", since=utc_now())
        return sum(count.count for count in counts if count.outcome == "token")

    def wait_for_tokens(self, number: int) -> None:
        """Come back when so many are counted."""
        wait_until(lambda: self.tokens() == number)


@contextmanager
def reading(server: Server) -> Iterator[Flask]:
    with server.opened() as app:
        yield app


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.2)


def test_two_workers_count_together_and_an_orderly_end_loses_nothing(start_server: StartServer):
    traffic = Traffic(start_server(SIGNET_WORKERS="2"))
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: traffic.ask(), range(60)))
        answers += pool.map(lambda _: traffic.ask("wrong"), range(10))
    assert sorted(status for status, *_ in answers) == [200] * 60 + [401] * 10
    # Most of it is in the memories of the workers only.
    assert traffic.server.stop() == 0
    assert traffic.tokens() == 60
    with reading(traffic.server):
        found = [
            find_refused_request(reference) for status, reference, _ in answers if status == 401
        ]
    assert {request.reason for request in found if request} == {"mistyped_secret"}
    assert None not in found


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_crash_loses_one_batch_at_most(start_server: StartServer):
    traffic = Traffic(start_server())
    for _ in range(5):
        traffic.ask()
    traffic.wait_for_tokens(5)
    for _ in range(3):
        traffic.ask()
    os.killpg(traffic.server.pid, signal.SIGKILL)
    traffic.server.stop()
    assert 5 <= traffic.tokens() <= 8
    counted = traffic.tokens()
    traffic.server.launch()
    traffic.server.wait_until_ready()
    traffic.ask()
    traffic.wait_for_tokens(counted + 1)


@pytest.mark.parametrize("engine", ["sqlite"])
def test_a_locked_database_slows_no_token_and_loses_no_count(start_server: StartServer):
    traffic = Traffic(start_server())
    traffic.ask()
    path = traffic.server.environ["SIGNET_DATABASE_URL"].removeprefix("sqlite:///")
    lock = sqlite3.connect(path, isolation_level=None)
    lock.execute("BEGIN IMMEDIATE")
    until = time.monotonic() + 2 * FLUSH_EVERY.total_seconds() + 5
    answers = []
    while time.monotonic() < until:
        answers.append(traffic.ask())
    lock.execute("ROLLBACK")
    lock.close()
    assert {status for status, *_ in answers} == {200}
    # A request that waited for the lock would take seconds.
    assert max(seconds for *_, seconds in answers) < 1
    assert "use of credentials waits for the database" in traffic.server.log
    traffic.wait_for_tokens(len(answers) + 1)
    assert traffic.secret not in traffic.server.log


def test_two_nodes_on_one_database_add_up(app: Flask, settings):
    with opened(create_app(settings)) as other:
        for node in (app, other):
            with node.app_context():
                note(wiring())
                flush_usage(wiring())
    (count,) = counts_of("billing", since=utc_now())
    assert count.count == 2


def note(parts: Wiring) -> None:
    parts.usage.note_use("billing", "s", "token", at=utc_now(), address="", user_agent="")
