"""Chatty clients: what was asked for against what was needed."""

from datetime import timedelta

import pytest

from signet.models.audit import Actor
from signet.models.token_demand import TokenDemand, demand_of, find_chatty_clients
from signet.models.usage import UseCount
from signet.models.usage_batches import write_batch
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import register_client
from signet.usage import UsageMemory
from tests.models.refusing import NOON

HOUR = timedelta(hours=1)


def hours(*counts: int, outcome: str = "token", credential_id: str = "one") -> list[UseCount]:
    """What happened in so many hours, one after the other."""
    return [
        UseCount(
            begins_at=NOON + number * HOUR,
            credential_id=credential_id,
            outcome=outcome,
            count=count,
        )
        for number, count in enumerate(counts)
    ]


def test_one_token_an_hour_is_what_a_client_needs():
    demand = demand_of(hours(1_800, 1_800), HOUR)
    assert (demand.asked, demand.needed, demand.per_hour) == (3_600, 2, 1_800)
    assert f"{demand.saved:.4f}" == "0.9994"
    assert demand.is_chatty


@pytest.mark.parametrize(
    ("lifetime", "needed"),
    [(timedelta(minutes=5), 24), (timedelta(minutes=45), 3), (HOUR, 2), (24 * HOUR, 2)],
)
def test_a_shorter_life_needs_more_and_a_longer_one_not_less_than_one_an_hour(lifetime, needed):
    assert demand_of(hours(500, 500), lifetime).needed == needed


def test_each_credential_needs_its_own():
    both = hours(10, 10) + hours(10, credential_id="two")
    assert demand_of(both, HOUR).needed == 3


def test_refusals_and_introspection_are_no_tokens():
    counts = hours(9_000, outcome="introspection") + hours(9_000, outcome="wrong_secret")
    assert demand_of(counts, HOUR) == TokenDemand(0, 0, HOUR)


def test_nothing_asked_is_nothing_saved():
    demand = demand_of([], HOUR)
    assert (demand.needed, demand.saved, demand.per_hour, demand.is_chatty) == (0, 0.0, 0, False)


def test_fewer_than_needed_saves_nothing():
    assert demand_of(hours(1), timedelta(minutes=1)).saved == 0.0


@pytest.mark.parametrize(
    ("counts", "lifetime", "is_chatty"),
    [
        pytest.param([20] * 24, HOUR, False, id="twenty copies of a program"),
        pytest.param([400], HOUR, False, id="somebody who tries for an hour"),
        pytest.param([60] * 24, HOUR, True, id="one a minute"),
        pytest.param([120] * 24, timedelta(minutes=5), False, id="ten times what it needs"),
        pytest.param([240] * 24, timedelta(minutes=5), True, id="twenty times what it needs"),
    ],
)
def test_who_is_named_is_far_from_what_is_needed(counts, lifetime, is_chatty):
    assert demand_of(hours(*counts), lifetime).is_chatty == is_chatty


@pytest.mark.usefixtures("app")
def test_the_chattiest_clients_are_found_and_the_others_not():
    for client_id, times in (("loud", 900), ("louder", 1_800), ("quiet", 10)):
        register_client(
            ClientFacts(name=client_id.title()),
            client_id=client_id,
            actor=Actor(name="t"),
            now=NOON,
        )
        memory = UsageMemory()
        for at in (NOON, NOON - 48 * HOUR):
            for _ in range(times):
                memory.note_use(client_id, "s", "token", at=at, address="", user_agent="")
        write_batch(memory.take())
    found = find_chatty_clients(since=NOON - 24 * HOUR)
    assert [(client.name, client.demand.asked) for client in found] == [
        ("Louder", 1_800),
        ("Loud", 900),
    ]
    assert len(find_chatty_clients(since=NOON - 24 * HOUR, limit=1)) == 1
