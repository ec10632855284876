"""A client that is like another one."""

from datetime import timedelta

import pytest

from signet.models.clients import find_client
from signet.oauth.client import PRIVATE_KEY_JWT
from signet.operations.client_authentication import ClientAuthentication, authentication_of
from signet.operations.client_copy import clone_client
from signet.operations.client_facts import ClientFacts, facts_of
from signet.operations.clients import register_client, register_client_without_secret
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.secret_life import IssuedSecret
from signet.operations.token_options import TokenOptions, token_options_of
from tests.oauth.signing import jwk_set, make_key, public_jwk
from tests.operations.acting import ADA, NOON, entries, make_scope

FACTS = ClientFacts(
    name="Billing export",
    description="Sends invoices",
    contact="payments@example.org",
    access_token_lifetime=timedelta(minutes=5),
)
TOKENS = TokenOptions(token_format="reference", claims={"tenant": "acme"})
BY = {"actor": ADA, "now": NOON}


def clone(source: str = "billing", name: str = "Billing import", **more):
    return clone_client(source, name, client_id="import", **more, **BY)


def test_everything_is_the_same_but_name_id_and_secrets(app):
    make_scope("external-api")
    issued = register_client(
        FACTS, tokens=TOKENS, client_id="billing", scopes=["external-api"], **BY
    )
    created = clone()
    source, copy = find_client("billing"), find_client("import")
    assert source is not None and copy is not None
    assert isinstance(created, IssuedSecret)
    assert created.client_secret != issued.client_secret
    assert (copy.name, copy.scopes) == ("Billing import", source.scopes)
    assert facts_of(copy).checked() == ClientFacts(**{**_members(FACTS), "name": copy.name})
    assert token_options_of(copy) == token_options_of(source)
    assert len(copy.secrets) == 1
    assert {secret.secret_id for secret in copy.secrets}.isdisjoint(
        secret.secret_id for secret in source.secrets
    )


def test_a_client_without_secret_is_cloned_with_its_keys(app):
    keys = jwk_set(public_jwk(make_key(), kid="one"))
    authentication = ClientAuthentication(method=PRIVATE_KEY_JWT, jwks=keys)
    register_client_without_secret(FACTS, authentication, client_id="billing", **BY)
    assert clone() == "import"
    source, copy = find_client("billing"), find_client("import")
    assert source is not None and copy is not None
    assert authentication_of(copy) == authentication_of(source)
    assert copy.secrets == ()


def test_the_clone_is_enabled_and_noted_in_the_audit_log(app):
    register_client(FACTS, client_id="billing", **BY)
    clone()
    assert [entry.object.id for entry in entries(action="client.create")] == ["billing", "import"]


def test_a_client_that_there_is_not_cannot_be_cloned(app):
    with pytest.raises(NotFoundError):
        clone("nobody")


def test_a_name_that_is_taken_is_refused_and_nothing_is_made(app):
    register_client(FACTS, client_id="billing", **BY)
    with pytest.raises(OperationError):
        clone_client("billing", "Again", client_id="BILLING", **BY)
    assert len(entries(action="client.create")) == 1


def _members(facts: ClientFacts) -> dict[str, object]:
    return {name: getattr(facts, name) for name in facts.__dataclass_fields__}
