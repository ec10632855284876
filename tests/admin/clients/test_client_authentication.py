"""Changing how a client proves itself in the browser, beside somebody else."""

import html
import json
from dataclasses import replace

import pytest

from signet.models.audit_log import count_entries
from signet.operations.client_authentication import ClientAuthentication
from tests.admin.clients.proofs import (
    CERTIFICATE,
    JWKS,
    KEY,
    OTHER_KEY,
    OTHER_TRUST,
    PRIVATE_JWK,
    PRIVATE_PARTS,
    TRUST,
    WAYS,
    change_proof,
    filled_in,
    make_keyed,
    path_of,
    proof_of,
    send_proof,
    typed_in,
    upload,
)
from tests.admin.clients.steps import get_client, make_client
from tests.admin.desk import text_of
from tests.admin.pages import links_of
from tests.certificates import issue
from tests.oauth.signing import jwk_set, public_jwk


@pytest.mark.parametrize("method", WAYS)
def test_the_form_as_it_comes_changes_nothing(tls_desk, method):
    client_id = make_keyed(f"as-is-{method}", WAYS[method][1])
    before = get_client(client_id)
    answer = send_proof(tls_desk, client_id)
    assert (answer.status_code, answer.location) == (303, f"/admin/clients/{client_id}")
    assert get_client(client_id) == before


@pytest.mark.parametrize("method", WAYS)
def test_a_client_with_a_secret_can_prove_itself_otherwise_instead(tls_desk, method):
    client_id = make_client(f"to-{method}").client_id
    fields, expected = WAYS[method]
    answer = send_proof(tls_desk, client_id, token_endpoint_auth_method=method, **fields)
    assert answer.status_code == 303, text_of(answer)
    assert proof_of(client_id) == expected
    assert len(get_client(client_id).secrets) == 1
    page = text_of(tls_desk.open(answer.location))
    assert "“Billing export” now proves itself by" in page
    assert "Rotate secret" not in page


def test_a_client_that_changes_to_secrets_is_said_to_need_one(tls_desk):
    client_id = make_keyed("to-a-secret")
    answer = send_proof(tls_desk, client_id, token_endpoint_auth_method="client_secret_basic")
    assert proof_of(client_id) == ClientAuthentication()
    page = tls_desk.open(answer.location)
    assert "now proves itself by a client secret." in text_of(page)
    assert "No secret works. The client gets no token until it has a new one." in text_of(page)
    assert f"/admin/clients/{client_id}/secrets/new" in links_of(page.text, within="main")


def test_the_page_warns_that_the_old_way_ends_at_once(tls_desk):
    client_id = make_client("warned").client_id
    text = text_of(tls_desk.open(path_of(client_id)))
    assert "It proves itself by a client secret. If you choose another way, this one stops" in text
    assert "stay valid for up to 1 hour. Its secrets are kept" in text


# Keys, certificates and issuers


def test_the_keys_of_a_client_are_shown_with_name_algorithm_and_thumbprint(tls_desk):
    text = text_of(tls_desk.open(path_of(make_keyed("shown-keys"))))
    assert f"Keys it has now Those without a tick are removed when you save. {KEY.kid}" in text
    assert f"Key ID {KEY.kid}, ES256" in text


def test_a_key_is_added_to_those_that_stay(tls_desk):
    client_id = make_keyed("one-more-key")
    send_proof(tls_desk, client_id, jwks=json.dumps(public_jwk(OTHER_KEY)))
    assert proof_of(client_id).jwks == jwk_set(KEY, OTHER_KEY)


def test_a_key_without_a_tick_is_removed(tls_desk):
    client_id = make_keyed(
        "one-key-less", ClientAuthentication(method="private_key_jwt", jwks=jwk_set(KEY, OTHER_KEY))
    )
    first, second = filled_in(tls_desk.open(path_of(client_id)))["kept_keys"]
    send_proof(tls_desk, client_id, kept_keys=[second])
    assert proof_of(client_id).jwks == jwk_set(OTHER_KEY)
    answer = send_proof(tls_desk, client_id, kept_keys=[first])
    assert answer.status_code == 422
    assert text_of(answer).count("Paste or upload the client's public keys") == 2


def test_keys_can_move_to_an_address_and_back(tls_desk):
    client_id = make_keyed("moving-keys")
    address = "https://keys.example/jwks"
    send_proof(tls_desk, client_id, key_source="address", jwks_uri=address)
    assert (proof_of(client_id).jwks, proof_of(client_id).jwks_uri) == (None, address)
    send_proof(tls_desk, client_id, key_source="inline", jwks_file=upload(json.dumps(JWKS)))
    assert (proof_of(client_id).jwks, proof_of(client_id).jwks_uri) == (JWKS, "")


def test_a_renewed_certificate_stands_beside_the_old_one_of_the_same_key(tls_desk):
    client_id = make_keyed("renewed", WAYS["self_signed_tls_client_auth"][1])
    renewed = issue("CN=billing,O=Example", key=CERTIFICATE.key)
    send_proof(tls_desk, client_id, certificates=renewed.pem)
    jwks = proof_of(client_id).jwks
    assert jwks is not None
    assert [key["x5c"] for key in jwks["keys"]] == [CERTIFICATE.jwk["x5c"], renewed.jwk["x5c"]]
    _, second = filled_in(tls_desk.open(path_of(client_id)))["kept_certificates"]
    send_proof(tls_desk, client_id, kept_certificates=[second])
    jwks = proof_of(client_id).jwks
    assert jwks is not None
    assert [key["x5c"] for key in jwks["keys"]] == [renewed.jwk["x5c"]]


def test_an_issuer_is_added_and_another_removed(tls_desk):
    client_id = make_keyed("issuers", WAYS["federated_jwt"][1])
    send_proof(
        tls_desk,
        client_id,
        trust_issuer=OTHER_TRUST.issuer,
        trust_subject=OTHER_TRUST.subject,
        trust_audience=OTHER_TRUST.audience,
        trust_key_source="inline",
        trust_jwks=json.dumps(public_jwk(OTHER_KEY)),
    )
    assert proof_of(client_id).trusted_issuers == (TRUST, OTHER_TRUST)
    page = tls_desk.open(path_of(client_id))
    assert f"keys: {OTHER_KEY.kid}" in text_of(page)
    _, second = filled_in(page)["kept_issuers"]
    send_proof(tls_desk, client_id, kept_issuers=[second])
    assert proof_of(client_id).trusted_issuers == (OTHER_TRUST,)


def test_a_client_of_issuers_keeps_one_or_names_another(tls_desk):
    client_id = make_keyed("no-issuer", WAYS["federated_jwt"][1])
    answer = send_proof(tls_desk, client_id, kept_issuers=[])
    assert answer.status_code == 422
    assert text_of(answer).count("Enter the address of the issuer") == 2
    assert proof_of(client_id).trusted_issuers == (TRUST,)


@pytest.mark.parametrize("begun", [{"trust_audience": "signet"}, {"trust_key_source": "inline"}])
def test_an_issuer_that_somebody_has_begun_to_name_is_not_forgotten(tls_desk, begun):
    client_id = f"begun-{next(iter(begun))}"
    make_keyed(client_id, WAYS["federated_jwt"][1])
    answer = send_proof(tls_desk, client_id, **begun)
    assert answer.status_code == 422
    assert "Enter the address of the issuer" in text_of(answer)
    assert "<details open>" in answer.text


def test_a_private_key_is_refused_in_an_edit_as_well(tls_desk):
    client_id = make_keyed("private-edit")
    answer = send_proof(tls_desk, client_id, jwks=PRIVATE_JWK)
    assert answer.status_code == 422
    assert "This is a private key." in text_of(answer)
    assert typed_in(answer, "jwks") == ""
    assert not [part for part in PRIVATE_PARTS if part in html.unescape(answer.text)]
    assert proof_of(client_id).jwks == JWKS


# Two editors


def test_u31_what_somebody_else_has_changed_is_shown_and_not_overwritten(tls_desk):
    client_id = make_keyed("two-editors")
    form = filled_in(tls_desk.open(path_of(client_id)))
    theirs = replace(proof_of(client_id), signing_alg=None)
    change_proof(client_id, theirs)
    mine = {"jwks": json.dumps(public_jwk(OTHER_KEY)), "token_endpoint_auth_signing_alg": "PS256"}
    answer = tls_desk.send(path_of(client_id), **form | mine)
    assert answer.status_code == 409
    text = text_of(answer)
    assert "Somebody else has changed this client since you opened the form." in text
    assert "Signing algorithm Empty PS256" in text
    assert f"Keys {KEY.kid} {KEY.kid} {OTHER_KEY.kid}" in text
    assert proof_of(client_id) == theirs
    kept = filled_in(answer) | {"jwks": typed_in(answer, "jwks")}
    kept["token_endpoint_auth_signing_alg"] = "PS256"
    assert tls_desk.send(path_of(client_id), **kept).status_code == 303
    assert proof_of(client_id).jwks == jwk_set(KEY, OTHER_KEY)
    assert proof_of(client_id).signing_alg == "PS256"


def test_u31_keys_that_are_gone_meanwhile_are_no_choice_any_more(tls_desk):
    client_id = make_keyed("keys-gone")
    form = filled_in(tls_desk.open(path_of(client_id)))
    change_proof(client_id, replace(proof_of(client_id), jwks=jwk_set(OTHER_KEY)))
    answer = tls_desk.send(path_of(client_id), **form)
    assert answer.status_code == 409
    assert f"Keys {OTHER_KEY.kid} Empty" in text_of(answer)
    assert tls_desk.send(path_of(client_id), **filled_in(answer)).status_code == 422


def test_u31_an_old_form_with_a_choice_that_is_none_is_a_mistake(tls_desk):
    client_id = make_keyed("old-nonsense")
    answer = send_proof(tls_desk, client_id, version="9", token_endpoint_auth_method="none")
    assert answer.status_code == 422
    assert text_of(answer).count("Choose how the client proves itself") == 2


@pytest.mark.parametrize("missing", ["version", "token_endpoint_auth_method"])
def test_u31_a_form_without_its_version_or_a_choice_saves_nothing(tls_desk, missing):
    client_id = make_keyed(f"without-{missing.partition('_')[0]}")
    entries = count_entries()
    answer = send_proof(tls_desk, client_id, **{missing: None})
    assert answer.status_code == 422
    assert count_entries() == entries


# What a server does not offer


def test_a_client_keeps_a_method_that_the_server_does_not_offer_any_more(desk):
    client_id = make_keyed("kept-method", WAYS["tls_client_auth"][1])
    page = text_of(desk.open(f"/admin/clients/{client_id}"))
    assert "This server takes no such client now. It needs SIGNET_CLIENT_CERT_PROXIES" in page
    answer = send_proof(desk, client_id, tls_client_auth_subject_dn="CN=other")
    assert answer.status_code == 303
    assert proof_of(client_id).subject_dn == "CN=other"
    fields, _ = WAYS["self_signed_tls_client_auth"]
    answer = send_proof(
        desk, client_id, token_endpoint_auth_method="self_signed_tls_client_auth", **fields
    )
    assert answer.status_code == 422
