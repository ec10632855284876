"""The commands of an app of the test's own, on both engines."""

import pytest
from flask import Flask

from signet.settings import Settings
from tests.cli.shell import Shell
from tests.conftest import MakeSettings


@pytest.fixture
def engine() -> str:
    """SQLite: what commands ask of a database is tested on both engines where it is asked."""
    return "sqlite"


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str) -> Settings:
    """Elliptic keys: they are made in no time."""
    return make_settings(SIGNET_DATABASE_URL=database_url, SIGNET_SIGNING_ALG="ES256")


@pytest.fixture
def shell(app: Flask) -> Shell:
    """Somebody who types commands."""
    return Shell(app)


@pytest.fixture
def client_id(shell: Shell) -> str:
    """A client with a scope and a secret."""
    shell.json("scope", "create", "external-api", "--api", "external-api")
    shell.json(
        "client", "create", "Billing export",
        "--client-id", "billing-export", "--scope", "external-api",
    )  # fmt: skip
    return "billing-export"
