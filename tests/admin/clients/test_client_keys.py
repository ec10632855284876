"""Public keys and certificates in the form of a new client: pasted, uploaded, and private ones."""

import html
import json

import pytest

from signet.operations.client_authentication import ClientAuthentication
from tests.admin.clients.proofs import (
    CERTIFICATE,
    CERTIFICATES,
    JWKS,
    KEY,
    NAMELESS_JWKS,
    OTHER_KEY,
    PRIVATE_JWK,
    PRIVATE_PARTS,
    PRIVATE_PEM,
    TRUST,
    WAYS,
    proof_of,
    typed_in,
    upload,
)
from tests.admin.clients.steps import send_new
from tests.admin.desk import text_of
from tests.oauth.signing import jwk_set, public_jwk, public_pem

SIGNED = {"token_endpoint_auth_method": "private_key_jwt"}
SELF_SIGNED = {"token_endpoint_auth_method": "self_signed_tls_client_auth"}
FEDERATED = {"token_endpoint_auth_method": "federated_jwt"}


@pytest.mark.parametrize(
    ("name", "fields", "expected"),
    [
        ("set", {"jwks": json.dumps(JWKS)}, JWKS),
        ("jwk", {"jwks": json.dumps(public_jwk(KEY))}, JWKS),
        ("pem", {"jwks": public_pem(KEY).decode()}, NAMELESS_JWKS),
        ("upload", {"jwks_file": upload(json.dumps(JWKS))}, JWKS),
        ("with-bom", {"jwks_file": upload(b"\xef\xbb\xbf" + public_pem(KEY))}, NAMELESS_JWKS),
        (
            "both",
            {
                "jwks": json.dumps(JWKS),
                "jwks_file": upload(json.dumps(public_jwk(OTHER_KEY))),
            },
            jwk_set(KEY, OTHER_KEY),
        ),
        ("twice", {"jwks": json.dumps(JWKS), "jwks_file": upload(json.dumps(JWKS))}, JWKS),
    ],
)
def test_public_keys_are_pasted_or_uploaded_in_any_form(tls_desk, name, fields, expected):
    answer = send_new(tls_desk, client_id=f"keys-{name}", **SIGNED | fields)
    assert answer.status_code == 303, text_of(answer)
    assert proof_of(f"keys-{name}").jwks == expected


def test_keys_may_be_published_at_an_address(tls_desk):
    address = "https://keys.example/jwks"
    addressed = {"key_source": "address", "jwks": "no key", "jwks_uri": address}
    send_new(tls_desk, client_id="keys-address", **SIGNED | addressed)
    assert proof_of("keys-address") == ClientAuthentication(
        method="private_key_jwt", jwks_uri=address
    )
    addressed = {"certificate_source": "address", "certificates_uri": address}
    send_new(tls_desk, client_id="certificates-address", **SELF_SIGNED | addressed)
    assert proof_of("certificates-address").jwks_uri == address
    fields, _ = WAYS["federated_jwt"]
    addressed = {"trust_key_source": "address", "trust_jwks_uri": address}
    send_new(tls_desk, client_id="issuer-address", **FEDERATED | fields | addressed)
    assert proof_of("issuer-address").trusted_issuers[0].jwks_uri == address


def test_an_uploaded_certificate_and_the_keys_of_an_issuer_are_read_too(tls_desk):
    certificate = {"certificates_file": upload(CERTIFICATE.pem)}
    send_new(tls_desk, client_id="certificate-file", **SELF_SIGNED | certificate)
    assert proof_of("certificate-file").jwks == CERTIFICATES
    fields, _ = WAYS["federated_jwt"]
    known = {"trust_key_source": "inline", "trust_jwks_file": upload(json.dumps(JWKS))}
    send_new(tls_desk, client_id="issuer-file", **FEDERATED | fields | known)
    (trust,) = proof_of("issuer-file").trusted_issuers
    assert (trust.issuer, trust.jwks) == (TRUST.issuer, JWKS)


# Private keys


@pytest.mark.parametrize("method", ["private_key_jwt", "self_signed_tls_client_auth"])
@pytest.mark.parametrize(
    "text",
    [PRIVATE_PEM, PRIVATE_JWK, '{"keys": [' + PRIVATE_JWK + "]}"],
    ids=["pem", "jwk", "set"],
)
@pytest.mark.parametrize("is_file", [False, True])
def test_a_private_key_is_refused_and_not_repeated(tls_desk, method, text, is_file):
    field = "jwks" if method == "private_key_jwt" else "certificates"
    sent = {f"{field}_file": upload(text)} if is_file else {field: text}
    answer = send_new(tls_desk, token_endpoint_auth_method=method, **sent)
    assert answer.status_code == 422
    assert text_of(answer).count("This is a private key. It belongs to the client alone") == 2
    assert not [part for part in PRIVATE_PARTS if part in html.unescape(answer.text)]


@pytest.mark.parametrize("field", ["jwks", "certificates", "trust_jwks"])
@pytest.mark.parametrize(
    "text",
    [PRIVATE_PEM, PRIVATE_JWK, PRIVATE_JWK[:-1], PRIVATE_PEM.splitlines()[1]],
    ids=["pem", "jwk", "broken jwk", "bare"],
)
def test_a_private_key_in_a_field_of_another_method_does_not_come_back(tls_desk, field, text):
    answer = send_new(tls_desk, name="", **{field: text})
    assert answer.status_code == 422
    assert typed_in(answer, field) == ""
    assert not [part for part in PRIVATE_PARTS if part in html.unescape(answer.text)]


def test_keys_that_were_read_come_back_in_a_form_with_a_mistake(tls_desk):
    answer = send_new(tls_desk, name="", jwks_file=upload(json.dumps(JWKS)), **SIGNED)
    assert answer.status_code == 422
    assert json.loads(typed_in(answer, "jwks")) == JWKS
