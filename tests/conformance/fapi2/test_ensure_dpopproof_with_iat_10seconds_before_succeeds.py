"""fapi2-security-profile-final-ensure-dpopproof-with-iat-10seconds-before-succeeds."""

import time

from tests.conformance.fapi2.checks import assert_token
from tests.conformance.fapi2.plan import Plan


def shifted() -> int:
    """Ten seconds behind, as a client writes it whose clock is so."""
    return int(time.time()) - 10


def test_the_token_endpoint_takes_such_a_proof(plan: Plan):
    """FAPI 2.0 §5.3.2.1, item 13."""
    answer = plan.ask(plan.assertion(plan.client), plan.proof(plan.client, iat=shifted()))
    assert_token(answer)


def test_the_api_takes_such_a_proof(plan: Plan):
    access_token = plan.token(plan.client)
    proof = plan.proof_for_api(plan.client, access_token, iat=shifted())
    assert plan.call(access_token, proof).status == 200
