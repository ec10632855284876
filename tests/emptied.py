"""Fixtures for tests of models and operations: one app and database per engine, emptied each time.

Much faster than new ones; a folder of tests takes them into its ``conftest.py``.
"""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from app import create_app
from signet.extensions import Base, db
from signet.models.database import write
from signet.settings import load_settings
from tests.databases import Databases
from tests.tampering import unprotected


@pytest.fixture(scope="session")
def app_to_empty(databases: Databases) -> Iterator[Callable[[str], Flask]]:
    """The app of this run on a database of an engine."""
    apps: dict[str, Flask] = {}

    def app_on(engine: str) -> Flask:
        if engine not in apps:
            url = databases.engine(engine).create(migrated=True)
            apps[engine] = create_app(load_settings({"SIGNET_DATABASE_URL": url}))
        return apps[engine]

    yield app_on
    for app in apps.values():
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def database_url(engine: str, app_to_empty: Callable[[str], Flask]) -> str:
    """A migrated database in which nothing is."""
    app = app_to_empty(engine)
    with app.app_context(), write() as session, unprotected(session):
        for table in reversed(Base.metadata.sorted_tables):
            session.execute(table.delete())
    url = app.config["SQLALCHEMY_DATABASE_URI"]
    return url.render_as_string(hide_password=False).replace("+psycopg", "")


@pytest.fixture
def app(engine: str, database_url: str, app_to_empty: Callable[[str], Flask]) -> Iterator[Flask]:
    """An app on it, with its context, as a command has it."""
    app = app_to_empty(engine)
    with app.app_context():
        yield app
        db.session.remove()
