"""fapi2-security-profile-final-happy-flow: two clients get tokens and call an API with them."""

import pytest

from tests.conformance.fapi2.checks import assert_token
from tests.conformance.fapi2.plan import API, SCOPE, Plan, PlanClient
from tests.oauth.signing import split


@pytest.fixture(params=["client", "client2"])
def client(plan: Plan, request: pytest.FixtureRequest) -> PlanClient:
    return getattr(plan, request.param)


def test_a_client_gets_a_token(plan: Plan, client: PlanClient):
    assert_token(plan.ask(plan.assertion(client), plan.proof(client)))


def test_the_client_id_may_be_said_besides(plan: Plan, client: PlanClient):
    answer = plan.ask(plan.assertion(client), plan.proof(client), client_id=client.client_id)
    assert_token(answer)


def test_the_token_is_bound_to_the_key_of_the_proof(plan: Plan, client: PlanClient):
    """RFC 9449 §6.1; and of an algorithm that FAPI allows (§5.4.1)."""
    header, claims, _ = split(plan.token(client))
    assert (header["alg"], header["typ"]) == ("ES256", "at+jwt")
    assert claims["cnf"] == {"jkt": client.dpop_key.kid}
    assert (claims["client_id"], claims["aud"], claims["scope"]) == (client.client_id, API, SCOPE)


def test_the_api_serves_the_client(plan: Plan, client: PlanClient):
    access_token = plan.token(client)
    answer = plan.call(access_token, plan.proof_for_api(client, access_token))
    assert (answer.status, answer.json) == (200, {"client_id": client.client_id})
    # RFC 9110 §6.6.1
    assert "Date" in answer.headers


def test_two_tokens_are_never_the_same(plan: Plan):
    tokens = {plan.token(client) for client in (plan.client, plan.client2) * 2}
    assert len(tokens) == 4


@pytest.mark.parametrize("accept", ["application/json;charset=UTF-8", "*/*"])
def test_what_the_client_accepts_changes_nothing(plan: Plan, accept: str):
    access_token = plan.token(plan.client)
    proof = plan.proof_for_api(plan.client, access_token)
    answer = plan.call(access_token, proof, headers=(("Accept", accept),))
    assert answer.status == 200


def test_a_token_in_the_address_is_none(plan: Plan):
    """FAPI 2.0 §5.3.4, item 2."""
    access_token = plan.token(plan.client)
    proof = plan.proof_for_api(plan.client, access_token)
    answer = plan.call(None, proof, path=f"/orders?access_token={access_token}")
    assert answer.status == 401


def test_the_token_of_one_client_is_of_no_use_under_the_key_of_another(plan: Plan):
    access_token = plan.token(plan.client2)
    answer = plan.call(access_token, plan.proof_for_api(plan.client, access_token))
    assert answer.status == 401
