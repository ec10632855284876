"""fapi2-security-profile-final-check-dpop-proof-nbf-exp: a proof may say how long it is good."""

import time

from tests.conformance.fapi2.checks import assert_refused, assert_token
from tests.conformance.fapi2.plan import Plan


def times(*, nbf: int = 0, exp: int = 300) -> dict[str, int]:
    """In seconds from now."""
    now = int(time.time())
    return {"nbf": now + nbf, "exp": now + exp}


def test_the_token_endpoint_takes_such_a_proof(plan: Plan):
    assert_token(plan.ask(plan.assertion(plan.client), plan.proof(plan.client, **times())))


def test_the_api_takes_such_a_proof(plan: Plan):
    access_token = plan.token(plan.client)
    proof = plan.proof_for_api(plan.client, access_token, **times())
    assert plan.call(access_token, proof).status == 200


def test_what_it_says_counts_at_the_token_endpoint(plan: Plan):
    """Beyond the suite, which only asks that such proofs are taken."""
    for changes in (times(nbf=60), times(exp=-1)):
        answer = plan.ask(plan.assertion(plan.client), plan.proof(plan.client, **changes))
        assert_refused(answer, "invalid_dpop_proof")


def test_what_it_says_counts_at_the_api(plan: Plan):
    access_token = plan.token(plan.client)
    for changes in (times(nbf=60), times(exp=-1)):
        proof = plan.proof_for_api(plan.client, access_token, **changes)
        assert plan.call(access_token, proof).status == 401
