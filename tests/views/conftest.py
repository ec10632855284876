"""A served Signet to send requests to, with the clients of ``cast.py``."""

from collections.abc import Callable, Iterator

import pytest

from tests.databases import Databases
from tests.running import Server
from tests.views.cast import register_cast, register_workshop
from tests.views.wire import Signet


@pytest.fixture(scope="session")
def secrets_of() -> Callable[[Server], dict[str, str]]:
    """The secrets of the cast on a server; the clients are registered when first asked for."""
    casts: dict[str, dict[str, str]] = {}

    def secrets_of(server: Server) -> dict[str, str]:
        if server.base_url not in casts:
            casts[server.base_url] = register_cast(server.environ)
        return casts[server.base_url]

    return secrets_of


@pytest.fixture
def signet(running: Server, secrets_of: Callable[[Server], dict[str, str]]) -> Signet:
    """A real gunicorn over a real database, of both engines in turn."""
    return Signet(running.base_url, secrets_of(running), running.environ)


@pytest.fixture(scope="session")
def workshop(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Signet]:
    """Another gunicorn, over SQLite: with nonces, APIs of several algorithms, and little patience.

    Its own algorithm is EdDSA.
    """
    with databases.fresh("sqlite") as url:
        server = Server(
            tmp_path_factory.mktemp("workshop"),
            url,
            SIGNET_SIGNING_ALG="EdDSA",
            SIGNET_DPOP_NONCE="on",
            SIGNET_FAILURES_PER_MINUTE="3",
            SIGNET_WORKERS="2",
        )
        server.prepare()
        secrets = register_workshop(server.environ)
        server.launch()
        try:
            server.wait_until_ready()
            yield Signet(server.base_url, secrets, server.environ)
        finally:
            server.stop()
