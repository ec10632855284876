"""Before every dangerous button: who would be refused, which tokens live on, what is safer."""

import re
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.clients import find_client
from signet.models.secrets import SecretDetails
from signet.models.usage_batches import write_batch
from signet.oauth.client import REFERENCE
from signet.oauth.public_keys import import_public_key
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import disable_client, edit_client, register_client_without_secret
from signet.operations.resource_server_secrets import create_secret as create_api_secret
from signet.operations.resource_servers import create_resource_server
from signet.operations.token_options import TokenOptions
from signet.usage import UsageMemory
from signet.wiring import utc_now, wiring
from tests.admin.clients.steps import API, make_client, make_scope, value_in
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of
from tests.admin.signing_in import TEST
from tests.oauth.signing import jwk_set, make_key, public_jwk

MINUTE, DAY = timedelta(minutes=1), timedelta(days=1)
BILLING = "/admin/clients/billing-export"
FACTS = ClientFacts(name="Billing export", contact="billing@example.org")


@pytest.fixture
def engine() -> str:
    """One is enough: how uses are counted is tested on both, where models are."""
    return "sqlite"


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    """An operator, and a client with two scopes."""
    desk = sit_down(app, client)
    make_scope("external-api")
    make_scope("reports")
    return desk


@pytest.fixture
def secret_id(desk: Desk) -> str:
    """The secret of the client, made long ago."""
    return make_client(
        scopes=("external-api", "reports"),
        now=utc_now() - 90 * DAY,
        contact="billing@example.org",
    ).secret_id


def use(
    owner: str, credential_id: str, *, count: int = 1, ago: timedelta = 4 * MINUTE, **more: str
) -> None:
    memory, at = UsageMemory(), utc_now() - ago
    served = more.get("served", "token")
    for _ in range(count):
        memory.note_use(
            owner, credential_id, served, at=at, address="10.0.3.7", user_agent="curl/8"
        )
    write_batch(memory.take())


def secret_of() -> SecretDetails:
    client = find_client("billing-export")
    assert client is not None
    return client.secrets[0]


# Secrets


def test_revoking_says_who_uses_the_secret_and_how_often(desk, secret_id):
    use("billing-export", secret_id, count=1_204)
    page = desk.open(f"{BILLING}/secrets/{secret_id}/revoke")
    text = text_of(page)
    assert "Last used 4 minutes ago by 10.0.3.7 (curl). Callers that use it are refused" in text
    assert "Would be refused Whoever uses it: 1,204 times in 7 days" in text
    assert re.search(r"Tokens already issued Valid until .* UTC at the latest", text)
    assert f"{BILLING}/secrets/new" in links_of(page.text, within="main")


def test_revoking_a_secret_that_nobody_uses_says_so(desk, secret_id):
    text = text_of(desk.open(f"{BILLING}/secrets/{secret_id}/revoke"))
    assert "It was never used." in text
    assert "Would be refused Nobody: it was not used in 7 days" in text
    assert "None that was got with this secret is valid." in text


def test_a_revocation_is_undone_by_a_button_in_its_row(desk, secret_id):
    desk.send(f"{BILLING}/secrets/{secret_id}/revoke")
    assert "Undo revoke" in text_of(desk.open(f"{BILLING}/secrets"))
    answer = desk.send(f"{BILLING}/secrets/{secret_id}/undo-revoke")
    assert answer.status_code == 303
    assert secret_of().revoked_at is None
    text = text_of(desk.open(f"{BILLING}/secrets"))
    assert "works again." in text and "Undo revoke" not in text


def test_a_revocation_that_cannot_be_undone_stays(desk, secret_id):
    desk.send(f"{BILLING}/secrets/{secret_id}/undo-revoke")
    assert "This secret is not revoked." in text_of(desk.open(f"{BILLING}/secrets"))
    assert desk.send(f"{BILLING}/secrets/nothing/undo-revoke").status_code == 404


def test_a_rotation_offers_an_end_when_the_secret_falls_quiet(desk, secret_id):
    page = desk.open(f"{BILLING}/secrets/new")
    text = text_of(page)
    assert "When it falls quiet (no use for 48 hours, at the latest on " in text
    assert "&lt;time" not in page.text
    fields = {"overlap": "quiet", "replaces": secret_id, "expires_in": "365d"}
    number = value_in(page, "form_number")
    answer = desk.send(f"{BILLING}/secrets", form_number=number, **fields)
    assert "works until it falls quiet, at the latest" in text_of(answer)
    client = find_client("billing-export")
    assert client is not None and client.secrets[1].ends_when_quiet
    assert "When it falls quiet, at the latest" in text_of(desk.open(f"{BILLING}/secrets"))


def test_the_list_gives_a_verdict_on_each_secret(desk, secret_id):
    use("billing-export", secret_id, count=3)
    text = text_of(desk.open(f"{BILLING}/secrets"))
    assert "In use by 10.0.3.7 (curl), 4 minutes ago 3 times in 7 days" in text
    assert "In use by 10.0.3.7 (curl)" in text_of(desk.open(BILLING))


def test_the_secret_of_an_api_is_judged_and_brought_back_as_well(desk):
    made = create_api_secret(API, description="gateway", actor=TEST, now=utc_now())
    use(API, made.secret_id, count=30, served="introspection")
    path = f"/admin/apis/1/secrets/{made.secret_id}"
    assert "In use by 10.0.3.7 (curl)" in text_of(desk.open("/admin/apis/1/secrets"))
    text = text_of(desk.open(f"{path}/revoke"))
    assert "Whoever uses it: 30 times in 7 days" in text
    assert "Tokens already issued" not in text
    desk.send(f"{path}/revoke")
    assert "Undo revoke" in text_of(desk.open("/admin/apis/1/secrets"))
    desk.send(f"{path}/undo-revoke")
    assert "Secret “gateway” works again." in text_of(desk.open("/admin/apis/1/secrets"))


# Clients


@pytest.mark.parametrize("act", ["disable", "delete"])
def test_refusing_a_client_says_whom_it_hits(desk, secret_id, act: str):
    use("billing-export", secret_id, count=212)
    text = text_of(desk.open(f"{BILLING}/{act}"))
    assert "Last used 4 minutes ago by 10.0.3.7 (curl)" in text
    assert re.search("Whoever uses “signet_….{4}”: 212 times in 7 days, last 4 minutes ago", text)
    assert "Valid until" in text and "introspection) refuses them at once" in text


def test_deleting_offers_to_disable_and_names_whom_to_ask(desk, secret_id):
    page = desk.open(f"{BILLING}/delete")
    assert f"{BILLING}/disable" in links_of(page.text, within="main")
    assert "Ask first: billing@example.org." in text_of(page)


def test_of_a_disabled_client_nobody_would_be_refused(desk, secret_id):
    use("billing-export", secret_id)
    disable_client("billing-export", actor=TEST, now=utc_now())
    text = text_of(desk.open(f"{BILLING}/delete"))
    assert "Would be refused Nobody: it is disabled already" in text
    assert "Leave it disabled" in text


def test_reference_tokens_end_with_their_client(desk, secret_id):
    use("billing-export", secret_id)
    tokens = TokenOptions(token_format=REFERENCE)
    edit_client("billing-export", FACTS, tokens=tokens, actor=TEST, now=utc_now())
    text = text_of(desk.open(f"{BILLING}/disable"))
    assert "They end at once: an API asks Signet about each." in text
    # But not with a secret: they are the client's.
    assert "Valid until" in text_of(desk.open(f"{BILLING}/secrets/{secret_id}/revoke"))


def test_tokens_of_a_client_that_was_not_here_for_long_are_over(desk, secret_id):
    use("billing-export", secret_id, ago=DAY + MINUTE)
    assert "It holds none that is valid." in text_of(desk.open(f"{BILLING}/disable"))


def test_tokens_may_live_on_that_were_issued_before_the_lifetime_was_shortened(desk, secret_id):
    use("billing-export", secret_id, ago=DAY - 5 * MINUTE)
    if_longer = r"Valid until .* UTC at the latest, if the lifetime was longer before; else none"
    for path in (f"{BILLING}/disable", f"{BILLING}/secrets/{secret_id}/revoke", "/admin/scopes/1"):
        assert re.search(if_longer, text_of(desk.open(path))), path


def test_the_use_of_a_key_stands_beside_it(desk):
    key, other = make_key(), make_key()
    register_client_without_secret(
        ClientFacts(name="Signer"),
        ClientAuthentication(method="private_key_jwt", jwks=jwk_set(key, other)),
        client_id="signer",
        scopes=["external-api"],
        actor=TEST,
        now=utc_now(),
    )
    thumbprint = import_public_key(public_jwk(key)).thumbprint
    use("signer", thumbprint, count=7)
    text = text_of(desk.open("/admin/clients/signer"))
    assert "4 minutes ago by 10.0.3.7 (curl); 7 times in 7 days" in text
    assert "Never" in text
    text = text_of(desk.open("/admin/clients/signer/disable"))
    assert f"Whoever uses {thumbprint[:8]}…: 7 times in 7 days" in text


# Scopes and APIs


def save_scopes(desk: Desk, *scopes: str, **fields: str):
    version = value_in(desk.open(f"{BILLING}/scopes"), "version")
    return desk.send(f"{BILLING}/scopes", scopes=list(scopes), version=version, **fields)


def scopes_now() -> tuple[str, ...]:
    client = find_client("billing-export")
    assert client is not None
    return client.scopes


def test_taking_a_scope_from_a_client_in_use_is_asked_about_first(desk, secret_id):
    use("billing-export", secret_id, count=9, ago=29 * DAY)
    answer = save_scopes(desk, "external-api")
    assert answer.status_code == 200
    text = text_of(answer)
    assert (
        "Remove scope from “Billing export”? To be removed: reports . Nothing was changed" in text
    )
    assert scopes_now() == ("external-api", "reports")
    assert value_in(answer, "scopes") == "external-api"
    saved = save_scopes(desk, "external-api", confirmed=value_in(answer, "confirmed"))
    assert saved.status_code == 303
    assert scopes_now() == ("external-api",)


def test_all_scopes_can_be_taken_after_the_question(desk, secret_id):
    use("billing-export", secret_id)
    assert "Remove scopes from" in text_of(save_scopes(desk))
    assert save_scopes(desk, confirmed="yes").status_code == 303
    assert scopes_now() == ()


def test_taking_a_scope_from_an_idle_client_is_not_asked_about(desk, secret_id):
    use("billing-export", secret_id, ago=32 * DAY)
    assert save_scopes(desk, "external-api").status_code == 303
    assert scopes_now() == ("external-api",)


def test_adding_a_scope_is_not_asked_about(desk, secret_id):
    use("billing-export", secret_id)
    make_scope("more")
    assert save_scopes(desk, "external-api", "more", "reports").status_code == 303


def test_a_conflict_is_told_before_the_question(desk, secret_id):
    use("billing-export", secret_id)
    answer = desk.send(f"{BILLING}/scopes", scopes=["external-api"], version="99")
    assert answer.status_code == 409


def test_disabling_a_scope_says_which_clients_have_it(desk, secret_id):
    use("billing-export", secret_id, count=40)
    text = text_of(desk.open("/admin/scopes/1"))
    assert "Billing export : 40 tokens in 7 days, last used 4 minutes ago" in text
    assert "tokens are not counted by scope" in text
    assert "Valid until" in text


def test_a_scope_in_use_is_not_deleted_and_its_clients_are_listed_with_their_use(desk, secret_id):
    use("billing-export", secret_id, count=40)
    assert "billing-export 40 4 minutes ago" in text_of(desk.open("/admin/scopes/1/delete"))


def test_deleting_a_scope_offers_to_disable_it(desk):
    page = desk.open("/admin/scopes/1/delete")
    assert "Nobody: no client has it" in text_of(page)
    assert "Disable it instead" in text_of(page)


def test_deleting_an_api_says_who_asks_with_its_secrets(desk):
    create_resource_server(
        "urn:stock",
        name="",
        signing_alg=None,
        encryption=wiring().encryption,
        actor=TEST,
        now=utc_now(),
    )
    made = create_api_secret("urn:stock", description="gateway", actor=TEST, now=utc_now())
    use("urn:stock", made.secret_id, count=30, served="introspection")
    text = text_of(desk.open("/admin/apis/2/delete"))
    assert "Whoever uses “gateway”: 30 times in 7 days, last 4 minutes ago" in text
