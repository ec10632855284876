"""A served Signet to send requests to, with the clients of ``cast.py``."""

from collections.abc import Callable

import pytest

from tests.running import Server
from tests.views.cast import register_cast
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
    return Signet(running.base_url, secrets_of(running))
