"""fapi2-security-profile-final-ensure-holder-of-key-required: no token that a thief could use."""

from tests.conformance.fapi2.checks import assert_refused
from tests.conformance.fapi2.plan import Plan


def test_a_request_without_a_proof_is_refused(plan: Plan):
    """FAPI 2.0 §5.3.2.1, item 5; the suite takes three errors, RFC 9449 §5 knows one for it."""
    assert_refused(plan.ask(plan.assertion(plan.client)), "invalid_dpop_proof")


def test_an_empty_proof_is_none(plan: Plan):
    assert_refused(plan.ask(plan.assertion(plan.client), ""), "invalid_dpop_proof")
