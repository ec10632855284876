"""Desks of operators and viewers, some of them shared by the tests of a file."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.wiring import utc_now
from tests.admin.clients.steps import make_client_in_each_state
from tests.admin.desk import Desk, sit_down
from tests.admin.house import House, furnished
from tests.certificates import make_authority
from tests.databases import Databases
from tests.usage import used


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client)


@pytest.fixture
def sqlite_desk(sqlite_house: House) -> Iterator[Desk]:
    """For what is refused before the database is asked; leave everything as it is."""
    with sqlite_house.app.app_context():
        yield Desk(sqlite_house.people["operator"])


@pytest.fixture
def shared_desk(house: House) -> Iterator[Desk]:
    """For what changes nothing, on both engines."""
    with house.app.app_context():
        yield Desk(house.people["operator"])


@pytest.fixture(scope="module")
def states_house(
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """A house with clients in every state."""
    with (
        databases.fresh("sqlite") as url,
        furnished(tmp_path_factory.mktemp("states"), url) as house,
    ):
        with house.app.app_context():
            make_client_in_each_state()
            for client_id in ("rotated", "expired"):
                used(client_id, at=utc_now())
        yield house


@pytest.fixture
def states_desk(states_house: House) -> Iterator[Desk]:
    """A desk with clients in every state."""
    with states_house.app.app_context():
        yield Desk(states_house.people["operator"])


@pytest.fixture
def viewer(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client, role="viewer")


@pytest.fixture(scope="session")
def tls_house(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """A house that takes clients of every method; make only clients of your own there."""
    folder = tmp_path_factory.mktemp("tls_house")
    authority = folder / "authority.pem"
    authority.write_text(make_authority().pem)
    variables = {
        "SIGNET_CLIENT_CERT_PROXIES": "127.0.0.1",
        "SIGNET_CLIENT_CERT_CA_FILE": str(authority),
    }
    with databases.fresh("sqlite") as url, furnished(folder, url, **variables) as house:
        yield house


@pytest.fixture
def tls_desk(tls_house: House) -> Iterator[Desk]:
    """A desk where every method is offered."""
    with tls_house.app.app_context():
        yield Desk(tls_house.people["operator"])
