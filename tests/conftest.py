"""The rig: fresh databases of both engines, apps, running servers and a browser.

What touches the database asks for ``database_url`` or for something built on it, and so runs twice:
on SQLite and on PostgreSQL.
"""

import base64
import gc
import secrets
import signal
from collections.abc import Callable, Hashable, Iterator
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from jinja2 import FileSystemBytecodeCache
from playwright.sync_api import Browser, Page
from werkzeug.routing import Rule
from werkzeug.test import TestResponse

from app import create_app
from signet.settings import Settings, load_settings
from tests.browser import launched
from tests.databases import ENGINES, Databases
from tests.running import Server, opened

MakeSettings = Callable[..., Settings]
StartServer = Callable[..., Server]


def pytest_configure() -> None:
    """Take a polite end like Ctrl-C: what the fixtures have started is ended as well."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


def pytest_collection_finish() -> None:
    """Leave thousands of tests, which are no garbage, out of every search for garbage."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    """Both engines; for a fixture of a module: ``with databases.fresh("sqlite") as url``."""
    databases = Databases()
    yield databases
    databases.close()


@pytest.fixture(scope="session", autouse=True)
def compiled_templates(tmp_path_factory: pytest.TempPathFactory) -> None:
    """Compile a template once, not once for each app: that took longer than most tests."""
    folder = tmp_path_factory.mktemp("templates")
    Flask.jinja_options = {"bytecode_cache": FileSystemBytecodeCache(str(folder))}


@pytest.fixture(scope="session", autouse=True)
def compiled_routes() -> None:
    """Compile how the address of a route is built once, not once for each app: as slow as that."""
    compile_builder = Rule._compile_builder
    builders: dict[Hashable, Callable[..., tuple[str, str]]] = {}

    def compile_once(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:
            return compile_builder(rule, append_unknown)
        key = (rule.rule, tuple(rule._trace), append_unknown)
        if key not in builders:
            builders[key] = compile_builder(rule, append_unknown)
        return builders[key]

    Rule._compile_builder = compile_once  # type: ignore[method-assign]


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The database engine that this run of the test is on."""
    return str(request.param)


@pytest.fixture
def database_url(engine: str, databases: Databases) -> Iterator[str]:
    """A migrated database of this test's own."""
    with databases.fresh(engine) as url:
        yield url


@pytest.fixture
def empty_database_url(engine: str, databases: Databases) -> Iterator[str]:
    """A database without a table, as on a first start."""
    with databases.fresh(engine, migrated=False) as url:
        yield url


@pytest.fixture
def make_settings(tmp_path: Path) -> MakeSettings:
    """Settings of an installation in this test's folder; ``make_settings(SIGNET_…="…")``."""
    write_key_files(tmp_path / "secrets")
    (tmp_path / "data").mkdir()

    def make(**variables: str) -> Settings:
        folders = {
            "SIGNET_DATA_DIR": str(tmp_path / "data"),
            "SIGNET_SECRETS_DIR": str(tmp_path / "secrets"),
        }
        return load_settings(folders | variables)

    return make


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str) -> Settings:
    """The defaults, on this test's database. A test or module may put its own in this place."""
    return make_settings(SIGNET_DATABASE_URL=database_url)


@pytest.fixture
def app(settings: Settings) -> Iterator[Flask]:
    """The app with its context, as a command has it."""
    with opened(create_app(settings)) as app:
        yield app


class StrangerClient(FlaskClient):
    """Sends requests that share nothing with the test: neither its app context nor its ``g``."""

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        return Context().run(super().open, *args, **kwargs)


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """Requests to the app without a socket."""
    app.test_client_class = StrangerClient
    return app.test_client()


@pytest.fixture(scope="session")
def shared_servers(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Server]]:
    """One server per engine, started when it is first asked for."""
    servers: dict[str, Server] = {}

    def shared(engine: str) -> Server:
        if engine not in servers:
            url = databases.engine(engine).create(migrated=True)
            servers[engine] = Server(tmp_path_factory.mktemp(engine), url, SIGNET_WORKERS="2")
            servers[engine].start()
        return servers[engine]

    yield shared
    for server in servers.values():
        server.stop()


@pytest.fixture
def running(engine: str, shared_servers: Callable[[str], Server]) -> Server:
    """A real gunicorn that all tests share: leave it running, and its settings alone."""
    return shared_servers(engine)


@pytest.fixture
def start_server(database_url: str, tmp_path: Path) -> Iterator[StartServer]:
    """Starts real gunicorns of the test's own: ``start_server(SIGNET_…="…")``.

    All of one test share database and keys, as nodes do.
    """
    servers: list[Server] = []

    def start(**variables: str) -> Server:
        servers.append(Server(tmp_path, database_url, **variables))
        return servers[-1].start()

    yield start
    for server in servers:
        server.stop()


@pytest.fixture(scope="session")
def chromium() -> Iterator[Browser]:
    """The machine's Chromium, headless."""
    with launched() as browser:
        yield browser


@pytest.fixture
def page(chromium: Browser) -> Iterator[Page]:
    """A page in a browser profile of its own; an uncaught error of a script fails the test."""
    errors: list[str] = []
    context = chromium.new_context()
    context.set_default_timeout(10_000)
    page = context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    yield page
    context.close()
    assert errors == []


def write_key_files(folder: Path) -> None:
    """Make the key files as a first run does."""
    folder.mkdir(mode=0o700)
    contents = {
        "key-encryption-keys": f"test:{base64.b64encode(secrets.token_bytes(32)).decode()}\n",
        "secret-key": f"{secrets.token_urlsafe(32)}\n",
    }
    for name, content in contents.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(content, encoding="utf-8")
