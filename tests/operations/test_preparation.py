"""What must be there before Signet serves (SECURITY R16, R21, section 4).

How a refusal looks at a shell is tested with the start.
"""

import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import text

from app import create_app
from signet.extensions import db
from signet.models.audit_log import verify_chain
from signet.models.database import write
from signet.models.schema import is_schema_current
from signet.models.signing_keys import list_signing_keys
from signet.operations import preparation
from signet.settings import KeyEncryptionKey, Settings, SettingsError, load_settings
from tests.operations.acting import ADA, NOON, at_once, entries, on_sqlite, register
from tests.running import opened


@pytest.fixture
def fresh(empty_database_url: str, tmp_path: Path) -> Settings:
    """Settings of an installation of which nothing is there but an empty database."""
    return load_settings(
        {
            "SIGNET_DATA_DIR": str(tmp_path / "data"),
            "SIGNET_SECRETS_DIR": str(tmp_path / "secrets"),
            "SIGNET_DATABASE_URL": empty_database_url,
            "SIGNET_SIGNING_ALG": "EdDSA",
        }
    )


@pytest.fixture
def app(fresh: Settings) -> Iterator[Flask]:
    with opened(create_app(fresh)) as app:
        yield app


def prepare(settings: Settings, now=NOON) -> Settings:
    return preparation.prepare(settings, actor=ADA, now=now)


def check(settings: Settings) -> None:
    preparation.check(settings, now=NOON)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def refused(act, settings: Settings) -> str:
    """The one line with which something is refused."""
    with pytest.raises(SettingsError) as caught:
        act(settings)
    line = caught.value.format_message()
    assert "\n" not in line
    return line


# What it makes


def test_a_first_preparation_makes_all_that_serving_needs(app, fresh):
    settings = prepare(fresh)
    assert is_schema_current()
    assert len(settings.key_encryption_keys) == 1
    assert len(settings.secret_key) >= 32
    assert [(key.alg, key.state(NOON)) for key in list_signing_keys()] == [("EdDSA", "signing")]
    assert [entry.action for entry in entries()] == ["key.create"]
    check(settings)


def test_what_it_made_is_what_is_loaded_afterwards(app, fresh):
    settings = prepare(fresh)
    loaded = load_settings({"SIGNET_SECRETS_DIR": str(fresh.secrets_dir)})
    assert loaded.key_encryption_keys == settings.key_encryption_keys
    assert loaded.secret_key == settings.secret_key


def test_a_second_preparation_changes_nothing(app, fresh):
    first = prepare(fresh)
    files = {path: path.read_bytes() for path in fresh.secrets_dir.iterdir()}
    assert prepare(first) == prepare(fresh) == first
    assert {path: path.read_bytes() for path in fresh.secrets_dir.iterdir()} == files
    assert len(list_signing_keys()) == len(entries()) == 1


def test_preparations_at_once_make_everything_once(app, fresh):
    outcomes = at_once(
        app,
        *[partial(prepare, fresh, NOON + number * timedelta(seconds=1)) for number in range(4)],
    )
    assert all(outcome == outcomes[0] for outcome in outcomes), outcomes
    assert isinstance(outcomes[0], Settings)
    assert len(list_signing_keys()) == 1
    assert verify_chain().count == 1


@on_sqlite
@pytest.mark.parametrize("umask", [0o022, 0o000])
def test_files_are_the_owners_alone_whatever_the_umask(app, fresh, tmp_path, umask):
    before = os.umask(umask)
    try:
        settings = replace(fresh, database_url=f"sqlite:///{tmp_path / 'data/new.sqlite3'}")
        with opened(create_app(settings)):
            prepare(settings)
            register()
            database = {path.name: mode(path) for path in (tmp_path / "data").glob("new*")}
    finally:
        os.umask(before)
    assert database == dict.fromkeys(["new.sqlite3", "new.sqlite3-wal", "new.sqlite3-shm"], 0o600)
    assert {mode(path) for path in fresh.secrets_dir.iterdir()} == {0o600}
    assert mode(fresh.secrets_dir) == mode(fresh.data_dir) == 0o700


def test_a_key_file_that_was_left_empty_is_made_anew(app, fresh):
    fresh.secrets_dir.mkdir(mode=0o700)
    fresh.key_encryption_keys_file.touch(mode=0o600)
    fresh.secret_key_file.touch(mode=0o600)
    settings = prepare(fresh)
    assert settings.key_encryption_keys
    assert settings.secret_key
    assert {path.name for path in fresh.secrets_dir.iterdir()} == {
        "key-encryption-keys",
        "secret-key",
    }


def test_keys_that_are_set_are_taken_and_no_file_is_made(app, fresh):
    settings = replace(
        fresh,
        key_encryption_keys=(KeyEncryptionKey("mine", bytes(32)),),
        secret_key="x" * 32,
    )
    assert prepare(settings) == settings
    assert not fresh.secrets_dir.exists()


def test_a_due_rotation_is_caught_up_at_the_start(app, fresh):
    settings = prepare(fresh)
    prepare(settings, NOON + timedelta(days=80))
    assert len(list_signing_keys()) == 2


# What it refuses


def test_a_lost_key_encryption_key_is_named_and_not_replaced(app, fresh):
    prepare(fresh)
    fresh.key_encryption_keys_file.unlink()
    assert refused(prepare, fresh).startswith("SIGNET_KEY_ENCRYPTION_KEYS: ")
    assert not fresh.key_encryption_keys_file.exists()
    assert len(list_signing_keys()) == 1


@pytest.mark.parametrize("act", [prepare, check])
def test_another_key_encryption_key_is_named(app, fresh, act):
    settings = prepare(fresh)
    kek_id = settings.key_encryption_keys[0].kek_id
    for name in (kek_id, "other"):
        wrong = replace(settings, key_encryption_keys=(KeyEncryptionKey(name, bytes(32)),))
        line = refused(act, wrong)
        assert line.startswith("SIGNET_KEY_ENCRYPTION_KEYS: ")
        assert list_signing_keys()[0].kid in line


def test_a_second_key_encryption_key_is_no_obstacle(app, fresh):
    settings = prepare(fresh)
    keys = (KeyEncryptionKey("newer", bytes(32)), *settings.key_encryption_keys)
    check(replace(settings, key_encryption_keys=keys))


@on_sqlite
def test_a_folder_that_cannot_be_made_is_named(app, fresh, tmp_path):
    (tmp_path / "file").touch()
    for folder in (Path("/proc/signet"), tmp_path / "file" / "folder"):
        data = refused(prepare, replace(fresh, data_dir=folder))
        secrets = refused(prepare, replace(fresh, secrets_dir=folder))
        assert data.startswith(f"SIGNET_DATA_DIR: cannot make {folder}")
        assert secrets.startswith(f"SIGNET_SECRETS_DIR: cannot make {folder}")


@on_sqlite
def test_a_database_file_that_cannot_be_made_is_named(app, fresh, tmp_path):
    settings = replace(fresh, database_url=f"sqlite:///{tmp_path / 'missing' / 'new.sqlite3'}")
    with opened(create_app(settings)):
        assert refused(prepare, settings).startswith("SIGNET_DATABASE_URL: ")


def test_a_server_that_is_not_there_is_named(tmp_path):
    settings = load_settings(
        {"SIGNET_DATABASE_URL": f"postgresql:///x?host={tmp_path}", "SIGNET_SECRET_KEY": "x" * 32}
    )
    with opened(create_app(settings)):
        for act in (prepare, check):
            assert refused(act, settings).startswith("SIGNET_DATABASE_URL: ")


@pytest.mark.parametrize("act", [prepare, check])
def test_tables_of_a_newer_version_are_left_alone(app, fresh, act):
    settings = prepare(fresh)
    with write() as session:
        session.execute(text("UPDATE alembic_version SET version_num = '9999'"))
    assert "version" in refused(act, settings)
    with db.engine.connect() as connection:
        assert connection.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


# The check, which changes nothing


def test_the_check_names_what_is_missing(app, fresh):
    fresh.data_dir.mkdir()
    settings = replace(
        fresh, key_encryption_keys=(KeyEncryptionKey("k", bytes(32)),), secret_key="x" * 32
    )
    assert "SIGNET_DATABASE_URL: the tables" in refused(check, settings)
    prepared = prepare(settings)
    assert refused(check, replace(prepared, secret_key="")).startswith("SIGNET_SECRET_KEY: missing")
    assert refused(check, replace(prepared, key_encryption_keys=())).startswith(
        "SIGNET_KEY_ENCRYPTION_KEYS: missing"
    )
    with write() as session:
        session.execute(text("DELETE FROM signing_key"))
    assert refused(check, prepared).startswith("SIGNET_DATABASE_URL: no signing key")


@on_sqlite
def test_the_check_makes_no_folder(app, fresh):
    assert refused(check, fresh).startswith("SIGNET_DATA_DIR: ")
    assert not fresh.data_dir.exists()
