"""A secret is in one answer and a password in none: not in logs, not in the database either.

SECURITY C16, C33, U34, U36.
"""

import logging

import pytest
from sqlalchemy import select

from signet.extensions import Base
from signet.models.admins import AdminRow
from signet.models.clients import ClientSecretRow
from signet.models.database import read
from signet.models.scopes import ResourceServerSecretRow
from tests.cli.shell import Shell

PASSWORD = "canary-glacier-harbour-moss"

#: Everything that answers about the client, the admin or what was done to them.
READING = [
    ("client", "list"),
    ("client", "show", "billing-export"),
    ("client", "edit", "billing-export", "--contact", "ops"),
    ("client", "disable", "billing-export"),
    ("client", "enable", "billing-export"),
    ("client", "assign-scope", "billing-export", "external-api"),
    ("secret", "list", "billing-export"),
    ("scope", "list"),
    ("api", "list"),
    ("api", "show", "external-api"),
    ("api", "secret", "list", "external-api"),
    ("admin", "list"),
    ("admin", "set-role", "bob", "operator"),
    ("admin", "end-sessions", "bob"),
    ("audit", "list", "--limit", "1000"),
    ("audit", "verify"),
]


@pytest.fixture
def log(caplog):
    """Everything that anybody logs, however chatty."""
    caplog.set_level(logging.DEBUG)
    return caplog


def test_a_secret_is_in_the_answer_that_makes_it_and_in_no_other(shell, client_id, log):
    for made in (
        ("secret", "create", client_id),
        ("secret", "rotate", client_id),
        ("api", "secret", "create", "external-api"),
        ("api", "secret", "rotate", "external-api"),
    ):
        canary = shell.json(*made)["client_secret"]
        shell.run("admin", "create", "bob", "--role", "viewer", "--password-stdin", stdin=PASSWORD)
        assert canary not in everything(shell)
        assert canary not in log.text
        assert canary not in dump()


def test_a_secret_that_people_read_is_printed_once(shell, client_id, log):
    canary = next(
        word for word in shell.text("secret", "create", client_id).split() if "signet_" in word
    )
    assert canary not in everything(shell)
    assert canary not in log.text


def test_a_password_is_in_no_answer_no_log_and_no_table(shell, client_id, log):
    outcomes = [
        shell.run(*command, "--password-stdin", *json, stdin=PASSWORD)
        for command in (
            ("admin", "create", "bob", "--role", "viewer"),
            ("admin", "create", "bob", "--role", "viewer"),
            ("admin", "reset-password", "bob"),
            ("admin", "reset-password", "nobody"),
        )
        for json in ((), ("--json",))
    ]
    assert {outcome.exit_code for outcome in outcomes} == {0, 1}
    assert PASSWORD not in "".join(outcome.output for outcome in outcomes)
    assert PASSWORD not in everything(shell)
    assert PASSWORD not in log.text
    assert PASSWORD not in dump()


def test_no_answer_holds_a_digest_a_hash_or_a_private_key(shell, client_id):
    shell.run("admin", "create", "bob", "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    shell.json("key", "rotate", "--now")
    shell.json("api", "secret", "create", "external-api")
    kept = rows(select(ClientSecretRow.digest)) + rows(select(AdminRow.password_hash))
    kept += rows(select(ResourceServerSecretRow.digest))
    assert len(kept) == 3
    answers = everything(shell) + shell.text("key", "list", "--json")
    assert not any(value in answers for (value,) in kept)
    assert "private" not in answers
    assert '"d"' not in answers


def everything(shell: Shell) -> str:
    """All that the reading commands answer, to people and to scripts."""
    return "".join(
        shell.run(*command, *json).output for command in READING for json in ((), ("--json",))
    )


def dump() -> str:
    """All that stands in the tables."""
    return str([rows(select(table)) for table in Base.metadata.sorted_tables])


def rows(query):
    with read() as session:
        return [tuple(row) for row in session.execute(query)]
