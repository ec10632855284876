"""fapi2-security-profile-final-ensure-client-assertion-with-no-sub-fails.

``sub`` is what tells an assertion from any other thing that the client has signed.
"""

import pytest

from tests.conformance.fapi2.checks import assert_refused
from tests.conformance.fapi2.plan import Plan


@pytest.mark.parametrize("names_client", [False, True])
def test_an_assertion_without_sub_is_refused(plan: Plan, names_client: bool):
    """RFC 7523 §3, item 2."""
    client = plan.client
    parameters = {"client_id": client.client_id} if names_client else {}
    answer = plan.ask(plan.assertion(client, sub=None), plan.proof(client), **parameters)
    assert_refused(answer, "invalid_client")
