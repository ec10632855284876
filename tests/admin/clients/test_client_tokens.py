"""What the tokens of a client are like, in the browser."""

import json
from typing import Any

import pytest

from signet.models.audit_log import count_entries
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import edit_client
from signet.operations.token_options import TokenOptions, token_options_of
from signet.wiring import utc_now
from tests.admin.clients.proofs import filled_in, make_keyed, send_tokens, typed_in
from tests.admin.clients.steps import MARKUP, get_client, make_client, send_new
from tests.admin.desk import text_of
from tests.admin.pages import read
from tests.admin.signing_in import TEST

CLAIMS = {
    "tenant": "blue",
    "level": 3,
    "ratio": 0.5,
    "is_test": True,
    "roles": ["a", "b"],
    "https://example.org/city": "Zürich",
    "odd": "=\u2028\u202e\x85\n",
}


def tokens_of(client_id: str) -> TokenOptions:
    return token_options_of(get_client(client_id))


def change_meanwhile(client_id: str, **tokens: Any) -> None:
    edit_client(
        client_id,
        ClientFacts(name="Billing export"),
        tokens=TokenOptions(**tokens),
        actor=TEST,
        now=utc_now(),
    )


def test_everything_that_is_decided_of_tokens_is_saved(tls_desk):
    client_id = make_client("all-of-tokens").client_id
    answer = send_tokens(
        tls_desk,
        client_id,
        token_format="reference",
        dpop_bound_access_tokens="y",
        tls_client_certificate_bound_access_tokens="y",
        claims='tenant = "blue"\r\n\r\nroles=["a", "b"]  \r\n  level =3',
    )
    assert (answer.status_code, answer.location) == (303, f"/admin/clients/{client_id}")
    assert tokens_of(client_id) == TokenOptions(
        token_format="reference",
        dpop_bound_access_tokens=True,
        tls_client_certificate_bound_access_tokens=True,
        claims={"tenant": "blue", "roles": ["a", "b"], "level": 3},
    )
    text = text_of(tls_desk.open(answer.location))
    for said in (
        "Tokens of “Billing export” were saved.",
        "Format Reference, which APIs ask Signet about",
        "Bound to A key that the client proves to hold (DPoP), and its TLS certificate",
        'Claims tenant = "blue" roles = ["a", "b"] level = 3',
        "Each request needs a DPoP proof (RFC 9449) as well.",
    ):
        assert said in text
    assert "curl -sS" not in text


def test_the_form_as_it_comes_changes_nothing_whatever_the_claims_are(tls_desk):
    client_id = make_keyed("same-tokens", dpop_bound_access_tokens=True, claims=CLAIMS)
    before = get_client(client_id)
    assert send_tokens(tls_desk, client_id).status_code == 303
    assert get_client(client_id) == before


def test_what_has_no_tick_any_more_is_taken_away(tls_desk):
    client_id = make_keyed("fewer-tokens", dpop_bound_access_tokens=True, claims=CLAIMS)
    send_tokens(tls_desk, client_id, dpop_bound_access_tokens=None, claims="")
    assert tokens_of(client_id) == TokenOptions()


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ('a = 1\n\ntenant "blue"', 'Line 3: write a name, “=” and a value, as tenant = "blue"'),
        (' = "blue"', "Line 1: write a name, “=” and a value"),
        ("a = 1\ntenant = blue", "Line 2: write the value in JSON, a text in quotation marks"),
        ("tenant =", "Line 1: write the value in JSON"),
        ("a = " + "[" * 5_000, "Line 1: write the value in JSON"),
        ("a = 1\nb = 2\na = 3", "Line 3: there is another claim of this name"),
        ('a = 1\nsub = "x"', "Line 2: “sub” is a claim of the protocol: choose another name"),
        ('a = 1\nb = {"c": 1}', "Line 2: Use a text, a number, true, false or a list of these"),
        ("a = null", "Line 1: Use a text, a number, true, false or a list of these for “a”"),
        ("a = NaN", "Line 1: Use a text, a number"),
        ('a\u202eb = "x"', "Line 1: Use only characters that can be seen"),
        (f'a = "{"x" * 2_000}"', "Line 1: Use at most 2000 characters of claims"),
        ("\n".join(f"c{n} = 1" for n in range(21)), "Use at most 20 claims"),
        ("a" * 10_001, "Use at most 10,000 characters for the claims"),
    ],
)
def test_a_mistake_in_the_claims_names_its_line(sqlite_desk, claims, message):
    entries = count_entries()
    answer = send_tokens(sqlite_desk, "billing-export", claims=claims)
    assert answer.status_code == 422
    assert text_of(answer).count(message) == 2
    assert typed_in(answer, "claims") == claims.strip()
    assert count_entries() == entries


def test_an_unknown_form_of_tokens_is_refused(sqlite_desk):
    answer = send_tokens(sqlite_desk, "billing-export", token_format="opaque")
    assert answer.status_code == 422
    assert text_of(answer).count("Choose jwt or reference as token format") == 2


def test_a_mistake_in_the_claims_of_a_new_client_is_not_hidden(sqlite_desk):
    answer = send_new(sqlite_desk, claims="tenant")
    assert answer.status_code == 422
    assert "Line 1: write a name" in text_of(answer)
    assert "<details open>" in answer.text


def test_u32_claims_are_shown_as_text(tls_desk):
    client_id = make_keyed(
        "hostile-claims", claims={"<b>": MARKUP, "odd": "\u202e\u2028</textarea>"}
    )
    for page in ("", "/tokens"):
        answer = tls_desk.open(f"/admin/clients/{client_id}{page}")
        assert f"<b> = {json.dumps(MARKUP, ensure_ascii=False)}" in text_of(answer)
        assert "\\u202e\\u2028</textarea>" in text_of(answer)
        assert read(answer.text).all("img") == read(answer.text).all("b") == []
        assert "\u202e" not in answer.text
        assert "54439" not in answer.text


# Two editors


def test_u31_what_somebody_else_has_changed_is_shown_and_not_overwritten(tls_desk):
    client_id = make_keyed("token-editors")
    form = filled_in(tls_desk.open(f"/admin/clients/{client_id}/tokens"))
    change_meanwhile(client_id, claims={"tenant": "theirs"}, dpop_bound_access_tokens=True)
    mine = form | {"claims": 'tenant = "mine"', "token_format": "reference"}
    answer = tls_desk.send(f"/admin/clients/{client_id}/tokens", **mine)
    assert answer.status_code == 409
    text = text_of(answer)
    for said in (
        "Somebody else has changed this client since you opened the form.",
        "Token format JWT Reference",
        "DPoP Required Not required",
        'Claims tenant = "theirs" tenant = "mine"',
    ):
        assert said in text
    assert tokens_of(client_id).claims == {"tenant": "theirs"}
    kept = filled_in(answer) | {"claims": typed_in(answer, "claims")}
    assert tls_desk.send(f"/admin/clients/{client_id}/tokens", **kept).status_code == 303
    assert tokens_of(client_id) == TokenOptions(token_format="reference", claims={"tenant": "mine"})


def test_u31_a_form_without_the_version_it_saw_saves_nothing(sqlite_desk):
    answer = send_tokens(sqlite_desk, "billing-export", version=None, claims="a = 1")
    assert answer.status_code == 422
    assert tokens_of("billing-export") == TokenOptions()


# What a server does not offer


def test_tokens_are_bound_to_certificates_only_where_the_server_sees_them(sqlite_desk):
    text = text_of(sqlite_desk.open("/admin/clients/billing-export/tokens"))
    assert "Not available on this server: it needs SIGNET_CLIENT_CERT_PROXIES ." in text
    answer = send_tokens(
        sqlite_desk, "billing-export", tls_client_certificate_bound_access_tokens="y"
    )
    assert answer.status_code == 422
    assert "this server needs SIGNET_CLIENT_CERT_PROXIES for it" in text_of(answer)


def test_a_client_whose_tokens_were_bound_before_can_keep_it_or_not(desk):
    client_id = make_keyed("bound-before", tls_client_certificate_bound_access_tokens=True)
    assert send_tokens(desk, client_id, claims="a = 1").status_code == 303
    assert tokens_of(client_id).tls_client_certificate_bound_access_tokens
    send_tokens(desk, client_id, tls_client_certificate_bound_access_tokens=None)
    assert not tokens_of(client_id).tls_client_certificate_bound_access_tokens
