"""The numbers at the top of a client's page."""

from datetime import timedelta

from signet.wiring import utc_now
from tests.admin.clients.steps import make_client
from tests.admin.desk import text_of
from tests.usage import refused, used


def test_a_client_that_was_never_used_says_so(desk):
    make_client()
    text = text_of(desk.open("/admin/clients/billing-export"))
    assert "0 tokens in 24 hours 0 refused in 24 hours Never last token" in text


def test_tokens_and_refusals_of_24_hours_and_the_last_use_are_its_own(desk):
    now = utc_now()
    issued = make_client(now=now - timedelta(days=2))
    make_client("crm-bridge")
    used("billing-export", issued.secret_id, at=now - timedelta(minutes=4, seconds=5), times=3)
    used("billing-export", issued.secret_id, at=now - timedelta(hours=25), times=5)
    refused("billing-export", at=now, times=2)
    used("crm-bridge", at=now, times=7)
    text = text_of(desk.open("/admin/clients/billing-export"))
    assert "3 tokens in 24 hours 2 refused in 24 hours 4 minutes ago last token" in text
