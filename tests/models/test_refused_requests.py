"""Refused requests in the database: found again, and bounded."""

from datetime import timedelta

import pytest

from signet.models import refused_requests
from signet.models.database import write
from signet.models.refused_requests import (
    KEPT,
    MOST_OF_CLIENT,
    RefusedRequestFilter,
    find_refused_request,
    forget_refusals_of,
    list_refused_requests,
    prune_refused_requests,
)
from signet.models.usage_batches import write_batch
from tests.models.refusing import NOON, make_batch, make_refused

pytestmark = pytest.mark.usefixtures("app")


def keep(*requests) -> None:
    write_batch(make_batch(*requests))


def found(limit: int = 500, **wanted: str) -> list[int]:
    """The numbers of those that match, newest first."""
    page = list_refused_requests(RefusedRequestFilter(**wanted), limit=limit)
    return [int(request.request_id, 16) for request in page.requests]


def test_a_request_is_found_by_its_reference_as_it_was():
    refused = make_refused(7, facts={"refused": ["a"], "length": 3, "kid": None})
    keep(refused)
    assert find_refused_request(refused.request_id) == refused
    assert find_refused_request(refused.request_id[:8]) is None


def test_a_client_is_found_that_there_is_or_that_was_claimed():
    keep(
        make_refused(1),
        make_refused(2, "", claimed_client_id="billing", reason="unknown_client"),
        make_refused(3, "reporting"),
    )
    assert found(client_id="billing") == [2, 1]


def test_filters_narrow_one_another():
    keep(
        make_refused(1, address="192.0.2.7"),
        make_refused(2, address="192.0.2.7", reason="expired_secret"),
        make_refused(3, reason="expired_secret"),
    )
    assert found(address="192.0.2.7") == [2, 1]
    assert found(reason="expired_secret") == [3, 2]
    assert found(address="192.0.2.7", reason="expired_secret", client_id="billing") == [2]


def test_pages_go_down_and_up_again():
    keep(*(make_refused(number) for number in range(7)))
    wanted = RefusedRequestFilter()
    first = list_refused_requests(wanted, limit=3)
    second = list_refused_requests(wanted, older_than=first.older, limit=3)
    third = list_refused_requests(wanted, older_than=second.older, limit=3)
    assert [len(page.requests) for page in (first, second, third)] == [3, 3, 1]
    assert (first.newer, third.older) == (None, None)
    back = list_refused_requests(wanted, newer_than=third.newer, limit=3)
    assert back.requests == second.requests
    assert list_refused_requests(wanted, newer_than=back.newer, limit=3).newer is None


def test_of_each_client_the_latest_are_kept():
    keep(make_refused(0, "quiet"))
    for begin in range(1, MOST_OF_CLIENT + 21, 50):
        keep(*(make_refused(number) for number in range(begin, begin + 50)))
    keep(make_refused(900), make_refused(901, "quiet"))
    kept = found(client_id="billing")
    assert len(kept) == MOST_OF_CLIENT
    assert kept[0] == 900 and min(kept) > 1
    assert found(client_id="quiet") == [901, 0]


def test_unknown_clients_are_bounded_together():
    for begin in range(0, MOST_OF_CLIENT + 50, 50):
        keep(*(make_refused(n, "", claimed_client_id=f"x{n}") for n in range(begin, begin + 50)))
    assert len(found()) == MOST_OF_CLIENT


def test_there_is_a_bound_in_all(monkeypatch: pytest.MonkeyPatch):
    """With a smaller number than the 10,000 that count, or it takes minutes."""
    assert refused_requests.MOST == 10_000
    monkeypatch.setattr(refused_requests, "MOST", 10)
    keep(*(make_refused(number, f"client-{number}") for number in range(12)))
    keep(make_refused(12, "late"))
    assert found() == list(range(12, 2, -1))


def test_a_batch_that_was_written_already_changes_nothing_and_stops_nothing():
    """The answer to the first commit may have been lost."""
    keep(make_refused(1))
    keep(make_refused(1), make_refused(2))
    assert found() == [2, 1]


def test_they_are_forgotten_after_30_days():
    keep(make_refused(1), make_refused(2, at=NOON + timedelta(days=1)))
    prune_refused_requests(now=NOON + KEPT + timedelta(hours=1))
    assert found() == [2]


def test_those_of_a_deleted_client_are_forgotten():
    keep(make_refused(1), make_refused(2, "reporting"))
    with write() as session:
        forget_refusals_of(session, "billing")
    assert found() == [2]
