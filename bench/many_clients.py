"""Very many clients, put into the database as copies of one that was registered."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    String,
    Table,
    bindparam,
    cast,
    create_engine,
    insert,
    literal,
    select,
    text,
    true,
    update,
)

from bench.contestants import (
    CLIENT_ID,
    SIGNET,
    Contestant,
    postgresql,
    register,
    signet_server,
    target_of,
    token_body,
)
from signet.extensions import Base
from signet.oauth.client import digest_client_secret, generate_client_secret
from signet.settings import load_settings
from tests.running import Server

#: As they are called in tables.
NAMES = {"sqlite": "SQLite", "postgresql": "PostgreSQL"}
ENGINES = tuple(NAMES)


@contextmanager
def signet_with_many(
    folder: Path, *, clients: int, rotating: int, engine: str
) -> Iterator[tuple[Contestant, Contestant]]:
    """Signet with so many clients: as one of them asks it, and as many do in rotation."""
    with _server(folder, engine) as server:
        one = token_body(*register(server))
        many = add_copies(server, clients - 1, rotating)
        server.start()
        alone = Contestant(SIGNET, "RS256", target_of(server, folder / "one", one), server.pid)
        yield alone, replace(alone, target=target_of(server, folder / "many", *many))


@contextmanager
def _server(folder: Path, engine: str) -> Iterator[Server]:
    if engine == "sqlite":
        with signet_server(folder) as server:
            yield server
    else:
        with postgresql() as url, signet_server(folder, url) as server:
            yield server


def add_copies(server: Server, count: int, rotating: int) -> list[str]:
    """Copy the client so often; the forms of those that get a secret that somebody knows."""
    engine = create_engine(load_settings(server.environ).database_url)
    with engine.begin() as connection:
        _copy_rows(connection, count)
        step = max(1, count // rotating)
        names = [f"{CLIENT_ID}-{number}" for number in range(1, count + 1, step)][:rotating]
        known = {name: generate_client_secret() for name in names}
        _set_secrets(connection, known)
    if engine.dialect.name == "postgresql":
        # As it does by itself a minute later.
        with engine.connect() as connection:
            connection.execution_options(isolation_level="AUTOCOMMIT").execute(text("ANALYZE"))
    engine.dispose()
    return [token_body(name, secret) for name, secret in known.items()]


def _copy_rows(connection: Connection, count: int) -> None:
    first = select(literal(1).label("number")).cte("numbers", recursive=True)
    numbers = first.union_all(select(first.c.number + 1).where(first.c.number < count))
    number = numbers.c.number
    name = literal(f"{CLIENT_ID}-") + cast(number, String)
    tables = Base.metadata.tables
    client, secret = tables["client"], tables["client_secret"]
    new: Mapping[Table, Mapping[str, ColumnElement[Any]]] = {
        tables["principal_name"]: {"folded": name},
        client: {
            "id": client.c.id + number,
            "client_id": name,
            "folded_client_id": name,
            "name": name,
            "folded_name": name,
        },
        secret: {
            "id": secret.c.id + number,
            "client_row_id": secret.c.client_row_id + number,
            "secret_id": name,
            "hint": cast(1000 + number % 9000, String),
        },
        tables["client_scope"]: {"client_id": tables["client_scope"].c.client_id + number},
    }
    for table, values in new.items():
        columns = [values.get(column.name, column) for column in table.c]
        rows = select(*columns).select_from(table.join(numbers, true()))
        if table.name == "principal_name":
            rows = rows.where(table.c.folded == CLIENT_ID)
        connection.execute(insert(table).from_select([each.name for each in table.c], rows))


def _set_secrets(connection: Connection, known: Mapping[str, str]) -> None:
    table = Base.metadata.tables["client_secret"]
    connection.execute(
        update(table)
        .where(table.c.secret_id == bindparam("name"))
        .values(digest=bindparam("new_digest")),
        [
            {"name": name, "new_digest": digest_client_secret(secret, client_id=name)}
            for name, secret in known.items()
        ],
    )
