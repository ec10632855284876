"""Furnished Signets that all tests of one file share."""

from collections.abc import Iterator

import pytest

from tests.admin.house import House, furnished
from tests.databases import ENGINES, Databases


@pytest.fixture(scope="module", params=ENGINES)
def house(
    request: pytest.FixtureRequest,
    databases: Databases,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[House]:
    """One of everything and an admin of each role signed in, of both engines in turn.

    Leave it as it is.
    """
    with (
        databases.fresh(request.param) as url,
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
