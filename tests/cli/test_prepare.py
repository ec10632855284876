"""``flask prepare``, as a command; what it prepares is told in ``tests/test_start.py``."""

import re

import pytest

from app import create_app
from tests.cli.shell import Shell, on_one_engine
from tests.conftest import MakeSettings
from tests.running import opened


@pytest.fixture
def fresh(make_settings: MakeSettings):
    """A command line over an empty folder."""
    with opened(create_app(make_settings(SIGNET_SIGNING_ALG="ES256"))) as app:
        yield Shell(app)


def test_people_read_the_address_and_a_setup_code(fresh):
    first, second = fresh.text("prepare").splitlines()
    assert first == "Signet is at http://localhost:8000/admin/ (listening on 127.0.0.1:8000)"
    assert re.fullmatch(r"Setup code: [A-Z0-9]{4}-[A-Z0-9]{4}-[A-Z0-9]{4}", second)


def test_scripts_read_the_address_and_a_setup_code(fresh):
    prepared = fresh.json("prepare")
    assert list(prepared) == ["pages", "bind", "admin_bind", "setup_code"]
    assert prepared["pages"] == "http://localhost:8000/admin/"


def test_with_an_administrator_there_is_no_setup_code(fresh):
    fresh.text("prepare")
    fresh.text(
        "admin", "create", "ann", "--role", "administrator", "--password-stdin",
        stdin="glacier-harbour-lantern-moss",
    )  # fmt: skip
    assert fresh.json("prepare")["setup_code"] is None
    assert fresh.text("prepare").count("\n") == 1


def test_the_first_key_is_in_the_audit_log(fresh):
    fresh.text("prepare")
    (entry,) = fresh.json("audit", "list")
    assert entry["action"] == "key.create"


def test_a_check_prints_nothing_and_makes_no_setup_code(fresh):
    fresh.text("prepare")
    assert fresh.text("prepare", "--check") == ""
    assert fresh.json("prepare", "--check")["setup_code"] is None


def test_a_check_names_what_is_missing(fresh):
    assert fresh.refusal("prepare", "--check").startswith("SIGNET_DATABASE_URL: ")


@on_one_engine
def test_a_check_of_a_database_without_a_key_names_it(shell):
    assert shell.refusal("prepare", "--check").endswith("no signing key: run flask prepare")
