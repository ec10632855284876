"""Use of credentials in the database: added up, by hour and by day, and forgotten in time."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event

from signet.extensions import db
from signet.models import pruning
from signet.models.clients import find_client
from signet.models.database import DatabaseUnavailableError, write
from signet.models.refused_requests import find_refused_request
from signet.models.usage import (
    DAY,
    EVERYBODY,
    HOUR,
    counts_of,
    find_uses,
    forget_usage_of,
    refusals_by_client,
    tokens_by_client,
)
from signet.models.usage_batches import write_batch
from signet.models.usage_pruning import prune_usage
from signet.operations.clients import delete_client
from signet.operations.resource_servers import create_resource_server, delete_resource_server
from signet.usage import MOST_AT_ONCE, NOBODY, UsageMemory, flush
from signet.wiring import wiring
from tests.models.outage import away
from tests.models.refusing import NOON, make_batch, make_refused
from tests.operations.acting import ADA, register

pytestmark = pytest.mark.usefixtures("app")
HOURS, DAYS = timedelta(hours=1), timedelta(days=1)


@contextmanager
def recorded(statements: list[tuple[str, bool]]) -> Iterator[None]:
    """Note what the driver gets, and whether that is one statement for many rows of parameters."""

    def note(_connection, _cursor, statement, _parameters, _context, is_many) -> None:
        statements.append((statement, is_many))

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def totals(client_id: str, span: str, since=NOON - 400 * DAYS) -> dict[tuple, int]:
    return {
        (count.begins_at, count.credential_id, count.outcome): count.count
        for count in counts_of(client_id, since=since, span=span)
    }


def test_batches_add_up():
    write_batch(make_batch(uses=2))
    write_batch(make_batch(uses=3))
    assert totals("billing", HOUR) == {(NOON, "secret-1", "token"): 5}


def test_each_hour_is_part_of_its_day():
    for hours in (0, 1, 12):
        write_batch(make_batch(uses=1, at=NOON + hours * HOURS))
    midnight = NOON.replace(hour=0)
    assert len(totals("billing", HOUR)) == 3
    assert totals("billing", DAY) == {
        (midnight, "secret-1", "token"): 2,
        (midnight + DAYS, "secret-1", "token"): 1,
    }


def test_the_sum_over_all_is_of_all_credentials():
    write_batch(make_batch(uses=2, client_id="billing"))
    write_batch(make_batch(make_refused(), uses=1, client_id="reporting", credential_id="other"))
    write_batch(make_batch(make_refused(1), make_refused(2, "reporting")))
    assert totals(EVERYBODY, HOUR) == {(NOON, "", "token"): 3, (NOON, "", "wrong_secret"): 3}


def test_first_and_last_use_stand_whichever_worker_writes_first():
    write_batch(make_batch(uses=1, at=NOON + HOURS, address="192.0.2.2"))
    write_batch(make_batch(uses=1, at=NOON, address="192.0.2.1"))
    use = find_uses(["billing"])["billing"]["secret-1"]
    assert (use.first_used_at, use.last_used_at) == (NOON, NOON + HOURS)
    assert use.last_address == "192.0.2.2"


def test_each_credential_has_its_own_last_use():
    write_batch(make_batch(uses=1, credential_id="one"))
    write_batch(make_batch(uses=1, credential_id="two", at=NOON + HOURS))
    found = find_uses(["billing", "nobody"])
    assert {name: use.last_used_at for name, use in found["billing"].items()} == {
        "one": NOON,
        "two": NOON + HOURS,
    }
    assert found["nobody"] == {}


def test_eight_writers_at_once_lose_nothing(app: Flask):
    def work(number: int) -> None:
        with app.app_context():
            for _ in range(5):
                write_batch(make_batch(make_refused(number), uses=3))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(8)))
    assert totals("billing", HOUR) == {
        (NOON, "secret-1", "token"): 120,
        (NOON, "", "wrong_secret"): 40,
    }


def test_hours_are_kept_for_30_days_and_days_for_13_months():
    for days in (0, 29, 31, 390, 400):
        write_batch(make_batch(uses=1, at=NOON - days * DAYS))
    prune_usage(now=NOON)
    kept = {
        span: {(NOON - begins_at).days for begins_at, *_ in totals(EVERYBODY, span)}
        for span in (HOUR, DAY)
    }
    assert kept == {HOUR: {0, 29}, DAY: {0, 29, 31, 390}}


def test_a_client_that_is_deleted_is_forgotten_and_nobody_else():
    for client_id in ("billing", "reporting"):
        write_batch(make_batch(uses=1, client_id=client_id))
    with write() as session:
        forget_usage_of(session, "billing")
    assert totals("billing", HOUR) == {} and find_uses(["billing"]) == {"billing": {}}
    assert len(totals("reporting", HOUR)) == 1
    assert totals(EVERYBODY, HOUR) == {(NOON, "", "token"): 2}


def test_what_a_worker_writes_of_somebody_who_was_deleted_is_forgotten():
    act = {"actor": ADA, "now": NOON}
    for api in ("orders", "former"):
        create_resource_server(api, encryption=wiring().encryption, **act)
    delete_resource_server("former", **act)
    for client_id in ("gone", "again"):
        register(client_id)
        delete_client(client_id, **act)
    register("again")
    for client_id in ("orders", "former", "gone", "again"):
        write_batch(make_batch(uses=1, client_id=client_id))
    write_batch(make_batch(make_refused(1, NOBODY)))
    prune_usage(now=NOON)
    owners = ("orders", "former", "gone", "again")
    assert {name for name, uses in find_uses(owners).items() if uses} == {"orders", "again"}
    assert {name for name in (*owners, NOBODY) if totals(name, HOUR)} == {"orders", "again", NOBODY}


def test_very_many_old_counts_are_forgotten_piece_by_piece(monkeypatch):
    monkeypatch.setattr(pruning, "_PIECE", 2)
    for days in range(400, 406):
        write_batch(make_batch(uses=1, at=NOON - days * DAYS))
    prune_usage(now=NOON)
    assert totals(EVERYBODY, DAY) == totals("billing", HOUR) == {}


def test_a_batch_is_one_statement_for_each_table_it_concerns():
    """However many rows; the parameters of one are few (an engine takes only so many)."""
    memory = UsageMemory()
    for number in range(MOST_AT_ONCE):
        memory.note_use(f"c{number}", "s", "token", at=NOON, address="", user_agent="")
    statements: list[tuple[str, bool]] = []
    with recorded(statements):
        flush(memory, write_batch)
    assert [many for _, many in statements] == [False] * 3
    tables = ("INSERT INTO use_count", "INSERT INTO credential_use", "UPDATE client")
    for (statement, _), table in zip(statements, tables, strict=True):
        assert statement.startswith(table)
    assert sum(totals(EVERYBODY, HOUR).values()) == MOST_AT_ONCE


def test_a_client_that_is_made_again_was_never_used():
    write_batch(make_batch(uses=1, at=NOON - HOURS))
    register("billing")
    assert find_client("billing").last_used_at is None
    write_batch(make_batch(uses=1, at=NOON))
    assert find_client("billing").last_used_at == NOON


def test_uses_of_very_many_are_found():
    for client_id in ("first", "last"):
        write_batch(make_batch(uses=1, client_id=client_id))
    found = find_uses(["first", *map(str, range(40_000)), "last"])
    assert [client_id for client_id, uses in found.items() if uses] == ["first", "last"]


def test_refused_requests_do_not_hold_up_the_counts():
    memory = UsageMemory()
    memory.put_back(make_batch(make_refused(), uses=2))
    with away("refused_request"), pytest.raises(DatabaseUnavailableError):
        flush(memory, write_batch)
    expected = {(NOON, "secret-1", "token"): 2, (NOON, "", "wrong_secret"): 1}
    assert totals("billing", HOUR) == expected
    flush(memory, write_batch)
    assert totals("billing", HOUR) == expected
    assert find_refused_request(make_refused().request_id) is not None


def test_refused_requests_that_cannot_be_written_are_logged_and_dropped(caplog):
    memory = UsageMemory()
    memory.put_back(make_batch(make_refused(facts={"odd": object()})))
    flush(memory, write_batch)
    assert [record.message for record in caplog.records] == ["refused requests cannot be written"]
    assert memory.take().is_empty


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_value_that_the_database_never_takes_is_not_tried_for_ever(caplog):
    memory = UsageMemory()
    memory.put_back(make_batch(make_refused(status=2**40), uses=1))
    flush(memory, write_batch)
    assert [record.message for record in caplog.records] == ["refused requests cannot be written"]
    assert memory.take().is_empty
    assert len(totals("billing", HOUR)) == 2


def test_counts_are_written_whole_or_not_at_all():
    """And a worker keeps what a failing database did not take (SECURITY C8)."""
    memory = UsageMemory()
    memory.put_back(make_batch(make_refused(), uses=2))
    with away("credential_use"), pytest.raises(DatabaseUnavailableError):
        flush(memory, write_batch)
    assert totals("billing", HOUR) == {}
    flush(memory, write_batch)
    assert totals("billing", HOUR) == {
        (NOON, "secret-1", "token"): 2,
        (NOON, "", "wrong_secret"): 1,
    }


def test_a_text_that_the_database_cannot_hold_does_not_stop_the_counting():
    odd = "a\0b\ud800c"
    refused = make_refused(address=odd, user_agent=odd, text=odd, facts={"aud": odd})
    write_batch(make_batch(refused, uses=1, address=odd * 100, user_agent=odd * 1_000))
    assert len(totals("billing", HOUR)) == 2


def test_tokens_and_refusals_are_found_by_client():
    write_batch(make_batch(make_refused(1), make_refused(2), uses=4))
    write_batch(make_batch(make_refused(3, "reporting", reason="expired_secret"), uses=1))
    write_batch(make_batch(uses=9, at=NOON - 2 * DAYS))
    since = NOON - HOURS
    assert tokens_by_client(since=since) == {"billing": 5}
    assert refusals_by_client(since=since) == [
        ("billing", "wrong_secret", 2),
        ("reporting", "expired_secret", 1),
    ]
