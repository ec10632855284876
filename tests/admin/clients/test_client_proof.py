"""What the pages and the audit log say of how a client proves itself."""

from dataclasses import replace

import pytest

from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.operations.client_authentication import ClientAuthentication
from tests.admin.clients.proofs import (
    KEY,
    TRUST,
    WAYS,
    change_proof,
    filled_in,
    make_keyed,
    path_of,
    proof_of,
    send_proof,
)
from tests.admin.clients.steps import MARKUP
from tests.admin.desk import text_of
from tests.admin.pages import read
from tests.oauth.signing import jwk_set, public_jwk
from tests.printed import programs_on


@pytest.mark.parametrize(
    ("method", "facts", "use"),
    [
        (
            "private_key_jwt",
            (f"{KEY.kid} {KEY.kid} ES256", "Only ES256", "The issuer or the token endpoint"),
            '--data-urlencode "client_assertion=$SIGNET_ASSERTION"',
        ),
        ("tls_client_auth", ("CN=billing,O=Example",), "--cert client.pem --key client.key"),
        ("self_signed_tls_client_auth", ("None ES256",), "--cert client.pem --key client.key"),
        (
            "federated_jwt",
            (f"{TRUST.issuer} {TRUST.subject} signet By discovery",),
            '--data-urlencode "client_assertion=$(cat "$SIGNET_TOKEN_FILE")"',
        ),
    ],
)
def test_the_page_of_a_client_says_how_it_proves_itself_and_how_to_use_it(
    tls_desk, method, facts, use
):
    client_id = make_keyed(f"page-{method}", WAYS[method][1])
    answer = tls_desk.open(f"/admin/clients/{client_id}")
    page, programs = text_of(answer), programs_on(answer.text)
    for said in (method, *facts):
        assert said in page
    assert use in programs["curl program"]
    assert f"export SIGNET_CLIENT_ID={client_id}" in programs["Variables"]
    assert "Secret" not in page.replace("Overview Secrets Scopes", "")
    assert "secret store" not in page
    assert "It is refused at once." in page


def test_u32_what_an_issuer_is_called_is_shown_as_text_everywhere(tls_desk):
    hostile = replace(
        TRUST, issuer=f"https://ci.example/{MARKUP[:20]}", jwks_uri="https://k.example"
    )
    hostile = replace(hostile, subject=MARKUP, audience=MARKUP)
    client_id = make_keyed(
        "hostile-issuer", ClientAuthentication(method="federated_jwt", trusted_issuers=(hostile,))
    )
    form = filled_in(tls_desk.open(path_of(client_id)))
    change_proof(client_id, replace(proof_of(client_id), trusted_issuers=(hostile, TRUST)))
    number = list_entries(AuditFilter(), limit=1).entries[0].number
    pages = [
        tls_desk.open(f"/admin/clients/{client_id}"),
        tls_desk.open(path_of(client_id)),
        tls_desk.send(
            path_of(client_id), **form | {"trust_issuer": MARKUP, "trust_subject": MARKUP}
        ),
        tls_desk.send(path_of(client_id), **form | {"trust_audience": MARKUP, "version": ""}),
        tls_desk.open(f"/admin/audit/{number}"),
    ]
    for page in pages:
        assert MARKUP in text_of(page)
        assert read(page.text).all("img") == []
        assert "54439" not in page.text


def test_u32_the_name_of_a_key_turns_no_text_around(tls_desk):
    named = public_jwk(KEY, kid="a\u202eb<img>")
    client_id = make_keyed(
        "hostile-key", ClientAuthentication(method="private_key_jwt", jwks=jwk_set(named))
    )
    for page in ("", "/authentication"):
        answer = tls_desk.open(f"/admin/clients/{client_id}{page}")
        assert "a\\u202eb<img>" in text_of(answer)
        assert "\u202e" not in answer.text
        assert read(answer.text).all("img") == []


def test_the_audit_log_says_in_words_what_was_decided(tls_desk):
    make_keyed("audited", claims={"tenant": "blue"})
    send_proof(tls_desk, "audited", token_endpoint_auth_method="client_secret_basic")
    entry = list_entries(AuditFilter(), limit=1).entries[0]
    page = tls_desk.open(f"/admin/audit/{entry.number}")
    text = text_of(page)
    assert "Changed the method of authentication, the algorithm of assertions" in text
    assert (
        "Proves itself by Signed assertion private_key_jwt Client secret client_secret_basic"
        in (text)
    )
    assert f"Public keys {KEY.kid} None" in text
    assert "Token endpoint as audience Yes No" in text
    created = text_of(tls_desk.open(f"/admin/audit/{entry.number - 1}"))
    assert 'Claims tenant="blue"' in created
    assert "Token format JWT" in created
