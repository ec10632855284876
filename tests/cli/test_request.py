"""``flask request`` and ``flask client activity``: the twins of the pages about what failed."""

from datetime import datetime, timedelta

import pytest

from tests.cli.shell import on_one_engine, set_clock
from tests.usage import refused, used

NOON = datetime.fromisoformat("2026-03-31T12:00:00Z")
pytestmark = on_one_engine


@pytest.fixture
def refusals(shell, client_id):
    """Two requests of the client, and one of nobody, a minute apart."""
    set_clock(NOON)
    refused(client_id, at=NOON - timedelta(minutes=2), facts={"length": 3, "kid": None})
    refused(client_id, "expired_secret", at=NOON - timedelta(minutes=1), address="192.0.2.1")
    refused("", "unknown_client", at=NOON, claimed_client_id="nobody")


def reasons(shell, *options: str) -> list[str]:
    return [request["reason"] for request in shell.json("request", "list", *options)]


def test_refused_requests_come_newest_first(shell, refusals):
    assert reasons(shell) == ["unknown_client", "expired_secret", "wrong_secret"]


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("--client", "billing-export"), ["expired_secret", "wrong_secret"]),
        (("--client", "nobody"), ["unknown_client"]),
        (("--address", "192.0.2.1"), ["expired_secret"]),
        (("--reason", "wrong_secret"), ["wrong_secret"]),
        (("--limit", "1"), ["unknown_client"]),
    ],
)
def test_they_can_be_narrowed(shell, refusals, options, found):
    assert reasons(shell, *options) == found


def test_one_is_shown_with_its_facts(shell, refusals):
    reference = shell.json("request", "list", "--reason", "wrong_secret")[0]["reference"]
    shown = shell.json("request", "show", reference)
    assert shown["facts"] == {"length": 3, "kid": None}
    assert (shown["at"], shown["client_id"]) == ("2026-03-31T11:58:00Z", "billing-export")
    text = shell.run("request", "show", reference).output
    assert "wrong_secret" in text and "length" in text


def test_a_reference_of_nothing_is_refused_in_one_line(shell):
    outcome = shell.run("request", "show", "abc")
    assert outcome.exit_code == 1
    assert "no refused request with the reference “abc”" in outcome.stderr


def test_activity_says_what_was_asked_needed_and_refused(shell, client_id, refusals):
    used(client_id, at=NOON, times=600)
    used(client_id, at=NOON - timedelta(days=3), times=2)
    used(client_id, at=NOON, times=5, outcome="introspection")
    assert shell.json("client", "activity", client_id) == {
        "client_id": client_id,
        "last_24_hours": {
            "tokens": 600,
            "tokens_needed": 1,
            "tokens_per_active_hour": 600,
            "is_chatty": True,
        },
        "last_7_days": {
            "tokens": 602,
            "tokens_needed": 2,
            "tokens_per_active_hour": 301,
            "is_chatty": True,
        },
        "refusals": {"expired_secret": 1, "wrong_secret": 1},
        "days": [
            {"day": "2026-03-28", "tokens": 2, "refused": 0},
            {"day": "2026-03-31", "tokens": 600, "refused": 2},
        ],
    }


def test_activity_reads_as_text(shell, client_id):
    set_clock(NOON)
    used(client_id, at=NOON, times=600)
    text = shell.run("client", "activity", client_id).output
    assert "600 tokens, 1 needed: it should keep its tokens" in text
    assert "2026-03-31  600     0" in text


def test_a_client_without_activity_has_nothing_to_show(shell, client_id):
    assert "No requests in the last 30 days." in shell.run("client", "activity", client_id).output
