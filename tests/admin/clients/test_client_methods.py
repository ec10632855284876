"""Registering a client that proves itself by something else than a secret."""

import json

import pytest

from signet.models.audit_log import count_entries
from signet.models.clients import find_client
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.token_options import TokenOptions, token_options_of
from tests.admin.clients.proofs import (
    JWKS,
    WAYS,
    proof_of,
    upload,
)
from tests.admin.clients.steps import get_client, secret_in, send_new, value_in
from tests.admin.desk import text_of
from tests.admin.pages import read

SIGNED = {"token_endpoint_auth_method": "private_key_jwt"}
SELF_SIGNED = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
FEDERATED = {"token_endpoint_auth_method": "federated_jwt"}
#: In every field of every method what its own method would refuse.
GARBAGE = {
    "expires_in": "forever",
    "jwks": "no key",
    "jwks_uri": "ftp://example.org",
    "tls_client_auth_subject_dn": "no name",
    "certificates": "no certificate",
    "certificates_uri": "http://localhost",
    "trust_issuer": "nobody",
    "trust_subject": "*",
    "trust_jwks": "no key",
    "trust_jwks_uri": "x" * 5_000,
    "kept_keys": ["x"],
    "kept_issuers": ["x"],
}
_OF_METHOD = {
    "client_secret_basic": ("expires_in",),
    "private_key_jwt": ("jwks",),
    "tls_client_auth": ("tls_client_auth_subject_dn",),
    "self_signed_tls_client_auth": ("certificates",),
    "federated_jwt": ("trust_issuer", "trust_subject"),
}


@pytest.mark.parametrize("method", WAYS)
def test_a_client_is_registered_with_what_its_method_needs_and_no_secret(tls_desk, method):
    fields, expected = WAYS[method]
    client_id = f"new-{method}"
    answer = send_new(tls_desk, client_id=client_id, token_endpoint_auth_method=method, **fields)
    assert (answer.status_code, answer.location) == (303, f"/admin/clients/{client_id}")
    page = text_of(tls_desk.open(answer.location))
    assert "Client “Billing export” was created." in page
    assert "Billing export Never used" in page
    assert proof_of(client_id) == expected
    assert get_client(client_id).secrets == ()


@pytest.mark.parametrize("method", _OF_METHOD)
def test_what_belongs_to_another_method_is_ignored(tls_desk, method):
    fields, expected = WAYS.get(method, ({}, ClientAuthentication()))
    own = {name: value for name, value in GARBAGE.items() if name not in _OF_METHOD[method]}
    answer = send_new(
        tls_desk,
        client_id=f"only-{method}",
        token_endpoint_auth_method=method,
        **own | fields,
    )
    assert answer.status_code in (200, 303), text_of(answer)
    assert proof_of(f"only-{method}") == expected


# Mistakes


@pytest.mark.parametrize(
    ("method", "field", "fields", "message"),
    [
        ("none", "token_endpoint_auth_method", {}, "Choose how the client proves itself"),
        ("private_key_jwt", "jwks", {}, "Paste or upload the client's public keys"),
        (
            "private_key_jwt",
            "jwks",
            {"jwks": "no key"},
            "Use a JWK set, a JWK, or a public key or certificate in PEM",
        ),
        (
            "private_key_jwt",
            "jwks",
            {"jwks_file": upload(b"\xff\xfe\x00")},
            "Choose a file of text: a JWK set, a JWK or PEM",
        ),
        (
            "private_key_jwt",
            "jwks",
            {"jwks_file": upload(" \n")},
            "Choose a file that holds public keys: this one is empty",
        ),
        (
            "private_key_jwt",
            "jwks",
            {"jwks": "[" * 20_000},
            "Use a JWK set, a JWK or PEM",
        ),
        ("private_key_jwt", "key_source", {"key_source": "x"}, "Choose where its public keys are"),
        (
            "private_key_jwt",
            "jwks_uri",
            {"key_source": "address"},
            "Enter the address where it publishes its keys",
        ),
        (
            "private_key_jwt",
            "jwks_uri",
            {"key_source": "address", "jwks_uri": "http://keys.example"},
            "Use an https address: it is not https",
        ),
        (
            "private_key_jwt",
            "token_endpoint_auth_signing_alg",
            {"jwks": json.dumps(JWKS), "token_endpoint_auth_signing_alg": "HS256"},
            "Choose one of PS256, ES256, EdDSA, Ed25519, RS256",
        ),
        (
            "tls_client_auth",
            "tls_client_auth_subject_dn",
            {"tls_client_auth_subject_dn": " "},
            "Enter the subject of the certificate",
        ),
        (
            "tls_client_auth",
            "tls_client_auth_subject_dn",
            {"tls_client_auth_subject_dn": "billing"},
            "The subject ",
        ),
        (
            "self_signed_tls_client_auth",
            "certificates",
            {},
            "Paste or upload the client's certificates",
        ),
        (
            "self_signed_tls_client_auth",
            "certificates",
            {"certificates": json.dumps(JWKS)},
            "Give the certificates, or keys with their x5c",
        ),
        (
            "self_signed_tls_client_auth",
            "certificates_uri",
            {"certificate_source": "address", "certificates_uri": "https://a@b"},
            "Use an https address: it holds a user name",
        ),
        ("federated_jwt", "trust_issuer", {}, "Enter the address of the issuer"),
        ("federated_jwt", "trust_subject", {}, "Enter the subject"),
        ("federated_jwt", "trust_audience", {}, "Enter the audience"),
        (
            "federated_jwt",
            "trust_subject",
            {"trust_issuer": "https://ci.example", "trust_subject": "**", "trust_audience": "x"},
            "Write at least a part of the subject",
        ),
        (
            "federated_jwt",
            "trust_jwks",
            {"trust_key_source": "inline"},
            "Paste or upload the issuer's public keys",
        ),
        (
            "federated_jwt",
            "trust_jwks_uri",
            {"trust_key_source": "address"},
            "Enter the address where the issuer publishes its keys",
        ),
    ],
)
def test_a_mistake_is_said_at_its_field_and_above(tls_desk, method, field, fields, message):
    entries = count_entries()
    answer = send_new(tls_desk, token_endpoint_auth_method=method, **fields)
    assert answer.status_code == 422
    assert text_of(answer).count(message) == 2
    assert f'<a href="#{field}">' in answer.text
    assert f'id="{field}-error"' in answer.text
    assert count_entries() == entries


# What a server does not offer


def test_methods_that_need_a_proxy_say_which_setting_is_missing(sqlite_desk):
    page = sqlite_desk.open("/admin/clients/new")
    text = text_of(page)
    assert (
        "tls_client_auth Not available on this server: it needs SIGNET_CLIENT_CERT_PROXIES and "
        "SIGNET_CLIENT_CERT_CA_FILE ."
    ) in text
    disabled = [
        element.attributes["value"]
        for element in read(page.text).all("input")
        if "disabled" in element.attributes
    ]
    assert disabled == ["tls_client_auth", "self_signed_tls_client_auth"]


@pytest.mark.parametrize("method", ["tls_client_auth", "self_signed_tls_client_auth"])
def test_a_method_that_the_server_does_not_offer_is_refused(sqlite_desk, method):
    fields, _ = WAYS[method]
    answer = send_new(sqlite_desk, token_endpoint_auth_method=method, **fields)
    assert answer.status_code == 422
    assert "Choose another way: this one needs SIGNET_CLIENT_CERT_PROXIES" in text_of(answer)


def test_every_method_is_offered_where_its_settings_are_there(tls_desk):
    page = tls_desk.open("/admin/clients/new")
    assert "Not available" not in page.text
    assert "disabled" not in page.text


# The first secret, and once only


def test_a_client_with_a_secret_gets_the_tokens_that_were_chosen(tls_desk):
    answer = send_new(
        tls_desk,
        client_id="with-tokens",
        token_format="reference",
        tls_client_certificate_bound_access_tokens="y",
        claims='tenant = "blue"',
    )
    assert secret_in(answer)
    assert "--cert client.pem --key client.key" in answer.text
    assert token_options_of(get_client("with-tokens")) == TokenOptions(
        token_format="reference",
        tls_client_certificate_bound_access_tokens=True,
        claims={"tenant": "blue"},
    )


def test_beside_a_secret_that_needs_a_proof_as_well_stands_no_command_that_fails(tls_desk):
    answer = send_new(tls_desk, client_id="with-proof", dpop_bound_access_tokens="y")
    assert secret_in(answer)
    assert "curl -sS" not in answer.text
    assert "needs a DPoP proof (RFC 9449), which curl cannot make" in text_of(answer)


def test_a_form_that_was_sent_before_makes_no_second_client(tls_desk):
    number = value_in(tls_desk.open("/admin/clients/new"), "form_number")
    form = SIGNED | {"jwks": json.dumps(JWKS), "form_number": number}
    assert send_new(tls_desk, client_id="sent-once", **form).status_code == 303
    again = send_new(tls_desk, client_id="sent-twice", **form)
    assert again.status_code == 409
    assert "The client was created then, and nothing was changed now." in text_of(again)
    assert find_client("sent-twice") is None
