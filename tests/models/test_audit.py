"""The audit log: numbers without gaps, a chain that breaks when anybody tampers, pages, filters."""

import subprocess
import sys
from datetime import timedelta, timezone
from itertools import pairwise

import pytest
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError

from signet.models import narrowing
from signet.models.audit import FIRST_HASH, Actor, AuditedObject, act, append_entry
from signet.models.audit_log import (
    count_entries,
    find_entry,
    find_neighbours,
    list_actors,
    list_entries,
    verify_chain,
)
from signet.models.audit_query import AuditFilter
from signet.models.counted import Counted
from signet.models.database import write
from signet.settings import ROOT
from tests.operations.acting import ADA, NOON, at_once, entries
from tests.tampering import tamper

BILLING = AuditedObject("client", "billing", "Billing export")


def note(
    number: int = 1, *, actor: Actor = ADA, action: str = "client.edit", about=BILLING, **facts
) -> None:
    with act() as session:
        append_entry(
            session,
            actor=actor,
            action=action,
            object=about,
            now=NOON + timedelta(minutes=number),
            after={"note": number},
            **facts,
        )


def notes(count: int) -> None:
    for number in range(1, count + 1):
        note(number)


def numbers(page) -> list[int]:
    return [entry.number for entry in page.entries]


# What an entry holds


def test_an_entry_says_who_did_what_to_which_object_when_and_from_where(app):
    with act() as session:
        append_entry(
            session,
            actor=ADA,
            action="client.edit",
            object=BILLING,
            now=NOON,
            before={"name": "Billing"},
            after={"name": "Billing export"},
        )
    entry = find_entry(1)
    assert entry is not None
    assert (entry.number, entry.at, entry.action, entry.object) == (1, NOON, "client.edit", BILLING)
    assert (entry.actor, entry.address, entry.user_agent, entry.request_id) == (
        "ada@example.org",
        "192.0.2.1",
        "a browser",
        "r-1",
    )
    assert (entry.before, entry.after) == ({"name": "Billing"}, {"name": "Billing export"})


def test_what_a_browser_says_of_itself_is_cut_to_fit(app):
    note(actor=Actor(name="a" * 999, address="1" * 99, user_agent="u" * 999, request_id="r" * 99))
    entry = find_entry(1)
    assert entry is not None
    assert [len(entry.actor), len(entry.address), len(entry.user_agent), len(entry.request_id)] == [
        320,
        64,
        400,
        64,
    ]
    assert verify_chain().broken_at is None


def test_a_number_that_is_not_there_finds_no_entry(app):
    assert find_entry(1) is None


def test_an_act_that_fails_leaves_no_entry_and_no_gap(app):
    note()
    with pytest.raises(ZeroDivisionError), act() as session:
        append_entry(session, actor=ADA, action="client.edit", object=BILLING, now=NOON)
        _ = 1 / 0
    note()
    assert [entry.number for entry in entries()] == [1, 2]
    assert verify_chain().broken_at is None


def test_acts_at_once_are_numbered_without_gaps_in_one_chain(app):
    outcomes = at_once(app, *[lambda: note()] * 20)
    assert outcomes == [None] * 20
    assert [entry.number for entry in entries()] == list(range(1, 21))
    assert verify_chain().broken_at is None


WRITER = """
import sys, threading, time
from app import create_app
from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.audit_log import AuditFilter, list_entries
from signet.settings import load_settings
from signet.wiring import utc_now

name, threads, each = sys.argv[1], 4, 10
app = create_app(load_settings({"SIGNET_DATABASE_URL": sys.argv[2]}))

def write(thread):
    with app.app_context():
        for number in range(each):
            with act() as session:
                about = AuditedObject("client", f"{name}-{thread}-{number}")
                actor = Actor(name=name)
                append_entry(
                    session, actor=actor, action="client.edit", object=about, now=utc_now()
                )
            sys.stdout.write(about.id + "\\n")
            if number == 0:
                both.wait()

def wait_for_the_other():
    with app.app_context():
        while len({entry.actor for entry in list_entries(AuditFilter()).entries}) < 2:
            time.sleep(0.005)

# Nobody goes on before both nodes have begun.
both = threading.Barrier(threads, action=wait_for_the_other)
print("ready", flush=True)
input()
workers = [threading.Thread(target=write, args=[thread]) for thread in range(threads)]
for worker in workers:
    worker.start()
for worker in workers:
    worker.join()
"""


def test_processes_that_write_at_once_make_one_chain_and_lose_nothing(app, database_url):
    """Two nodes, each with an app of its own; what they print is what they were told is kept."""
    nodes = [
        subprocess.Popen(
            [sys.executable, "-c", WRITER, node, database_url],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for node in ("left", "right")
    ]
    assert [node.stdout and node.stdout.readline() for node in nodes] == ["ready\n"] * 2
    for node in nodes:
        assert node.stdin is not None
        node.stdin.write("\n")
        node.stdin.flush()
    acknowledged = [line for node in nodes for line in node.communicate(timeout=60)[0].split()]
    assert [node.returncode for node in nodes] == [0, 0]
    found = entries()
    assert [entry.number for entry in found] == list(range(1, 81))
    assert sorted(entry.object.id for entry in found) == sorted(acknowledged)
    assert len(acknowledged) == 80
    report = verify_chain()
    assert (report.count, report.broken_at) == (80, None)
    turns = sum(one.actor != other.actor for one, other in pairwise(found))
    assert turns > 1, "they have written one after the other, which shows nothing"


# The chain


def test_the_chain_of_an_untouched_log_holds(app):
    assert verify_chain() == type(verify_chain())(0, FIRST_HASH)
    notes(5)
    report = verify_chain()
    assert (report.count, report.broken_at) == (5, None)
    assert report.last_hash != FIRST_HASH


def test_the_chain_does_not_depend_on_the_zone_of_the_clock(app):
    with act() as session:
        append_entry(
            session,
            actor=ADA,
            action="client.edit",
            object=BILLING,
            now=NOON.astimezone(timezone(timedelta(hours=5, minutes=45))),
        )
    assert verify_chain().broken_at is None


def test_the_chain_is_checked_in_batches(app, monkeypatch):
    monkeypatch.setattr("signet.models.audit_log._BATCH", 2)
    notes(5)
    assert verify_chain().count == 5
    tamper("UPDATE audit_entry SET actor = 'eve' WHERE number = 5")
    assert verify_chain().broken_at == 5


@pytest.mark.parametrize(
    "column",
    [
        "actor",
        "address",
        "user_agent",
        "request_id",
        "action",
        "object_type",
        "object_id",
        "object_name",
        "after",
        "before",
        "previous_hash",
        "hash",
    ],
)
def test_a_changed_entry_is_found(app, column):
    notes(4)
    tamper(f"UPDATE audit_entry SET \"{column}\" = 'x' WHERE number = 3")
    report = verify_chain()
    assert (report.count, report.broken_at) == (2, 3)


def test_a_changed_time_is_found(app):
    notes(4)
    tamper("UPDATE audit_entry SET at = (SELECT at FROM audit_entry WHERE number = 1)")
    assert verify_chain().broken_at == 2


def test_a_removed_entry_is_found(app):
    notes(4)
    tamper("DELETE FROM audit_entry WHERE number = 2")
    assert verify_chain().broken_at == 3


def test_a_removed_first_entry_is_found(app):
    notes(4)
    tamper("DELETE FROM audit_entry WHERE number = 1")
    assert verify_chain().broken_at == 2


def test_a_removed_entry_is_found_even_if_the_others_are_numbered_anew(app):
    notes(4)
    tamper(
        "DELETE FROM audit_entry WHERE number = 2",
        "UPDATE audit_entry SET number = 2 WHERE number = 3",
        "UPDATE audit_entry SET number = 3 WHERE number = 4",
    )
    assert verify_chain().broken_at == 2


@pytest.mark.parametrize("number", [-7, 0, 5])
def test_an_inserted_entry_is_found(app, number):
    notes(4)
    columns = (
        "at, actor, address, user_agent, request_id, action, object_type, object_id,"
        ' object_name, "before", "after", previous_hash, hash'
    )
    tamper(
        f"INSERT INTO audit_entry (number, {columns})"
        f" SELECT {number}, {columns} FROM audit_entry WHERE number = 4"
    )
    assert verify_chain().broken_at == number


def test_entries_that_change_places_are_found(app):
    notes(4)
    tamper(
        "UPDATE audit_entry SET number = 9 WHERE number = 2",
        "UPDATE audit_entry SET number = 2 WHERE number = 3",
        "UPDATE audit_entry SET number = 3 WHERE number = 9",
    )
    assert verify_chain().broken_at == 2


def test_removed_last_entries_show_in_the_count_and_the_last_hash(app):
    """Nothing follows them, so only who has noted the last hash can tell."""
    notes(4)
    before = verify_chain()
    tamper("DELETE FROM audit_entry WHERE number = 4")
    after = verify_chain()
    assert after.broken_at is None
    assert (after.count, after.last_hash) != (before.count, before.last_hash)


# Append-only


CHANGES = {
    "update": "UPDATE audit_entry SET actor = 'eve' WHERE number = 1",
    "update of all": "UPDATE audit_entry SET hash = 'x'",
    "delete": "DELETE FROM audit_entry WHERE number = 2",
    "delete of all": "DELETE FROM audit_entry",
    "upsert": (
        "INSERT INTO audit_entry SELECT * FROM audit_entry WHERE number = 1"
        " ON CONFLICT (number) DO UPDATE SET actor = 'eve'"
    ),
}
ENGINES_OWN = {
    "sqlite": {
        "replace": "REPLACE INTO audit_entry SELECT * FROM audit_entry WHERE number = 1",
        "update or replace": "UPDATE OR REPLACE audit_entry SET number = 1 WHERE number = 2",
    },
    "postgresql": {"truncate": "TRUNCATE audit_entry"},
}


def test_u38_the_database_refuses_to_change_or_remove_an_entry(app, engine):
    notes(2)
    before = entries()
    for how, statement in (CHANGES | ENGINES_OWN[engine]).items():
        with pytest.raises(IntegrityError, match="append-only"), write() as session:
            session.execute(text(statement))
        assert entries() == before, how
    assert verify_chain().count == 2


def test_after_an_attack_on_the_log_new_entries_are_taken_as_before(app):
    notes(1)
    tamper("UPDATE audit_entry SET actor = 'eve'")
    note()
    with pytest.raises(IntegrityError, match="append-only"), write() as session:
        session.execute(text("UPDATE audit_entry SET actor = 'ada@example.org'"))
    assert verify_chain().broken_at == 1


# Pages


def test_pages_lead_down_to_the_oldest_entry_and_back_up(app):
    notes(7)
    first = list_entries(AuditFilter(), limit=3)
    second = list_entries(AuditFilter(), older_than=first.older, limit=3)
    third = list_entries(AuditFilter(), older_than=second.older, limit=3)
    assert [numbers(page) for page in (first, second, third)] == [[7, 6, 5], [4, 3, 2], [1]]
    assert (first.newer, third.older) == (None, None)
    back = list_entries(AuditFilter(), newer_than=third.newer, limit=3)
    top = list_entries(AuditFilter(), newer_than=back.newer, limit=3)
    assert [numbers(page) for page in (back, top)] == [[4, 3, 2], [7, 6, 5]]
    assert top.newer is None
    assert top.older == 5


def test_a_full_last_page_says_that_nothing_follows(app):
    notes(6)
    first = list_entries(AuditFilter(), limit=3)
    assert list_entries(AuditFilter(), older_than=first.older, limit=3).older is None


def test_a_page_beyond_the_log_is_empty(app):
    notes(2)
    assert numbers(list_entries(AuditFilter(), older_than=1)) == []
    assert numbers(list_entries(AuditFilter(), newer_than=2)) == []


def test_entries_that_come_while_somebody_reads_shift_no_page(app):
    notes(4)
    first = list_entries(AuditFilter(), limit=2)
    note(5)
    assert numbers(list_entries(AuditFilter(), older_than=first.older, limit=2)) == [2, 1]


# Filters


@pytest.fixture
def mixed(app):
    note(1)
    note(2, actor=Actor(name="grace@example.org"), action="client.disable")
    note(3, action="scope.create", about=AuditedObject("scope", "billing", "billing"))
    note(4, action="admin.sign_in", about=AuditedObject("admin", "ada@example.org", "Ada"))


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ({}, [4, 3, 2, 1]),
        ({"actor": "grace@example.org"}, [2]),
        ({"actor": "nobody"}, []),
        ({"action": "scope.create"}, [3]),
        ({"without": ("admin.sign_in", "client.edit")}, [3, 2]),
        ({"object": "billing"}, [3, 2, 1]),
        ({"object": "Billing export"}, [2, 1]),
        ({"object": "scope:billing"}, [3]),
        ({"object": "client:billing"}, [2, 1]),
        ({"object": "bill%"}, []),
        ({"since": NOON + timedelta(minutes=3)}, [4, 3]),
        ({"until": NOON + timedelta(minutes=3)}, [2, 1]),
        ({"actor": "ada@example.org", "object": "billing", "action": "client.edit"}, [1]),
        ({"actor": "' OR 1=1 --"}, []),
    ],
)
def test_a_filter_gives_what_it_names(mixed, monkeypatch, wanted, found):
    assert numbers(list_entries(AuditFilter(**wanted))) == found
    assert count_entries(AuditFilter(**wanted)) == Counted(len(found))
    # As if these were very many.
    monkeypatch.setattr(narrowing, "MOST_GATHERED", 0)
    assert numbers(list_entries(AuditFilter(**wanted))) == found


@pytest.mark.parametrize("most_gathered", [20_000, 0])
@pytest.mark.parametrize(
    "wanted", [{"object": "billing"}, {"until": NOON + timedelta(minutes=4), "action": ""}]
)
def test_a_filter_holds_on_every_page(mixed, monkeypatch, most_gathered, wanted):
    monkeypatch.setattr(narrowing, "MOST_GATHERED", most_gathered)
    first = list_entries(AuditFilter(**wanted), limit=2)
    assert numbers(first) == [3, 2]
    second = list_entries(AuditFilter(**wanted), older_than=first.older, limit=2)
    assert numbers(second) == [1]
    assert numbers(list_entries(AuditFilter(**wanted), newer_than=1, limit=2)) == [3, 2]


def test_entries_of_some_days_are_in_the_order_of_their_times(app):
    """Clocks of several nodes differ: an entry may be written after one of a later moment."""
    for minute in (1, 3, 2):
        note(minute)
    since = {"since": NOON}
    first = list_entries(AuditFilter(**since), limit=1)
    assert numbers(first) == [2]
    assert numbers(list_entries(AuditFilter(**since), older_than=2)) == [3, 1]
    assert numbers(list_entries(AuditFilter())) == [3, 2, 1]


def test_nobody_goes_on_counting_beyond_what_is_counted(mixed, monkeypatch):
    monkeypatch.setattr(narrowing, "MOST_GATHERED", 1)
    assert count_entries(AuditFilter(object="billing")) == Counted(2, is_all=False)
    assert count_entries(AuditFilter(action="scope.create")) == Counted(1)


def test_the_neighbours_of_an_entry_are_about_the_same_object(mixed):
    note(5)
    first, second, last = (find_entry(number) for number in (1, 2, 5))
    assert first and second and last
    assert find_neighbours(first) == (None, 2)
    assert find_neighbours(second) == (1, 5)
    assert find_neighbours(last) == (2, None)


def test_all_who_ever_acted_are_on_offer_for_the_filter(mixed):
    assert list_actors() == ("ada@example.org", "grace@example.org")
    assert count_entries() == Counted(4)
