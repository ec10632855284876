"""The schema of the database: what the migrations in ``migrations/`` make of it.

Only who prepares or checks a database imports this; a worker that serves has no use for Alembic.
"""

import fcntl
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import flask_migrate
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import Flask, current_app
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from signet.extensions import db
from signet.models.database import DatabaseUnavailableError
from signet.settings import ROOT

_ADVISORY_LOCK = 0x5169_6E65_7450_7265


def bind_migrations(app: Flask) -> None:
    """Tell ``flask db`` which database and which migrations are the app's."""
    flask_migrate.Migrate(app, db, directory=str(ROOT / "migrations"))


@contextmanager
def alone(lock_folder: Path) -> Iterator[None]:
    """Let one preparation of this database at a time go on, on however many nodes.

    :param lock_folder: for the lock of a SQLite database.
    """
    if db.engine.dialect.name != "postgresql":
        with open(lock_folder / ".prepare.lock", "w", encoding="utf-8") as lock_file:
            fcntl.flock(lock_file, fcntl.LOCK_EX)
            yield
        return
    connection = _lock_postgresql()
    try:
        yield
    finally:
        # Its settings are not for whoever gets the connection next.
        connection.invalidate()
        connection.close()


def upgrade_schema() -> None:
    """Apply the migrations that are missing.

    :raises DatabaseUnavailableError: if the database fails; nothing is half done then.
    """
    logging.getLogger("alembic").setLevel(logging.WARNING)
    bind_migrations(current_app)
    try:
        flask_migrate.upgrade()
    except DBAPIError as error:
        raise DatabaseUnavailableError(type(error).__name__) from error


def is_schema_current() -> bool:
    """Whether the database has every migration that this version knows, and no other.

    :raises DatabaseUnavailableError: if it cannot be asked.
    """
    return _applied_heads() == _scripts().get_heads()


def schema_version() -> str:
    """The last migration of the database.

    :raises DatabaseUnavailableError: if it cannot be asked.
    """
    return " ".join(_applied_heads())


def has_unknown_migration() -> bool:
    """Whether a newer version of Signet has changed the tables.

    :raises DatabaseUnavailableError: if the database cannot be asked.
    """
    known = {script.revision for script in _scripts().walk_revisions()}
    return not known.issuperset(_applied_heads())


def _lock_postgresql() -> Connection:
    try:
        connection = db.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        # However long another node's migration takes, waiting is right.
        connection.execute(text("SET statement_timeout = 0"))
        connection.execute(text("SET lock_timeout = 0"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": _ADVISORY_LOCK})
    except DBAPIError as error:
        raise DatabaseUnavailableError(type(error).__name__) from error
    return connection


def _applied_heads() -> list[str]:
    try:
        with db.engine.connect() as connection:
            return list(MigrationContext.configure(connection).get_current_heads())
    except DBAPIError as error:
        raise DatabaseUnavailableError(type(error).__name__) from error


def _scripts() -> ScriptDirectory:
    return ScriptDirectory(str(ROOT / "migrations"))
