"""The list of settings: complete, and without a secret."""

import base64
from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path

import pytest

from signet.operations.configuration import Setting, effective_settings, variable_of
from signet.settings import Settings, load_settings

KEY = base64.b64encode(b"canary-key-encryption-key-number").decode()
CANARIES = {
    "SIGNET_SECRET_KEY": "canary-secret-key-canary-secret-key",
    "SIGNET_KEY_ENCRYPTION_KEYS": f"k2:{KEY},k1:{KEY}",
    "SIGNET_DATABASE_URL": "postgresql://signer:canary-pass@db.example.org:5433/signet"
    "?sslpassword=canary-ssl&application_name=canary-app",
}


class Asked(Mapping[str, str]):
    """An environment that notes which variables are asked for."""

    def __init__(self) -> None:
        self.names: set[str] = set()

    def __getitem__(self, name: str) -> str:
        self.names.add(name)
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter(())

    def __len__(self) -> int:
        return 0


def settings_by_variable(**environ: str) -> dict[str, Setting]:
    return {found.variable: found for found in effective_settings(load_settings(environ))}


def test_every_variable_that_is_read_is_in_the_list():
    asked = Asked()
    load_settings(asked)
    listed = {setting.variable for setting in effective_settings(load_settings({}))}
    files = {f"{name}_FILE" for name in listed}
    assert {name for name in asked.names if name not in files} == listed


def test_every_field_of_the_settings_is_in_the_list():
    listed = {setting.variable for setting in effective_settings(load_settings({}))}
    assert {variable_of(field.name) for field in fields(Settings)} - listed == {"SIGNET_GIVEN"}


def test_nothing_is_set_at_first():
    assert {
        setting for setting in effective_settings(load_settings({})) if not setting.is_default
    } == set()


def test_what_was_set_is_told_from_a_default_of_the_same_value():
    found = settings_by_variable(SIGNET_SESSION_IDLE="30m")
    assert (found["SIGNET_SESSION_IDLE"].value, found["SIGNET_SESSION_MAX"].value) == ("30m", "12h")
    assert not found["SIGNET_SESSION_IDLE"].is_default
    assert found["SIGNET_SESSION_MAX"].is_default


def test_a_secret_that_came_from_a_file_counts_as_set(tmp_path: Path):
    file = tmp_path / "secret"
    file.touch(mode=0o600)
    file.write_text("x" * 40)
    found = settings_by_variable(SIGNET_SECRET_KEY_FILE=str(file))["SIGNET_SECRET_KEY"]
    assert (found.value, found.is_default) == ("set", False)


@pytest.mark.parametrize("variable", CANARIES)
def test_u36_no_secret_and_no_part_of_one_is_in_the_list(variable):
    shown = repr(effective_settings(load_settings(CANARIES)))
    assert "canary" not in shown
    assert KEY[:8] not in shown
    assert settings_by_variable(**CANARIES)[variable].value != ""


def test_key_encryption_keys_are_named_by_their_ids_the_first_first():
    assert settings_by_variable(**CANARIES)["SIGNET_KEY_ENCRYPTION_KEYS"].value == "k2,k1"


def test_a_database_is_named_without_who_signs_in():
    value = settings_by_variable(**CANARIES)["SIGNET_DATABASE_URL"].value
    assert value == "PostgreSQL, signet at db.example.org:5433"


@pytest.mark.parametrize(
    ("variable", "text", "shown"),
    [
        ("SIGNET_CACHE_SECONDS", "0.5", "0.5"),
        ("SIGNET_SESSION_MAX", "90m", "90m"),
        ("SIGNET_SESSION_MAX", "48h", "2d"),
        ("SIGNET_DPOP_NONCE", "on", "on"),
        ("SIGNET_OUTBOUND_ALLOW", "10.0.0.0/8, 192.0.2.7", "10.0.0.0/8,192.0.2.7/32"),
        ("SIGNET_TRUSTED_PROXIES", "2", "2"),
        ("SIGNET_DATABASE_URL", "sqlite:////srv/signet.db", "SQLite, /srv/signet.db"),
    ],
)
def test_a_value_is_shown_as_the_variable_says_it(variable, text, shown):
    assert settings_by_variable(**{variable: text})[variable].value == shown
