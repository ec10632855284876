"""Why did it fail? Every reason there is, from the real request to the page that explains it."""

import json
from collections.abc import Iterator

import pytest
from markupsafe import escape

from signet.models.usage import EVERYBODY, counts_of
from signet.oauth.refusal import Reason
from signet.views.admin.refusal_advice import ADVICE, advice_on
from signet.views.admin.refusal_case import Case
from signet.views.admin.refusal_sentences import SENTENCES, label_of, say
from signet.wiring import utc_now
from tests.admin.desk import text_of
from tests.admin.pages import links_of
from tests.admin.refused import UNREACHED, Refused, refused_all
from tests.admin.test_canaries import dump
from tests.databases import Databases
from tests.models.refusing import NOON, make_refused


@pytest.fixture(scope="module")
def refused(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Refused]:
    """PostgreSQL, which takes less than SQLite does."""
    with (
        databases.fresh("postgresql") as url,
        refused_all(tmp_path_factory.mktemp("refused"), url) as refused,
    ):
        yield refused


#: By the name of the request: its reason, and what its page says.
SAID = {
    "no credentials": (Reason.NO_CREDENTIALS, "neither an Authorization header, nor"),
    "unknown": (Reason.UNKNOWN_CLIENT, "There is no client nobody ."),
    "unknown case": (Reason.UNKNOWN_CLIENT, "Billing export is called billing"),
    "unknown space": (Reason.UNKNOWN_CLIENT, "a stray space or line break: Billing export"),
    "unknown deleted": (Reason.UNKNOWN_CLIENT, "One of this ID was deleted by test on"),
    "unknown pasted": (Reason.UNKNOWN_CLIENT, "The ID is not kept"),
    "unknown with a secret": (Reason.UNKNOWN_CLIENT, "came with it is of Billing export"),
    "disabled": (Reason.DISABLED_CLIENT, "The client was disabled."),
    "wrong method": (Reason.WRONG_METHOD, "an Authorization header, but this client proves itself"),
    "no client id": (Reason.SECRET_WITHOUT_CLIENT_ID, "but no client_id"),
    "wrong": (Reason.WRONG_SECRET, "no client and no API here has it"),
    "cut off": (Reason.MISTYPED_SECRET, "was cut off: 30 characters arrived"),
    "too long": (Reason.MISTYPED_SECRET, "too long: 57 characters arrived"),
    "mistyped": (Reason.MISTYPED_SECRET, "a checksum, do not fit"),
    "no secret of ours": (Reason.MISTYPED_SECRET, "is no secret of Signet"),
    "padded": (Reason.PADDED_SECRET, "with a space or a line break before or after it"),
    "encoded": (Reason.ENCODED_SECRET, "percent-encoded once too often"),
    "expired": (Reason.EXPIRED_SECRET, "expired 3 days ago, on"),
    "revoked": (Reason.REVOKED_SECRET, "was revoked"),
    "foreign": (Reason.FOREIGN_SECRET, "it is of Warehouse sync , not of this client"),
    "bearer": (Reason.BASIC, "it is not of the scheme Basic"),
    "not base64": (Reason.BASIC, "is not Base64"),
    "badly encoded": (Reason.BASIC_ENCODING, "a % in it is followed by no number"),
    "assertion": (Reason.ASSERTION, "The assertion does not hold: jti is missing or no text"),
    "audience": (
        Reason.ASSERTION_AUDIENCE,
        "its aud is https://other.example , expected is https://signet.example.org",
    ),
    "audience list": (Reason.ASSERTION_AUDIENCE, "its aud is ['https://signet.example.org']"),
    "issuer": (Reason.ASSERTION_ISSUER, "iss is somebody and sub is ledger , both must be ledger"),
    "replayed": (Reason.ASSERTION_REPLAYED, "has sent the same assertion before"),
    "assertion expired": (Reason.ASSERTION_EXPIRED, "had ended 2 hours before it came"),
    "early": (Reason.ASSERTION_EARLY, "ahead of this server’s clock"),
    "signature": (Reason.ASSERTION_SIGNATURE, "Signet knows no key of the kid"),
    "bad signature": (Reason.ASSERTION_SIGNATURE, "is not by the key that Signet knows"),
    "far keys": (Reason.ASSERTION_KEYS, "The keys to check the signature with cannot be had"),
    "workload": (Reason.WORKLOAD, "it lives longer than 24 hours"),
    "untrusted": (Reason.WORKLOAD_UNTRUSTED, "the nearest differs in subject"),
    "untrusted pattern": (Reason.WORKLOAD_UNTRUSTED, "differs in issuer and subject"),
    "untrusted audiences": (Reason.WORKLOAD_UNTRUSTED, "the nearest differs in audience"),
    "certificate": (
        Reason.CERTIFICATE,
        "The certificate does not hold: not one of the client's own",
    ),
    "no proof": (Reason.DPOP_MISSING, "had no DPoP proof"),
    "bad proof": (Reason.INVALID_DPOP_PROOF, "The DPoP proof does not hold: jti is missing"),
    "proof for another address": (
        Reason.DPOP_TARGET,
        "its htu is https://proxy.internal/connect/token , expected is https://signet.example.org/",
    ),
    "proof for another method": (Reason.DPOP_TARGET, "its htm is GET , expected is POST"),
    "old proof": (Reason.DPOP_TIME, "its iat is 10 minutes before this server’s clock"),
    "early proof": (Reason.DPOP_TIME, "ahead of this server’s clock"),
    "no nonce": (Reason.USE_DPOP_NONCE, "lacked the nonce of this server"),
    "proof again": (Reason.DPOP_REPLAYED, "has sent the same DPoP proof before"),
    "scope": (Reason.SCOPE_NOT_ASSIGNED, "nothing : there is no such scope"),
    "scopeless": (Reason.NO_SCOPE, "No scope is assigned to the client"),
    "bad scope": (Reason.INVALID_SCOPE, "The scope holds a character that is not allowed."),
    "bad target": (Reason.INVALID_TARGET, "A resource is unknown or none of the client's scopes."),
    "grant": (Reason.UNSUPPORTED_GRANT_TYPE, "client_credentials only"),
    "malformed": (Reason.INVALID_REQUEST, "More than one client authentication mechanism is used."),
    "elsewhere": (Reason.OTHER, "There is nothing at this address."),
    "introspection": (Reason.MISTYPED_SECRET, "is no secret of Signet"),
    "database away": (Reason.TEMPORARILY_UNAVAILABLE, "could not answer at that moment"),
}


@pytest.mark.parametrize("name", SAID)
def test_each_refused_request_is_explained(refused: Refused, name: str):
    reason, said = SAID[name]
    page = text_of(refused.page(name))
    assert label_of(reason) in page
    assert " ".join(said.split()) in page
    assert "What to do" in page


def test_every_reason_that_a_request_can_have_is_tried():
    tried = {reason for reason, _ in SAID.values()}
    assert set(Reason) - tried == UNREACHED


def test_every_reason_has_its_sentence_and_its_advice():
    assert set(SENTENCES) == set(ADVICE) == set(Reason)


def test_no_two_reasons_are_called_the_same():
    labels = [said.label for said in SENTENCES.values()]
    assert len(set(labels)) == len(labels)


@pytest.mark.parametrize("reason", Reason)
def test_a_sentence_gets_by_without_its_facts(reason: Reason):
    """Another version of Signet may have noted it with others."""
    case = Case(request=make_refused(reason=reason), now=NOON)
    assert str(say(case)).endswith(".")


def test_a_reason_of_another_version_is_told_as_it_was_noted():
    case = Case(request=make_refused(reason="of_tomorrow", text="new"), now=NOON)
    assert say(case) == "Another version of Signet noted: new"
    assert advice_on(case) == ()


def test_a_request_that_was_limited_says_so():
    case = Case(request=make_refused(status=429), now=NOON)
    assert "answered with 429" in advice_on(case)[-1].text


def test_what_a_stranger_has_sent_is_text_and_nothing_else():
    """SECURITY U32."""
    facts = {"aud": "<script>x</script>", "expected": ["<b>"]}
    said = say(Case(request=make_refused(reason="assertion_audience", facts=facts), now=NOON))
    assert "<script>" not in said and escape("<script>x</script>") in said


def test_on_the_wire_nothing_is_told(refused: Refused):
    told = {
        name: answer.json
        for name, answer in refused.answers.items()
        if answer.status_code in (400, 401) and answer.json["error"] == "invalid_client"
    }
    assert len(told) > 30
    assert {json.dumps(body) for body in told.values()} == {
        '{"error": "invalid_client", "error_description": "Client authentication failed."}'
    }


def test_no_secret_token_or_proof_is_kept_or_shown(refused: Refused):
    """SECURITY C16."""
    url = refused.app.config["SQLALCHEMY_DATABASE_URI"].render_as_string(hide_password=False)
    rows = dump(url.replace("+psycopg", ""))
    pages = "".join(refused.page(name).text for name in SAID)
    assert "Billing export" in rows and "Billing export" in pages
    assert len(refused.canaries) > 20
    shown = {
        what
        for what, secret in refused.canaries.items()
        # A long piece of it would do harm as well.
        if secret[:40] in rows + pages or secret[-40:] in rows + pages
    }
    assert shown == set()


def test_a_served_request_is_not_among_the_refused(refused: Refused):
    assert refused.page("served").status_code == refused.page("proven").status_code == 404


# --- Found


def names_of_list(refused: Refused, **query: str) -> set[str]:
    """The requests that a list shows, by the names they have here."""
    links = links_of(refused.desk.open("/admin/requests", **query).text)
    return {
        name
        for name, reference in refused.references.items()
        if f"/admin/requests/{reference}" in links
    }


def test_the_reference_leads_straight_to_the_request(refused: Refused):
    reference = refused.references["padded"]
    answer = refused.desk.open("/admin/requests", reference=f" {reference} ")
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/admin/requests/{reference}")


def test_a_reference_that_is_not_there_says_what_that_can_mean(refused: Refused):
    page = text_of(refused.desk.open("/admin/requests", reference="abc"))
    assert "No refused request has the reference abc" in page
    assert "Kept are the latest 200 of each client" in page


def test_a_client_is_found_that_there_is(refused: Refused):
    found = names_of_list(refused, client="disabled")
    assert found == {"disabled"}


def test_a_client_is_found_that_was_claimed(refused: Refused):
    assert names_of_list(refused, client="nobody") == {"unknown", "unknown with a secret"}


def test_an_address_is_found(refused: Refused):
    assert names_of_list(refused, address="198.51.100.9") == {"unknown with a secret"}


def test_a_reason_is_found(refused: Refused):
    assert names_of_list(refused, reason="dpop_target") == {
        "proof for another address",
        "proof for another method",
    }


def test_pages_keep_the_filter(refused: Refused):
    page = refused.desk.open("/admin/requests", address="192.0.2.7").text
    older = [link for link in links_of(page) if "after=" in link]
    assert len(older) == 1 and "address=192.0.2.7" in older[0]
    assert refused.desk.open(older[0]).status_code == 200


@pytest.mark.parametrize(
    "query",
    [
        {"after": "x"},
        {"after": "1" + "0" * 18},
        {"reason": "nothing"},
        {"client": "a\0b"},
        {"reference": "x" * 201},
    ],
)
def test_a_query_that_no_form_of_ours_makes_is_refused(refused: Refused, query: dict[str, str]):
    assert refused.desk.open("/admin/requests", **query).status_code == 400


@pytest.mark.parametrize("reference", ["nothing", "0" * 24, "%00", "0" * 33])
def test_an_address_of_nothing_is_not_found(refused: Refused, reference: str):
    assert refused.desk.open(f"/admin/requests/{reference}").status_code == 404


# --- What helps


@pytest.mark.parametrize(
    ("name", "link"),
    [
        ("disabled", "/admin/clients/disabled/enable"),
        ("wrong method", "/admin/clients/ledger/authentication"),
        ("expired", "/admin/clients/expired/secrets/new"),
        ("foreign", "/admin/clients/other"),
        ("scope", "/admin/clients/billing/scopes"),
        ("scopeless", "/admin/clients/scopeless/scopes"),
        ("unknown case", "/admin/clients/billing"),
    ],
)
def test_the_page_leads_to_what_helps(refused: Refused, name: str, link: str):
    assert link in links_of(refused.page(name).text, within="main")


def test_each_scope_is_told_apart(refused: Refused):
    page = text_of(refused.page("scope"))
    assert "orders.read : it was not assigned to this client" in page
    assert "retired : it is disabled" in page
    assert "It had external-api ." in page


def test_a_viewer_reads_it_and_is_led_to_no_form(refused: Refused):
    page = refused.page("disabled", refused.viewer)
    assert page.status_code == 200 and "once somebody enables it" in text_of(page)
    assert not [link for link in links_of(page.text) if link.endswith("/enable")]
    assert "Trust this…" not in text_of(refused.page("untrusted", refused.viewer))


# --- Trust this


def test_a_platforms_token_is_compared_claim_by_claim(refused: Refused):
    page = text_of(refused.page("untrusted"))
    assert "Issuer iss ✓ Yes https://cluster.example https://cluster.example" in page
    assert (
        "Subject sub ✗ No system:serviceaccount:shop:billing-2 system:serviceaccount:shop:billing"
        in page
    )
    assert "Nobody has checked the signature of this token" in page


def test_trusting_it_fills_in_a_form_and_saves_nothing(refused: Refused):
    (url,) = [link for link in links_of(refused.page("untrusted").text) if "refused=" in link]
    page = refused.desk.open(url)
    assert 'value="system:serviceaccount:shop:billing-2"' in page.text
    assert "Nobody has checked the signature of that token" in text_of(page)
    assert text_of(refused.page("untrusted")).count("The token says") == 1


def test_a_subject_that_would_stand_for_any_is_not_taken_over(refused: Refused):
    """In a token it is a text, in an entry a pattern: whoever can send one could widen it."""
    (url,) = [
        link for link in links_of(refused.page("untrusted pattern").text) if "refused=" in link
    ]
    page = refused.desk.open(url).text
    assert 'value="https://evil.example"' in page and 'value="**"' not in page
    assert "Not taken over, because it would not mean the same: sub ." in text_of(
        refused.page("untrusted pattern")
    )


def test_several_audiences_are_not_taken_over_as_one(refused: Refused):
    page = text_of(refused.page("untrusted audiences"))
    assert "Audience aud ✗ No a, b https://signet.example.org" in page
    assert "would not mean the same: aud ." in page


@pytest.mark.parametrize("client_id", ["ledger", "deployer"])
def test_a_request_fills_in_no_form_but_its_own_clients(refused: Refused, client_id: str):
    name = {"ledger": "untrusted", "deployer": "audience"}[client_id]
    url = f"/admin/clients/{client_id}/authentication"
    page = refused.desk.open(url, refused=refused.references[name])
    assert page.status_code == 200 and "filled in from a refused request" not in page.text


# --- Counted


def test_each_is_counted_by_its_reason(refused: Refused):
    with refused.app.app_context():
        counts = counts_of(EVERYBODY, since=utc_now())
    found = {count.outcome for count in counts}
    assert found - {"token"} == set(Reason) - UNREACHED


def test_what_a_right_credential_did_is_counted_by_it(refused: Refused):
    with refused.app.app_context():
        (count,) = [c for c in counts_of("ledger", since=utc_now()) if c.outcome == "token"]
    assert count.count == 1 and len(count.credential_id) == 43


def test_the_language_of_a_table_is_complete_on_the_page_of_filters(refused: Refused):
    page = refused.desk.open("/admin/requests").text
    assert all(escape(said.label) in page for said in SENTENCES.values())
