"""An act leaves the same entry, whether it was done in a page or by a command."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from tests.admin.signing_in import csrf_of, make_admin, sign_in
from tests.cli.shell import Shell, on_one_engine
from tests.oauth.signing import jwk_set, make_key

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


@on_one_engine
def test_creating_a_client_that_proves_itself_by_keys(shell, submit):
    jwks = json.dumps(jwk_set(make_key()))
    submit(
        "/clients/new",
        name="Billing",
        client_id="billing",
        form_number="1",
        access_token_lifetime="3600",
        token_endpoint_auth_method="private_key_jwt",
        jwks=jwks,
        token_endpoint_auth_signing_alg="ES256",
        token_format="reference",
        claims='tenant = "blue"',
    )
    by_page = last_act(shell)
    shell.json("client", "delete", "billing")
    shell.json(
        "client", "create", "Billing", "--client-id", "billing",
        "--token-endpoint-auth-method", "private_key_jwt", "--jwks", "-",
        "--token-endpoint-auth-signing-alg", "ES256",
        "--token-format", "reference", "--claim", 'tenant="blue"', stdin=jwks,
    )  # fmt: skip
    assert last_act(shell) == by_page


@on_one_engine
def test_changing_how_a_client_proves_itself(shell, client_id, submit):
    submit(
        f"/clients/{client_id}/authentication",
        version="1",
        token_endpoint_auth_method="federated_jwt",
        trust_issuer="https://ci.example",
        trust_subject="repo:acme/billing",
        trust_audience="signet",
    )
    by_page = last_act(shell)
    method = ("client", "edit", client_id, "--token-endpoint-auth-method")
    shell.json(*method, "client_secret_basic")
    shell.json(
        *method, "federated_jwt", "--trust-issuer", "https://ci.example",
        "--trust-subject", "repo:acme/billing", "--trust-audience", "signet",
    )  # fmt: skip
    assert last_act(shell) == by_page


@on_one_engine
def test_changing_the_tokens_of_a_client(shell, client_id, submit):
    tokens = f"/clients/{client_id}/tokens"
    submit(tokens, version="1", dpop_bound_access_tokens="y", claims="level = 3")
    by_page = last_act(shell)
    submit(tokens, version="2")
    shell.json("client", "edit", client_id, "--dpop-bound-access-tokens", "--claim", "level=3")
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
