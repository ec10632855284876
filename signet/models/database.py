"""The two doors to the database: ``read()`` and ``write()``, each its own short transaction.

SQLite lets one writer in at a time, and a transaction that has read cannot become a writer once
another has written. So a transaction says at its beginning which it is. SQLite's own waiting for
the lock sleeps in C and would hold every request of a gevent worker; ``write()`` waits by itself,
with a sleep that lets the others go on.
"""

import sqlite3
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import gevent
from flask import Flask
from sqlalchemy import Connection, Engine, Executable, Row, Select, event
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError
from sqlalchemy.orm import Session

from signet.extensions import db
from signet.oauth.store import StoreUnavailableError

#: Longest wait for the lock, a connection or an answer, in seconds.
LONGEST_WAIT = 5.0
#: Of a process's 15 connections: so many write or wait for a lock, the others stay free to look.
#: (On SQLite one writes at a time in any case; those behind it need no connection to wait.)
_MOST_WRITERS = {"sqlite": 1, "postgresql": 10}
_WRITES, _WRITES_UNTIL, _TURNS = "signet_writes", "signet_writes_until", "signet_turns"
_DURABLE = "signet_durable"


class DatabaseUnavailableError(StoreUnavailableError):
    """The database did not do what it was asked, and nothing of it is half done."""


@contextmanager
def read(*, at_most: float = LONGEST_WAIT) -> Iterator[Session]:
    """A transaction that only looks.

    :param at_most: seconds until it is given up.
    :raises DatabaseUnavailableError: if the database fails or takes longer.
    """
    with _transaction(db.engine, at_most) as session:
        yield session


def read_rows(query: Select[Any], parameters: Mapping[str, object]) -> Sequence[Row[Any]]:
    """The rows of one query, in a transaction of its own, without what a session would do besides.

    :raises DatabaseUnavailableError: as :func:`read`.
    """
    engine = db.engine
    with _in_time(engine, LONGEST_WAIT), engine.connect() as connection:
        return connection.execute(query, parameters).all()


@contextmanager
def write(*, at_most: float = LONGEST_WAIT, durable: bool = True) -> Iterator[Session]:
    """A transaction that changes something; committed when the block ends without an error.

    :param at_most: seconds until it is given up.
    :param durable: ``False`` for what tokens leave behind, not for an act of anybody's: SQLite then
        commits without waiting for the disk. Nothing is lost with the process; a power cut may
        take the last moments.
    :raises DatabaseUnavailableError: if the database fails, is locked or takes longer.
    """
    with _turn(at_most, durable=durable) as (engine, left), _transaction(engine, left) as session:
        yield session


def write_rows(
    statement: Executable, parameters: Mapping[str, object], *, durable: bool = True
) -> None:
    """One statement in a transaction of its own, without what a session would do besides.

    :param durable: as for :func:`write`.
    :raises DatabaseUnavailableError: as :func:`write`.
    """
    with (
        _turn(LONGEST_WAIT, durable=durable) as (engine, left),
        _in_time(engine, left),
        engine.begin() as connection,
    ):
        connection.execute(statement, parameters)


def engine_options(*, uses_sqlite: bool) -> dict[str, Any]:
    """What ``create_engine`` is told, so that no fault of the database holds a request for long."""
    options: dict[str, Any] = {
        "pool_timeout": LONGEST_WAIT,
        "pool_pre_ping": True,
        # The text of an error must not carry values into the log.
        "hide_parameters": True,
    }
    if uses_sqlite:
        # In seconds. Short, because it is spent in C; see above.
        return options | {"connect_args": {"timeout": 0.05}, "pool_pre_ping": False}
    milliseconds = int(LONGEST_WAIT * 1000)
    settings = {
        "statement_timeout": milliseconds,
        "lock_timeout": milliseconds,
        "idle_in_transaction_session_timeout": 4 * milliseconds,
        "timezone": "UTC",
        # What a request asks is short and has its index: nothing is won by reading whole tables,
        # by starting other processes, or by compiling.
        "random_page_cost": "1.1",
        "max_parallel_workers_per_gather": 0,
        "jit": "off",
    }
    return options | {
        "isolation_level": "READ COMMITTED",
        "connect_args": {
            "connect_timeout": int(LONGEST_WAIT),
            "tcp_user_timeout": milliseconds,
            "options": " ".join(f"-c {name}={value}" for name, value in settings.items()),
        },
    }


def init_app(app: Flask) -> None:
    """Bind the database to the app; nothing connects before the first transaction."""
    db.init_app(app)
    with app.app_context():
        engine = db.engine
    turns = threading.BoundedSemaphore(_MOST_WRITERS[engine.dialect.name])
    engine.update_execution_options(**{_TURNS: turns})
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _prepare_sqlite_connection)
        event.listen(engine, "begin", _begin_on_sqlite)


@contextmanager
def _turn(at_most: float, *, durable: bool) -> Iterator[tuple[Engine, float]]:
    """What a writer writes with once it is its turn, and the seconds that are left."""
    engine = db.engine
    until = time.monotonic() + at_most
    turns: threading.BoundedSemaphore = engine.get_execution_options()[_TURNS]
    if not turns.acquire(timeout=at_most):
        raise DatabaseUnavailableError("too many wait to write")
    try:
        options = {_WRITES: True, _WRITES_UNTIL: until, _DURABLE: durable}
        yield engine.execution_options(**options), until - time.monotonic()
    finally:
        turns.release()


@contextmanager
def _transaction(engine: Engine, at_most: float) -> Iterator[Session]:
    with (
        _in_time(engine, at_most),
        Session(engine, expire_on_commit=False) as session,
        session.begin(),
    ):
        yield session


@contextmanager
def _in_time(engine: Engine, at_most: float) -> Iterator[None]:
    # A database that hangs keeps silent for ever: only a clock of ours ends the wait. (SQLite
    # answers within the call, so there is nothing to interrupt.)
    timer = gevent.Timeout(at_most) if engine.dialect.name != "sqlite" else None
    try:
        if timer is not None:
            timer.start()
        yield
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError) as error:
        # A driver that is stopped in the middle may complain of that.
        is_late = timer is not None and not timer.pending
        reason = "no answer in time" if is_late else type(error).__name__
        raise DatabaseUnavailableError(reason) from error
    except gevent.Timeout as timeout:
        if timeout is not timer:
            raise
        raise DatabaseUnavailableError("no answer in time") from None
    finally:
        if timer is not None:
            timer.close()


def _prepare_sqlite_connection(connection: sqlite3.Connection, _record: object) -> None:
    # The driver would begin and commit as it thinks fit; _begin_on_sqlite does.
    connection.isolation_level = None
    for pragma in (
        "journal_mode=WAL",
        "synchronous=FULL",
        "foreign_keys=ON",
        "secure_delete=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _begin_on_sqlite(connection: Connection) -> None:
    driver = connection.connection.driver_connection
    assert isinstance(driver, sqlite3.Connection)
    options = connection.get_execution_options()
    if not options.get(_WRITES):
        driver.execute("BEGIN")
        return
    # Said each time, because the next one may get the same connection.
    driver.execute(f"PRAGMA synchronous={'FULL' if options.get(_DURABLE, True) else 'NORMAL'}")
    until = options.get(_WRITES_UNTIL, time.monotonic() + LONGEST_WAIT)
    pause = 0.002
    while True:
        try:
            driver.execute("BEGIN IMMEDIATE")
            return
        except sqlite3.Error as error:
            is_locked = error.sqlite_errorcode & 0xFF == sqlite3.SQLITE_BUSY
            if not is_locked or time.monotonic() >= until:
                reason = "locked" if is_locked else error.sqlite_errorname
                raise DatabaseUnavailableError(reason) from error
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
