"""fapi2-security-profile-final-ensure-client-id-in-token-endpoint: a key is one client's alone."""

from tests.conformance.fapi2.checks import assert_refused
from tests.conformance.fapi2.plan import Plan
from tests.oauth.signing import make_assertion


def test_client_2_under_the_key_of_client_1_is_refused(plan: Plan):
    client2 = plan.client2.client_id
    forged = make_assertion(plan.client.key, client2, plan.issuer)
    answer = plan.ask(forged, plan.proof(plan.client), client_id=client2)
    assert_refused(answer, "invalid_client")


def test_nor_does_it_help_to_name_the_key_of_client_2(plan: Plan):
    client2 = plan.client2.client_id
    header = {"kid": plan.client2.key.kid, "alg": plan.client2.key.alg}
    forged = make_assertion(plan.client.key, client2, plan.issuer, header=header)
    answer = plan.ask(forged, plan.proof(plan.client), client_id=client2)
    assert_refused(answer, "invalid_client")


def test_client_2_beside_an_assertion_of_client_1_is_refused(plan: Plan):
    """RFC 7521 §4.2: the two must name the same client."""
    assertion, proof = plan.assertion(plan.client), plan.proof(plan.client)
    answer = plan.ask(assertion, proof, client_id=plan.client2.client_id)
    assert_refused(answer, "invalid_client")
