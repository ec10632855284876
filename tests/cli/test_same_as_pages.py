"""An act leaves the same entry, whether it was done in a page or by a command."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.signing_in import csrf_of, make_admin, sign_in
from tests.cli.shell import Shell

Submit = Callable[..., None]

#: What tells two entries of one act apart: when, and from where.
CIRCUMSTANCES = ("number", "at", "actor", "address", "user_agent", "request_id")


@pytest.fixture
def submit(app: Flask, client: FlaskClient) -> Submit:
    """Sends the form of a page as an administrator who is signed in."""
    sign_in(client, make_admin(app))

    def submit(page: str, **fields: str | list[str]) -> None:
        token = csrf_of(client.get(f"/admin{page}"))
        answer = client.post(f"/admin{page}", data=fields | {"csrf_token": token})
        assert answer.status_code == 303, answer.text

    return submit


@pytest.mark.parametrize("verb", ["disable", "enable"])
def test_disabling_and_enabling_a_client(shell, client_id, submit, verb):
    undo = {"disable": "enable", "enable": "disable"}[verb]
    shell.json("client", undo, client_id)
    submit(f"/clients/{client_id}/{verb}")
    by_page = last_act(shell)
    shell.json("client", undo, client_id)
    shell.json("client", verb, client_id)
    assert last_act(shell) == by_page


def test_assigning_a_scope(shell, client_id, submit):
    shell.json("scope", "create", "other", "--api", "external-api")
    submit(f"/clients/{client_id}/scopes", scopes=["external-api", "other"], version="1")
    by_page = last_act(shell)
    shell.json("client", "remove-scope", client_id, "other")
    shell.json("client", "assign-scope", client_id, "other")
    assert last_act(shell) == by_page


def test_deleting_a_client(shell, client_id, submit):
    submit(f"/clients/{client_id}/delete", confirmation=client_id)
    by_page = last_act(shell)
    shell.json(
        "client", "create", "Billing export",
        "--client-id", client_id, "--scope", "external-api",
    )  # fmt: skip
    shell.json("client", "delete", client_id)
    assert last_act(shell) == by_page


def test_creating_a_scope(shell, client_id, submit):
    submit("/scopes/new", name="read", description="Read", apis=["external-api"], new_api="orders")
    by_page = last_act(shell)
    shell.json("scope", "delete", "read")
    shell.json("api", "delete", "orders")
    shell.json(
        "scope", "create", "read", "--description", "Read",
        "--api", "external-api", "--api", "orders",
    )  # fmt: skip
    assert last_act(shell) == by_page


def test_creating_an_api(shell, submit):
    submit("/apis/new", identifier="orders", name="Orders", signing_alg="EdDSA")
    by_page = last_act(shell)
    shell.json("api", "delete", "orders")
    shell.json("api", "create", "orders", "--name", "Orders", "--signing-alg", "EdDSA")
    assert last_act(shell) == by_page


def test_revoking_a_secret(shell, client_id, submit):
    first, second = (shell.json("secret", "create", client_id)["secret_id"] for _ in range(2))
    submit(f"/clients/{client_id}/secrets/{first}/revoke")
    by_page = last_act(shell)
    shell.json("secret", "revoke", client_id, second)
    by_command = last_act(shell)
    for act in (by_page, by_command):
        assert act["after"].pop("revoked_at") is not None
        assert act["before"].pop("secret_id") == act["after"].pop("secret_id")
        assert act["before"].pop("expires_at") == act["after"].pop("expires_at")
    assert by_command == by_page


def last_act(shell: Shell) -> dict[str, Any]:
    """What the newest entry says was done."""
    return {name: value for name, value in shell.entry().items() if name not in CIRCUMSTANCES}
