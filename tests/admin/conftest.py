"""Furnished Signets that all tests of one file share."""

from collections.abc import Iterator

import pytest

from tests.admin.house import House, furnished
from tests.admin.race import Raced, race_to_set_up
from tests.databases import ENGINES, Databases
from tests.running import Server


@pytest.fixture
def engine() -> str:
    """SQLite: what pages ask of a database is tested on both engines where it is asked.

    That every page works on PostgreSQL too is ``test_pages_on_postgresql.py``.
    """
    return "sqlite"


@pytest.fixture(scope="module")
def house(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """One of everything and an admin of each role signed in; leave it as it is.

    Of PostgreSQL for a test that asks for it (``indirect``).
    """
    with (
        databases.fresh(getattr(request, "param", "sqlite")) as url,
        furnished(tmp_path_factory.mktemp("house"), url) as house,
    ):
        yield house


@pytest.fixture(scope="module")
def sqlite_house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The same of one engine, for what is decided before the database is asked."""
    with (
        databases.fresh("sqlite") as url,
        furnished(tmp_path_factory.mktemp("sqlite_house"), url) as house,
    ):
        yield house


@pytest.fixture(scope="session", params=ENGINES)
def raced(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Raced]:
    """A real gunicorn of two workers behind one proxy, at which fifty have set up at once."""
    with databases.fresh(request.param) as url:
        variables = {
            "SIGNET_TRUSTED_PROXIES": "1",
            "SIGNET_LOG_LEVEL": "debug",
            "SIGNET_WORKERS": "2",
        }
        server = Server(tmp_path_factory.mktemp("raced"), url, **variables)
        try:
            yield race_to_set_up(server.start())
        finally:
            server.stop()
