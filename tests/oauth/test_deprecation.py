"""Since when a secret is on its way out — RFC 8594, RFC 9745."""

from datetime import UTC, datetime, timedelta

import pytest

from signet.oauth.client import ClientSecret
from signet.oauth.deprecation import deprecation_headers

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
DAY, SECOND = timedelta(days=1), timedelta(seconds=1)


def headers(
    *,
    expires_at: datetime | None,
    created_at: datetime = NOON - 300 * DAY,
    replaced_at: datetime | None = None,
    issuer: str = "https://id.example.org",
) -> dict[str, str]:
    secret = ClientSecret(
        secret_id="one",
        digest="",
        created_at=created_at,
        replaced_at=replaced_at,
        expires_at=expires_at,
    )
    return dict(deprecation_headers(secret, issuer=issuer, now=NOON))


def at(moment: datetime) -> str:
    return f"@{int(moment.timestamp())}"


def test_a_secret_with_30_days_left_is_on_its_way_out_since_then():
    assert headers(expires_at=NOON + 30 * DAY + SECOND) == {}
    found = headers(expires_at=NOON + 20 * DAY)
    assert found["Sunset"] == "Tue, 21 Jul 2026 12:00:00 GMT"
    assert found["Deprecation"] == at(NOON - 10 * DAY)
    assert headers(expires_at=NOON + 30 * DAY)["Deprecation"] == at(NOON)


def test_a_secret_of_less_than_30_days_is_on_its_way_out_since_it_was_made():
    found = headers(expires_at=NOON + 5 * DAY, created_at=NOON - DAY)
    assert found["Deprecation"] == at(NOON - DAY)


def test_a_replaced_secret_is_on_its_way_out_since_it_was_replaced():
    found = headers(expires_at=NOON + 200 * DAY, replaced_at=NOON - 2 * DAY)
    assert found["Deprecation"] == at(NOON - 2 * DAY)


def test_what_an_overlap_leaves_does_not_date_back_before_the_rotation():
    found = headers(expires_at=NOON + 5 * DAY, replaced_at=NOON - 2 * DAY)
    assert found["Deprecation"] == at(NOON - 2 * DAY)


def test_a_secret_that_never_expires_gives_no_warning():
    assert headers(expires_at=None) == {}


def test_without_a_secret_there_is_no_warning():
    assert deprecation_headers(None, issuer="https://id.example.org", now=NOON) == []


@pytest.mark.parametrize(
    ("issuer", "path"),
    [("https://id.example.org", ""), ("https://example.org/auth", "/auth")],
)
def test_the_link_leads_below_the_path_of_the_issuer(issuer: str, path: str):
    found = headers(expires_at=NOON + DAY, issuer=issuer)
    assert found["Link"] == f'<{path}/help/expiring-secret>; rel="sunset"'
