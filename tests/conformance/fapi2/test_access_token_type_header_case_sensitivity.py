"""fapi2-security-profile-final-access-token-type-header-case-sensitivity: it has none."""

import pytest

from tests.conformance.fapi2.plan import Plan


@pytest.mark.parametrize("scheme", ["DPoP", "dPOp", "dpop", "DPOP"])
def test_the_scheme_of_the_token_is_read_in_any_case(plan: Plan, scheme: str):
    """RFC 9110 §11.1."""
    access_token = plan.token(plan.client)
    proof = plan.proof_for_api(plan.client, access_token)
    assert plan.call(access_token, proof, scheme=scheme).status == 200
