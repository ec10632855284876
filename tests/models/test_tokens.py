"""Reference tokens and revocations, on both engines."""

from datetime import timedelta

import pytest
from sqlalchemy import select

from signet.models.database import read
from signet.models.tokens import (
    KEPT_LONGER,
    ReferenceTokenRow,
    find_reference_token,
    is_token_revoked,
    prune_tokens,
    revoke_token,
    save_reference_token,
)
from signet.oauth.access_token import generate_reference_token, kept_reference_token
from tests.operations.acting import NOON

pytestmark = pytest.mark.usefixtures("app")

HOUR = timedelta(hours=1)
CLAIMS = {
    "client_id": "billing",
    "aud": ["orders", "stock"],
    "exp": int((NOON + HOUR).timestamp()),
    "jti": "j1",
    "tenant": "blue",
}


def test_a_reference_token_is_found_with_its_claims():
    token = kept_reference_token(generate_reference_token(), CLAIMS)
    save_reference_token(token)
    assert find_reference_token(token.digest) == token
    assert find_reference_token(token.digest).expires_at == NOON + HOUR


def test_the_token_itself_is_not_kept():
    clear = generate_reference_token()
    save_reference_token(kept_reference_token(clear, CLAIMS))
    with read() as session:
        kept = str(session.execute(select(ReferenceTokenRow.__table__)).all())
    assert clear not in kept
    assert clear.removeprefix("signet_at_") not in kept


def test_an_unknown_digest_finds_nothing():
    assert find_reference_token("v1:nothing") is None


def test_a_revocation_may_be_repeated():
    assert not is_token_revoked("j1")
    revoke_token("j1", until=NOON + HOUR)
    revoke_token("j1", until=NOON + HOUR)
    assert is_token_revoked("j1")
    assert not is_token_revoked("J1")


def test_what_is_over_for_every_clock_goes_and_the_rest_stays():
    over = kept_reference_token("over", CLAIMS | {"exp": int(NOON.timestamp())})
    live = kept_reference_token("live", CLAIMS)
    for token in (over, live):
        save_reference_token(token)
    revoke_token("over", until=NOON)
    revoke_token("live", until=NOON + HOUR)
    prune_tokens(now=NOON + KEPT_LONGER + timedelta(seconds=1))
    assert find_reference_token(over.digest) is None
    assert find_reference_token(live.digest) == live
    assert not is_token_revoked("over")
    assert is_token_revoked("live")
