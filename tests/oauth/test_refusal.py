"""The true reason of a refusal: which there are, and what is kept of what a caller sent."""

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.client import generate_client_secret
from signet.oauth.refusal import LONGEST_FACT, Reason, Refusal, presented, refusal_of
from tests.oauth.memory_store import NOON
from tests.oauth.signing import make_assertion, make_key

JWT = make_assertion(make_key(), "billing", "https://signet.example", now=NOON)
DAMAGED = "q7Zt0LmX3vKc9RbYwE5uHs2AfJ8dNgP4iTo6CkVrQeUhWxDlM"
BASE64URL = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"


def test_an_error_that_says_why_is_believed():
    error = InvalidRequestError("fixed")
    error.refusal = Refusal(Reason.WRONG_METHOD, "another way")
    assert refusal_of(error) is error.refusal


def test_an_error_that_does_not_say_is_its_own_reason():
    refusal = refusal_of(InvalidRequestError("The body is no form."))
    assert (refusal.reason, refusal.text) == (Reason.INVALID_REQUEST, "The body is no form.")


def test_an_error_that_nobody_knows_has_a_reason_as_well():
    assert refusal_of(RuntimeError("boom")).reason is Reason.OTHER


@pytest.mark.parametrize(
    "text",
    [
        pytest.param(generate_client_secret(), id="a secret"),
        pytest.param(f"see {generate_client_secret()}", id="a secret in a text"),
        pytest.param(DAMAGED, id="a secret without its beginning"),
        pytest.param(BASE64URL, id="a text in base64url"),
        pytest.param(f"Bearer {BASE64URL}", id="a text in base64url with its scheme"),
        pytest.param(generate_client_secret().upper(), id="a secret in capitals"),
        pytest.param(JWT, id="a token"),
        pytest.param(f"Bearer {JWT}", id="a token with its scheme"),
        pytest.param([JWT], id="a token in a list"),
        pytest.param("dXNlcjpwYXNzd29yZHVzZXI6cGFzc3dvcmR1c2VyOnA=", id="Basic credentials"),
    ],
)
def test_what_looks_like_a_secret_is_not_kept(text):
    assert presented(text) == "(looks like a secret or a token and is not kept)"


@pytest.mark.parametrize(
    "text",
    [
        "https://oidc.eks.eu-west-1.amazonaws.com/id/EXAMPLED539D4633E53DE1B71EXAMPLE",
        "system:serviceaccount:shop:billing",
        "repo:acme/billing:ref:refs/heads/a-rather-long-name-of-a-branch-of-somebody",
        "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36",
        "orders.read",
        "https://login.example.com/auth/realms/production/protocol/openid-connect/token",
        "https://container.googleapis.com/v1/projects/myproject/locations/europe-west1/clusters/c",
        "project_path:mygroup/mysubgroup/anothergroup/myprojectname:ref_type:branch:ref:main",
        "//iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/p/providers/x",
        "a-service-account-whose-name-has-grown-over-the-years-2",
    ],
)
def test_what_people_need_to_compare_is_kept_as_it_is(text):
    assert presented(text) == text


@given(st.one_of(st.text(max_size=1_000), st.lists(st.text()), st.integers(), st.none()))
def test_a_fact_is_short_and_of_visible_characters(value):
    fact = presented(value)
    assert len(fact) <= LONGEST_FACT
    assert fact.isprintable()


def test_a_text_that_turns_its_surroundings_is_made_visible():
    assert (
        presented("a\N{RIGHT-TO-LEFT OVERRIDE}b\nc")
        == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    )


def test_every_reason_fits_into_its_column():
    assert max(map(len, Reason)) <= 40
