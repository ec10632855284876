"""The two doors: what a locked, hanging, restarted or broken database makes of a transaction."""

import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from app import create_app
from signet.models import database
from signet.models.database import DatabaseUnavailableError, read, write
from signet.models.form_numbers import FormNumberRow
from signet.settings import load_settings
from signet.wiring import utc_now
from tests.databases import PostgresqlDatabases
from tests.running import ROOT, opened

#: Seconds for which another process holds the lock; a wait in C would hold everybody as long.
HOLD = 1.2

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
on_postgresql = pytest.mark.parametrize("engine", ["postgresql"], indirect=True)


class Greenlets:
    """A gevent process in the middle of a scenario of ``greenlets.py``."""

    def __init__(self, scenario: str, url: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.models.greenlets", scenario, url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the process has ended"
        return json.loads(line)

    def go_on(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def end(self) -> None:
        self._process.kill()
        self._process.communicate()


@contextmanager
def greenlets(scenario: str, url: str) -> Iterator[Greenlets]:
    process = Greenlets(scenario, url)
    try:
        assert process.hear() == {"is_ready": True}
        yield process
    finally:
        process.end()


@contextmanager
def locked(url: str, how: str) -> Iterator[sqlite3.Connection]:
    """Another process's hold on a SQLite database; the test may let it go before."""
    connection = sqlite3.connect(url.removeprefix("sqlite:///"), isolation_level=None)
    connection.execute(f"BEGIN {how}")
    try:
        yield connection
    finally:
        connection.close()


def use_number(digest: str = "1") -> None:
    with write() as session:
        session.add(FormNumberRow(digest=digest, used_at=utc_now()))


def count_numbers() -> int:
    with read() as session:
        return session.scalar(text("SELECT count(*) FROM form_number"))


# One writer of SQLite at a time (SECURITY R4)


@on_sqlite
@pytest.mark.parametrize("how", ["IMMEDIATE", "EXCLUSIVE"])
def test_writers_wait_for_a_lock_of_another_process_and_hold_nobody_up(database_url, how):
    with (
        greenlets("patient-writers", database_url) as process,
        locked(database_url, how) as connection,
    ):
        process.go_on()
        time.sleep(HOLD)
        connection.execute("COMMIT")
        seen = process.hear()
    assert seen["outcomes"] == ["done"]
    assert seen["took"] >= HOLD * 0.9
    assert seen["longest_pause"] < HOLD / 2
    assert seen["looks"] > 10


@on_sqlite
def test_a_writer_gives_up_when_the_lock_does_not_come_and_nothing_is_written(app, database_url):
    with (
        locked(database_url, "EXCLUSIVE"),
        greenlets("hasty-writers", database_url) as process,
    ):
        process.go_on()
        seen = process.hear()
    assert set(seen["outcomes"]) <= {"unavailable: locked", "unavailable: too many wait to write"}
    assert 0.5 <= seen["took"] < 2
    assert count_numbers() == 0


def test_a_writer_gives_up_after_five_seconds():
    assert database.LONGEST_WAIT == 5


# What a transaction leaves behind


@on_sqlite
def test_only_what_may_be_lost_with_the_power_is_committed_without_waiting_for_the_disk(app):
    """Whichever was written before by the same connection."""
    normal, full = 1, 2
    for durable, level in ((True, full), (False, normal), (True, full)):
        with write(durable=durable) as session:
            assert session.scalar(text("PRAGMA synchronous")) == level
    with write() as session:
        assert session.scalar(text("PRAGMA synchronous")) == full


def test_an_error_in_the_middle_leaves_nothing(app):
    with pytest.raises(ZeroDivisionError), write() as session:
        session.add(FormNumberRow(digest="1", used_at=utc_now()))
        session.flush()
        _ = 1 / 0
    assert count_numbers() == 0


def test_a_duplicate_is_told_from_a_failing_database(app):
    use_number()
    with pytest.raises(IntegrityError):
        use_number()
    assert count_numbers() == 1


def test_an_error_of_the_database_carries_no_value_into_its_text(app):
    use_number("canary-value")
    with pytest.raises(IntegrityError) as caught:
        use_number("canary-value")
    statement_part = str(caught.value).partition("[SQL:")[2]
    assert statement_part
    assert "canary-value" not in statement_part


def test_what_a_failing_database_says_stays_in_the_cause(app):
    with pytest.raises(DatabaseUnavailableError) as caught, read() as session:
        session.execute(text("SELECT canary FROM no_such_table"))
    assert "canary" not in str(caught.value)
    assert "no_such_table" not in str(caught.value)


# Files that cannot be used


@pytest.mark.parametrize("act", [count_numbers, use_number])
def test_a_file_that_is_no_database_is_an_unavailable_one(tmp_path, act):
    (tmp_path / "text").write_text("no database at all, " * 100)
    assert_unavailable(f"sqlite:///{tmp_path}/text", act)


@pytest.mark.parametrize("act", [count_numbers, use_number])
def test_a_missing_folder_is_an_unavailable_database(tmp_path, act):
    assert_unavailable(f"sqlite:///{tmp_path}/missing/signet.sqlite3", act)


def test_a_database_without_tables_is_an_unavailable_one(empty_database_url):
    assert_unavailable(empty_database_url, use_number)


def test_a_server_that_is_not_there_is_an_unavailable_database(tmp_path):
    assert_unavailable(f"postgresql:///x?host={tmp_path}", use_number)


def assert_unavailable(url: str, act) -> None:
    app = create_app(load_settings({"SIGNET_DATABASE_URL": url}))
    with opened(app), pytest.raises(DatabaseUnavailableError):
        act()


# PostgreSQL goes away (SECURITY R7)


@pytest.fixture(scope="module")
def own_postgresql() -> Iterator[PostgresqlDatabases]:
    """A server that tests may stop."""
    server = PostgresqlDatabases()
    yield server
    server.close()


@pytest.fixture
def own_url(own_postgresql: PostgresqlDatabases) -> str:
    return own_postgresql.create(migrated=True)


def terminate_connections(url: str) -> None:
    name = url.partition("?")[0].rpartition("/")[2]
    with psycopg.connect(url.replace(f"/{name}", "/postgres"), autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", [name]
        )


@on_postgresql
def test_a_connection_that_was_cut_while_idle_is_replaced_without_an_error(app, database_url):
    use_number()
    terminate_connections(database_url)
    assert count_numbers() == 1


@on_postgresql
def test_a_connection_that_is_cut_in_the_middle_leaves_nothing(app, database_url):
    with pytest.raises(DatabaseUnavailableError), write() as session:
        session.add(FormNumberRow(digest="1", used_at=utc_now()))
        session.flush()
        terminate_connections(database_url)
    assert count_numbers() == 0


def test_a_server_that_was_stopped_is_found_again_without_a_restart_of_ours(
    own_postgresql, own_url
):
    app = create_app(load_settings({"SIGNET_DATABASE_URL": own_url}))
    with opened(app):
        use_number()
        own_postgresql.server.stop()
        try:
            with pytest.raises(DatabaseUnavailableError):
                count_numbers()
        finally:
            own_postgresql.server.ensure_postgres_running()
        assert count_numbers() == 1


def test_a_server_that_hangs_ends_a_transaction_in_time_and_holds_nobody_up(
    own_postgresql, own_url
):
    with greenlets("one-hangs", own_url) as process:
        with stopped(own_postgresql.server.get_pid()):
            process.go_on()
            hung = [process.hear() for _ in range(3)]
            counted = process.hear()["counted"]
        process.go_on()
        after = process.hear()
    assert [answer["outcome"] for answer in hung] == ["unavailable: no answer in time"] * 3
    assert max(answer["took"] for answer in hung) < 1.5
    assert counted > 30
    assert after == {"outcome": "done"}


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """Let a server and its backends do nothing for a while, as on a machine that hangs."""
    server = psutil.Process(pid)
    processes = [server, *server.children(recursive=True)]
    for process in processes:
        os.kill(process.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for process in processes:
            os.kill(process.pid, signal.SIGCONT)


@on_postgresql
@pytest.mark.parametrize("name", ["statement_timeout", "lock_timeout"])
def test_the_server_itself_ends_what_takes_longer_than_five_seconds(app, name):
    with read() as session:
        assert session.scalar(text(f"SHOW {name}")) == "5s"
