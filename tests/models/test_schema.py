"""The migrations make just the tables that the models describe, and can be taken back."""

from collections.abc import Iterator

import flask_migrate
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from flask import Flask
from sqlalchemy import inspect

from app import create_app
from signet.extensions import Base, db
from signet.models.schema import is_schema_current, upgrade_schema
from tests.conftest import MakeSettings
from tests.running import opened


@pytest.fixture
def empty_app(make_settings: MakeSettings, empty_database_url: str) -> Iterator[Flask]:
    with opened(create_app(make_settings(SIGNET_DATABASE_URL=empty_database_url))) as app:
        yield app


def tables() -> set[str]:
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


@pytest.mark.usefixtures("empty_app")
def test_an_empty_database_is_not_current_and_an_upgraded_one_is() -> None:
    assert not is_schema_current()
    upgrade_schema()
    assert is_schema_current()


@pytest.mark.usefixtures("empty_app")
def test_the_migrations_make_the_tables_of_the_models() -> None:
    upgrade_schema()
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, Base.metadata) == []
    assert tables() == set(Base.metadata.tables)


@pytest.mark.usefixtures("empty_app")
def test_an_upgrade_may_be_repeated() -> None:
    upgrade_schema()
    upgrade_schema()
    assert is_schema_current()


@pytest.mark.usefixtures("empty_app")
def test_the_migrations_can_be_taken_back_and_made_again() -> None:
    upgrade_schema()
    flask_migrate.downgrade(revision="base")
    assert tables() == set()
    upgrade_schema()
    assert is_schema_current()
