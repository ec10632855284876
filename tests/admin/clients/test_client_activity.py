"""The tab Activity: what a client has asked for, what was refused, and what was done to it."""

import re
from datetime import timedelta

import pytest

from signet.operations.client_facts import ClientFacts
from signet.operations.clients import register_client
from signet.views.admin.client_activity import language_of
from signet.wiring import utc_now
from tests.admin.desk import Desk, text_of
from tests.admin.pages import read
from tests.admin.signing_in import TEST
from tests.usage import refused, used

DAY = timedelta(days=1)
URL = "/admin/clients/billing-export/activity"


@pytest.fixture
def engine() -> str:
    """The queries are tested on both engines beside the tables."""
    return "sqlite"


@pytest.fixture
def client_id(desk: Desk) -> str:
    register_client(
        ClientFacts(name="Billing export"),
        client_id="billing-export",
        actor=TEST,
        now=utc_now() - 40 * DAY,
    )
    return "billing-export"


def test_without_activity_it_says_what_will_stand_here(desk, client_id):
    page = text_of(desk.open(URL))
    assert "No activity in the last 30 days" in page
    assert "Created the client Billing export · test" in page


def test_refusals_are_counted_by_reason_and_lead_to_the_requests(desk, client_id):
    refused(client_id, "expired_secret", at=utc_now() - DAY, times=3)
    refused(client_id, "scope_not_assigned", at=utc_now())
    refused(client_id, "wrong_secret", at=utc_now() - 31 * DAY)
    refused("another", "wrong_secret", at=utc_now())
    answer = desk.open(URL)
    page = text_of(answer)
    assert "Expired secret 3" in page and "Scope not assigned 1" in page
    assert "/admin/requests?client=billing-export&amp;reason=expired_secret" in answer.text
    assert len(set(re.findall(r'"/admin/requests/([^"?]+)"', answer.text))) == 5


def test_the_chart_is_a_drawing_with_words_and_a_table(desk, client_id):
    used(client_id, at=utc_now() - 2 * DAY, times=7)
    answer = desk.open(URL)
    drawings = [e for e in read(answer.text).all("svg") if e.attributes.get("role") == "img"]
    assert [drawing.attributes["aria-labelledby"] for drawing in drawings] == [
        "tokens-title tokens-desc"
    ]
    assert "7 issued, 0 refused" in text_of(answer)
    assert answer.text.count("<tr>") > 30


def test_a_chatty_client_is_told_to_keep_its_token_in_its_language(desk, client_id):
    used(client_id, at=utc_now(), times=1_800, user_agent="Go-http-client/2.0")
    page = text_of(desk.open(URL))
    assert "It asks for a token far too often." in page
    assert "asked for 1,800 tokens, about 1,800 in each hour" in page
    assert "One token lasts 1 hour, so 1 would have done" in page
    assert "would save 99.9 % of these requests" in page
    assert "golang.org/x/oauth2" in page


def test_an_ordinary_client_is_told_nothing_of_the_kind(desk, client_id):
    used(client_id, at=utc_now(), times=20)
    page = text_of(desk.open(URL))
    assert "far too often" not in page and "Keep the token" not in page


@pytest.mark.parametrize(
    ("user_agent", "language"),
    [
        ("python-requests/2.32.3", "python"),
        ("Python/3.12 aiohttp/3.9", "python"),
        ("node", "node"),
        ("axios/1.7.2", "node"),
        ("Go-http-client/2.0", "go"),
        ("curl/8.5.0", "curl"),
        ("Microsoft.NET.Http/8.0", "csharp"),
        ("Java-http-client/21", None),
        ("", None),
    ],
)
def test_the_language_is_guessed_from_the_user_agent(user_agent: str, language: str | None):
    assert language_of(user_agent) == language


def test_of_a_client_that_is_not_there_is_no_activity(desk):
    assert desk.open(URL).status_code == 404
