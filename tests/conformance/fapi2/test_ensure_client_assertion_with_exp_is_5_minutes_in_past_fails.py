"""fapi2-security-profile-final-ensure-client-assertion-with-exp-is-5-minutes-in-past-fails."""

import time

from tests.conformance.fapi2.checks import assert_refused
from tests.conformance.fapi2.plan import Plan


def test_an_assertion_that_ended_five_minutes_ago_is_refused(plan: Plan):
    assertion = plan.assertion(plan.client, exp=int(time.time()) - 300)
    assert_refused(plan.ask(assertion, plan.proof(plan.client)), "invalid_client")


def test_nor_does_one_count_that_was_made_before_it_ended(plan: Plan):
    now = int(time.time())
    assertion = plan.assertion(plan.client, iat=now - 360, exp=now - 300)
    assert_refused(plan.ask(assertion, plan.proof(plan.client)), "invalid_client")
