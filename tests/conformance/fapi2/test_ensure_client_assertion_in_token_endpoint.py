"""fapi2-security-profile-final-ensure-client-assertion-in-token-endpoint: no token without one."""

from tests.conformance.fapi2.checks import assert_refused
from tests.conformance.fapi2.plan import ASSERTION_TYPE, Plan


def test_a_request_without_an_assertion_is_refused(plan: Plan):
    answer = plan.ask(None, plan.proof(plan.client), client_id=plan.client.client_id)
    assert_refused(answer, "invalid_client", "invalid_request")


def test_its_type_alone_is_none(plan: Plan):
    answer = plan.ask(
        None,
        plan.proof(plan.client),
        client_id=plan.client.client_id,
        client_assertion_type=ASSERTION_TYPE,
    )
    assert_refused(answer, "invalid_client", "invalid_request")
