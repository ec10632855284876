"""fapi2-security-profile-final-ensure-client-assertion-with-wrong-aud-fails."""

from collections.abc import Callable

import pytest

from tests.conformance.fapi2.checks import assert_refused
from tests.conformance.fapi2.plan import API, Plan

#: The first is the suite's; it asks the others of endpoints that Signet has not.
WRONG: dict[str, Callable[[Plan], object]] = {
    "another server": lambda plan: "https://other.example.org/userinfo",
    "the token endpoint": lambda plan: plan.token_endpoint,
    "the issuer in a list": lambda plan: [plan.issuer],
    "the issuer among others": lambda plan: [plan.issuer, "https://other.example.org"],
    "the issuer with a slash": lambda plan: f"{plan.issuer}/",
    "the beginning of the issuer": lambda plan: plan.issuer[:-1],
    "the API": lambda plan: API,
    "nothing": lambda plan: None,
}


@pytest.mark.parametrize("aud", WRONG)
def test_an_assertion_for_anything_but_the_issuer_is_refused(plan: Plan, aud: str):
    """FAPI 2.0 §5.3.2.1, item 8: the issuer, as one text."""
    assertion = plan.assertion(plan.client, aud=WRONG[aud](plan))
    assert_refused(plan.ask(assertion, plan.proof(plan.client)), "invalid_client")
