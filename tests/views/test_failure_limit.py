from signet.views import failure_limit
from signet.views.failure_limit import FailureLimit


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_failures_up_to_the_limit_wait_for_nothing():
    limit = FailureLimit(3, monotonic=Clock())
    assert [limit.count("billing", "192.0.2.1") for _ in range(3)] == [None, None, None]


def test_one_more_waits_for_the_end_of_the_minute():
    clock = Clock()
    limit = FailureLimit(1, monotonic=clock)
    limit.count("billing", "192.0.2.1")
    clock.now = 12.5
    assert limit.count("billing", "192.0.2.1") == 48


def test_the_next_minute_begins_anew():
    clock = Clock()
    limit = FailureLimit(1, monotonic=clock)
    limit.count("billing", "192.0.2.1")
    clock.now = 60.0
    assert limit.count("billing", "192.0.2.1") is None
    assert limit.count("billing", "192.0.2.1") == 60


def test_another_client_or_address_is_another_pair():
    limit = FailureLimit(1, monotonic=Clock())
    limit.count("billing", "192.0.2.1")
    assert limit.count("reporting", "192.0.2.1") is None
    assert limit.count("billing", "192.0.2.2") is None


def test_memory_is_bounded_and_the_oldest_window_leaves_first(monkeypatch):
    monkeypatch.setattr(failure_limit, "MOST_PAIRS", 2)
    limit = FailureLimit(1, monotonic=Clock())
    for client_id in ("first", "second", "third"):
        limit.count(client_id, "192.0.2.1")
    assert limit.count("second", "192.0.2.1") == 60
    assert limit.count("first", "192.0.2.1") is None
    assert len(limit._windows) == 2


def test_a_pair_that_begins_anew_is_the_newest(monkeypatch):
    monkeypatch.setattr(failure_limit, "MOST_PAIRS", 2)
    clock = Clock()
    limit = FailureLimit(1, monotonic=clock)
    limit.count("first", "192.0.2.1")
    limit.count("second", "192.0.2.1")
    clock.now = 60.0
    limit.count("first", "192.0.2.1")
    limit.count("third", "192.0.2.1")
    assert limit.count("first", "192.0.2.1") == 60
