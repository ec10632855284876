"""What a worker remembers until the next flush: right, and small whatever is sent."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from threading import Event

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from signet.usage import (
    MOST_AT_ONCE,
    MOST_COUNTS,
    MOST_REFUSED,
    MOST_REFUSED_OF_CLIENT,
    NOBODY,
    Batch,
    RefusedRequest,
    UsageMemory,
    flush,
)

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def use(memory: UsageMemory, client_id: str = "billing", *, at: datetime = NOON, **changed: str):
    facts = {"address": "192.0.2.1", "user_agent": "curl/8"} | changed
    memory.note_use(client_id, "secret-1", "token", at=at, **facts)


def refuse(memory: UsageMemory, client_id: str = "billing", *, number: int = 0, **changed: str):
    facts = {"claimed_client_id": client_id, "reason": "wrong_secret"} | changed
    memory.note_refusal(
        RefusedRequest(
            request_id=f"{client_id}-{number}",
            at=NOON + timedelta(milliseconds=number),
            client_id=client_id,
            address="192.0.2.1",
            user_agent="curl/8",
            endpoint="token",
            status=400,
            error="invalid_client",
            text="wrong secret",
            facts={},
            **facts,
        )
    )


def references(batch: Batch) -> list[str]:
    return [request.request_id for request in batch.refused_requests()]


def test_uses_are_counted_by_the_hour_in_which_they_were():
    memory = UsageMemory()
    for minutes in (0, 59, 60):
        use(memory, at=NOON + minutes * MINUTE)
    hour = int(NOON.timestamp())
    assert memory.take().counts == {
        ("billing", "secret-1", "token", hour): 2,
        ("billing", "secret-1", "token", hour + 3_600): 1,
    }


def test_first_and_last_use_are_kept_with_who_came_last():
    memory = UsageMemory()
    use(memory, address="192.0.2.1")
    use(memory, at=NOON + MINUTE, address="192.0.2.2", user_agent="python-requests/2")
    last = memory.take().uses["billing", "secret-1"]
    assert (last.first_at, last.last_at) == (NOON, NOON + MINUTE)
    assert (last.address, last.user_agent) == ("192.0.2.2", "python-requests/2")


def test_a_use_that_is_noted_late_is_not_the_last():
    memory = UsageMemory()
    use(memory, at=NOON + MINUTE, address="192.0.2.2")
    use(memory, address="192.0.2.1")
    assert memory.take().uses["billing", "secret-1"].address == "192.0.2.2"


def test_what_was_taken_is_not_taken_again():
    memory = UsageMemory()
    use(memory)
    refuse(memory)
    assert not memory.take().is_empty
    assert memory.take().is_empty


def test_of_a_client_the_latest_refused_requests_stay():
    memory = UsageMemory()
    for number in range(MOST_REFUSED_OF_CLIENT + 5):
        refuse(memory, number=number)
    batch = memory.take()
    assert references(batch)[0] == "billing-5"
    assert len(references(batch)) == MOST_REFUSED_OF_CLIENT
    assert sum(batch.counts.values()) == MOST_REFUSED_OF_CLIENT + 5


def test_a_flood_of_one_client_does_not_push_out_another():
    memory = UsageMemory()
    refuse(memory, "quiet")
    for number in range(5_000):
        refuse(memory, "loud", number=number)
    assert "quiet-0" in references(memory.take())


def test_unknown_clients_are_one_count_however_many_there_are():
    memory = UsageMemory()
    for number in range(20_000):
        refuse(memory, NOBODY, number=number, claimed_client_id=f"guess-{number}")
    batch = memory.take()
    assert list(batch.counts.values()) == [20_000]
    assert len(references(batch)) == MOST_REFUSED_OF_CLIENT


def test_beyond_the_bounds_it_is_counted_that_something_is_missing():
    memory = UsageMemory()
    for number in range(MOST_COUNTS + 7):
        use(memory, f"client-{number}")
    batch = memory.take()
    assert (len(batch.counts), len(batch.uses), memory.lost) == (MOST_COUNTS, MOST_COUNTS, 7)


def test_refused_requests_of_many_clients_are_bounded_in_all():
    memory = UsageMemory()
    for number in range(MOST_REFUSED + 3):
        refuse(memory, f"client-{number}")
    assert (len(references(memory.take())), memory.lost) == (MOST_REFUSED, 3)


def test_a_batch_that_is_put_back_is_whole_and_older_than_what_came_since():
    memory = UsageMemory()
    use(memory, address="192.0.2.1")
    refuse(memory, number=1)
    batch = memory.take()
    use(memory, at=NOON + MINUTE, address="192.0.2.2")
    refuse(memory, number=2)
    memory.put_back(batch)
    joined = memory.take()
    assert sorted(joined.counts.values()) == [2, 2]
    assert references(joined) == ["billing-1", "billing-2"]
    last = joined.uses["billing", "secret-1"]
    assert (last.first_at, last.last_at, last.address) == (NOON, NOON + MINUTE, "192.0.2.2")


def test_a_failure_to_write_keeps_the_batch_for_the_next_time():
    memory, written = UsageMemory(), []
    use(memory)

    def fail(batch: Batch) -> None:
        raise OSError("away")

    with pytest.raises(OSError, match="away"):
        flush(memory, fail)
    flush(memory, written.append)
    assert [sum(batch.counts.values()) for batch in written] == [1]


def test_nothing_is_written_if_nothing_happened():
    written: list[Batch] = []
    flush(UsageMemory(), written.append)
    assert written == []


_ACTS = st.lists(
    st.tuples(
        st.sampled_from(["use", "refuse", "put back"]),
        st.sampled_from(["billing", "reporting", NOBODY]),
        st.integers(0, 10_000),
    ),
    max_size=200,
)


@given(_ACTS)
@settings(max_examples=60, deadline=None)
def test_nothing_is_lost_or_counted_twice_however_often_writing_fails(acts):
    memory, expected = UsageMemory(), Counter()
    for act, client_id, number in acts:
        if act == "use":
            use(memory, client_id, at=NOON + number * MINUTE)
            expected[client_id, "token"] += 1
        elif act == "refuse":
            refuse(memory, client_id, number=number)
            expected[client_id, "wrong_secret"] += 1
        else:
            memory.put_back(memory.take())
    counted = Counter()
    for (client_id, _, outcome, _), count in memory.take().counts.items():
        counted[client_id, outcome] += count
    assert counted == expected
    assert memory.lost == 0


def test_a_big_batch_is_written_in_parts_and_only_the_rest_is_kept():
    memory, written = UsageMemory(), []
    for number in range(2 * MOST_AT_ONCE + 1):
        use(memory, f"client-{number}")
    refuse(memory)

    def write(batch: Batch) -> None:
        if len(written) == 1:
            raise OSError("away")
        written.append(batch)

    with pytest.raises(OSError, match="away"):
        flush(memory, write)
    written.append(Batch())
    flush(memory, written.append)
    sizes = [(len(batch.counts), len(batch.uses)) for batch in written if not batch.is_empty]
    assert sizes == [(1_000, 1_000), (1_000, 1_000), (2, 1), (0, 0)]
    assert references(written[-1]) == ["billing-0"]


def test_who_writes_last_waits_for_who_is_writing():
    memory, began, may_fail, written = UsageMemory(), Event(), Event(), []
    use(memory)

    def fail_late(batch: Batch) -> None:
        began.set()
        may_fail.wait(10)
        raise OSError("away")

    with ThreadPoolExecutor(2) as pool:
        first = pool.submit(flush, memory, fail_late)
        assert began.wait(10)
        last = pool.submit(flush, memory, written.append)
        may_fail.set()
        assert isinstance(first.exception(10), OSError)
        last.result(10)
    assert [sum(batch.counts.values()) for batch in written] == [1]
