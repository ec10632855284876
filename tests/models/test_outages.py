"""Faults of the database under a real gunicorn: tokens go on, changes fail cleanly, all recovers.

SECURITY R4, R7, R18. One worker where the fault must meet the one that serves.
"""

import os
import re
import signal
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from secrets import token_hex

import psutil
import pytest
import requests

from signet.operations import clients
from signet.wiring import utc_now
from tests.databases import Databases, PostgresqlDatabases
from tests.operations.acting import ADA, make_admin, make_scope, register
from tests.running import Server

pytestmark = pytest.mark.soak

NAME = "ada@example.org"
#: No text of a database or its driver is for a visitor's eyes.
INSIDE = re.compile(r"locked|sqlite|psycopg|postgres|traceback|timeout|operationalerror", re.I)


class Served:
    """A server with a client that gets tokens and an admin who signs in."""

    def __init__(self, server: Server) -> None:
        self.server = server
        with server.opened():
            self._form = register_somebody("billing")
            make_admin(NAME)
        self._page = requests.Session()
        # Or the server would wait for the next request when it is to stop.
        self._page.headers["Connection"] = "close"
        page = self._page.get(f"{server.base_url}/admin/sign-in", timeout=10)
        found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        assert found is not None
        self._csrf_token = found[1]
        # Until it has seen the entries about this client, which drop what it knows.
        seen_by = time.monotonic() + 1.2
        while time.monotonic() < seen_by:
            assert self.token().status_code == 200

    def token(self, client_id: str = "billing") -> requests.Response:
        return ask(self.server, self._form | {"client_id": client_id})

    def sign_in(self) -> requests.Response:
        """Something that has to be written; the password is wrong."""
        return self._page.post(
            f"{self.server.base_url}/admin/sign-in",
            data={"name": NAME, "password": "wrong", "csrf_token": self._csrf_token},
            timeout=20,
        )


class TokenLoop:
    """Asks for token after token meanwhile, and notes what came and how long it took."""

    def __init__(self, served: Served) -> None:
        self._served, self._stop = served, threading.Event()
        self.statuses: list[int] = []
        self.slowest = 0.0

    def __enter__(self) -> "TokenLoop":
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.wait(0.03):
            started = time.monotonic()
            self.statuses.append(self._served.token().status_code)
            self.slowest = max(self.slowest, time.monotonic() - started)


def together(acts: list[Callable[[], requests.Response]]) -> list[requests.Response]:
    with ThreadPoolExecutor(len(acts)) as pool:
        return list(pool.map(lambda act: act(), acts))


@contextmanager
def served(folder: Path, url: str, **variables: str) -> Iterator[Served]:
    server = Server(folder, url, **variables)
    try:
        yield Served(server.start())
    finally:
        server.stop()


def test_tokens_go_on_while_another_process_has_sqlites_lock(tmp_path: Path, databases: Databases):
    """SECURITY R4: 16 writers wait and give up in time, and hold nobody up."""
    with databases.fresh("sqlite") as url, served(tmp_path, url) as signet:
        lock = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
        lock.execute("BEGIN EXCLUSIVE")
        started = time.monotonic()
        with TokenLoop(signet) as tokens:
            answers = together([signet.sign_in] * 16)
        took = time.monotonic() - started
        lock.execute("COMMIT")
        lock.close()
        assert set(tokens.statuses) == {200}
        assert len(tokens.statuses) > 40
        assert tokens.slowest < 2
        assert [answer.status_code for answer in answers] == [503] * 16
        assert all("Retry-After" in answer.headers for answer in answers)
        assert not any(INSIDE.search(answer.text) for answer in answers)
        assert took < 10
        assert signet.sign_in().status_code == 422
        assert "Traceback" not in signet.server.log


@pytest.fixture
def own_postgresql() -> Iterator[PostgresqlDatabases]:
    server = PostgresqlDatabases()
    yield server
    server.close()


def test_tokens_go_on_while_postgresql_is_stopped_and_then_hangs(
    tmp_path: Path, own_postgresql: PostgresqlDatabases
):
    """SECURITY R7: what is at hand serves on, the rest is 503, and nothing needs a restart."""
    url = own_postgresql.create(migrated=True)
    with served(tmp_path, url) as signet:
        own_postgresql.server.stop()
        with TokenLoop(signet) as tokens:
            refused = [signet.token("somebody-else"), signet.sign_in()]
            time.sleep(1)
        own_postgresql.server.ensure_postgres_running()
        assert set(tokens.statuses) == {200}
        assert_unavailable(refused)
        assert_recovered(signet)

        with TokenLoop(signet) as tokens, hanging(own_postgresql):
            started = time.monotonic()
            refused = together([signet.sign_in, lambda: signet.token("somebody-else")])
            took = time.monotonic() - started
        assert set(tokens.statuses) == {200}
        assert tokens.slowest < 4
        assert took < 10
        assert_unavailable(refused)
        assert_recovered(signet)
        assert "Traceback" not in signet.server.log


def assert_unavailable(answers: list[requests.Response]) -> None:
    assert [answer.status_code for answer in answers] == [503] * len(answers)
    assert all("Retry-After" in answer.headers for answer in answers)
    assert not any(INSIDE.search(answer.text) for answer in answers)


def assert_recovered(signet: Served) -> None:
    deadline = time.monotonic() + 5
    while 503 in (signet.token("somebody-else").status_code, signet.sign_in().status_code):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert signet.token().status_code == 200


@contextmanager
def hanging(databases: PostgresqlDatabases) -> Iterator[None]:
    server = psutil.Process(databases.server.get_pid())
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


def test_a_change_by_another_process_counts_on_every_worker_within_the_bound(running: Server):
    """SECURITY R18, C12."""
    with running.opened():
        form = register_somebody(f"switched-{token_hex(4)}")
        assert {ask(running, form).status_code for _ in range(20)} == {200}
        clients.disable_client(form["client_id"], actor=ADA, now=utc_now())
        disabled = time.monotonic()
        while 200 in {ask(running, form).status_code for _ in range(10)}:
            assert time.monotonic() - disabled < 3
        clients.enable_client(form["client_id"], actor=ADA, now=utc_now())
        assert {ask(running, form).status_code for _ in range(20)} == {200}


def register_somebody(client_id: str) -> dict[str, str]:
    """The form with which a new client asks for a token."""
    issued = register(client_id, scopes=[make_scope(f"{client_id}-scope")], now=utc_now())
    return {
        "grant_type": "client_credentials",
        "client_id": issued.client_id,
        "client_secret": issued.client_secret,
    }


def ask(server: Server, form: dict[str, str]) -> requests.Response:
    return requests.post(f"{server.base_url}/connect/token", data=form, timeout=10)
