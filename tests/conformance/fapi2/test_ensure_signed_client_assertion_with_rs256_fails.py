"""fapi2-security-profile-final-ensure-signed-client-assertion-with-RS256-fails."""

from tests.conformance.fapi2.checks import assert_refused, assert_token
from tests.conformance.fapi2.plan import Plan
from tests.oauth.signing import Key, make_assertion


def test_an_assertion_of_rs256_is_refused_though_the_key_is_the_client_s(plan: Plan):
    """FAPI 2.0 §5.4.1."""
    client = plan.client
    assert client.key.alg == "PS256"
    key = Key("RS256", client.key.private)
    assertion = make_assertion(key, client.client_id, plan.issuer)
    assert_refused(plan.ask(assertion, plan.proof(client)), "invalid_client")


def test_of_ps256_it_is_taken(plan: Plan):
    assert_token(plan.ask(plan.assertion(plan.client), plan.proof(plan.client)))
