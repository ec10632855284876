"""The export: all of the configuration, in the same order each time, and nothing that is secret."""

import json
from typing import Any

import pytest

from signet.models.clients import ClientDetails
from signet.models.database import read
from signet.models.secrets import SecretRow
from signet.models.signing_keys import SigningKeyRow
from signet.operations import client_secrets, resource_server_secrets
from signet.operations.clients import ClientFacts, register_client
from signet.operations.export import export_configuration
from signet.settings import Settings, load_settings
from tests.operations.acting import ADA, NOON, PASSWORD, make_admin, make_key, make_scope, register
from tests.usage import used

SECRET_KEY = "canary-secret-key-canary-secret-key"


@pytest.fixture
def settings() -> Settings:
    return load_settings({"SIGNET_SECRET_KEY": SECRET_KEY, "SIGNET_ENVIRONMENT": "staging"})


@pytest.fixture
def everything(app, settings) -> dict[str, Any]:
    """One of each, and what of it is secret."""
    make_key()
    make_admin()
    make_scope("orders.read", "https://orders.example.org")
    issued = register("billing", name="Billing", scopes=["orders.read"])
    of_api = resource_server_secrets.create_secret(
        "https://orders.example.org", actor=ADA, now=NOON
    )
    client_secrets.revoke_secret("billing", issued.secret_id, actor=ADA, now=NOON)
    return {"client": issued.client_secret, "api": of_api.client_secret}


def exported(settings: Settings) -> Any:
    return json.loads(written(settings))


def written(settings: Settings) -> str:
    return "".join(export_configuration(settings, now=NOON))


def test_it_holds_everything_that_is_registered(everything, settings):
    document = exported(settings)
    assert list(document) == [
        *("format", "signet", "schema"),
        *("settings", "admins", "signing_keys", "apis", "scopes", "clients"),
    ]
    (client,), (api,), (scope,) = document["clients"], document["apis"], document["scopes"]
    assert (client["client_id"], client["scopes"]) == ("billing", ["orders.read"])
    assert client["access_token_lifetime"] == 3600
    assert client["secrets"][0]["revoked_at"] == "2026-07-01T12:00:00Z"
    assert (api["identifier"], scope["apis"]) == ("https://orders.example.org", [api["identifier"]])
    assert (document["admins"][0]["name"], document["admins"][0]["role"]) == (
        "ada@example.org",
        "administrator",
    )
    assert document["signing_keys"][0]["public_jwk"]["kty"] == "OKP"
    by_variable = {setting["variable"]: setting["value"] for setting in document["settings"]}
    assert by_variable["SIGNET_ENVIRONMENT"] == "staging"


def test_of_a_client_no_fact_is_left_out(everything, settings):
    (client,) = exported(settings)["clients"]
    assert set(ClientDetails.__slots__) - client.keys() == {"last_used_at", "version"}


def test_the_same_configuration_gives_the_same_bytes_however_it_is_used(everything, settings):
    before = written(settings)
    used(exported(settings)["clients"][0]["client_id"], at=NOON)
    assert written(settings) == before


def test_c14_u36_it_holds_no_secret_no_digest_and_no_private_key(everything, settings):
    text = written(settings)
    with read() as session:
        hidden = [
            value
            for table in SigningKeyRow.metadata.sorted_tables
            for row in session.execute(table.select()).mappings()
            for column, value in row.items()
            if column in ("digest", "password_hash") or column.startswith("encrypted_")
        ]
    assert len(hidden) > 3
    for secret in (*everything.values(), *hidden, PASSWORD, SECRET_KEY):
        assert str(secret) not in text
        assert repr(secret)[2:-1] not in text
    assert '"d"' not in text
    assert not {column for column in ("digest", "password", "private") if column in text}


def test_no_column_of_secrets_but_these_may_leave(everything, settings):
    """A new one has to be looked at here."""
    (client,) = exported(settings)["clients"]
    known = {
        *("secret_id", "description", "hint", "created_at", "created_by"),
        *("expires_at", "replaced_at", "revoked_at", "ends_when_quiet", "undo_until"),
    }
    assert client["secrets"][0].keys() <= known
    assert hasattr(SecretRow, "digest")


def test_names_in_any_script_and_with_any_quote_are_kept(app, settings):
    name = "Ё”</script>'\"\\"
    register_client(ClientFacts(name=name), client_id="odd", actor=ADA, now=NOON)
    text = written(settings)
    assert json.loads(text)["clients"][0]["name"] == name
    assert text.isascii()


def test_more_clients_than_are_read_at_once_are_all_there_in_their_order(
    app, settings, monkeypatch
):
    monkeypatch.setattr("signet.operations.export._BATCH", 2)
    for number in (3, 1, 2, 5, 4):
        register(f"client-{number}", name=f"Client {number}")
    names = [client["name"] for client in exported(settings)["clients"]]
    assert names == [f"Client {number}" for number in range(1, 6)]


def test_an_empty_signet_has_a_document_too(app, settings):
    assert exported(settings)["clients"] == []
