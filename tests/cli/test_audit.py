"""``flask audit``."""

from datetime import datetime, timedelta

import pytest

from signet.wiring import utc_now
from tests.cli.shell import on_one_engine, set_clock
from tests.tampering import tamper

NOON = datetime.fromisoformat("2026-03-31T12:00:00Z")


@pytest.fixture
def acts(shell):
    """Four acts, an hour apart."""
    for number, arguments in enumerate(
        [
            ("scope", "create", "external-api", "--api", "external-api"),
            ("client", "create", "Billing export", "--client-id", "billing-export"),
            ("client", "disable", "billing-export"),
            ("scope", "disable", "external-api"),
        ]
    ):
        set_clock(NOON + timedelta(hours=number))
        shell.json(*arguments)


def test_an_entry_has_every_member(shell, acts):
    entry = shell.json("audit", "list")[1]
    assert entry.pop("actor").startswith("command line (")
    assert entry == {
        "number": 3,
        "at": "2026-03-31T14:00:00Z",
        "action": "client.disable",
        "object": "client:billing-export",
        "object_name": "Billing export",
        "before": {"enabled": True},
        "after": {"enabled": False},
        "address": "",
        "user_agent": "",
        "request_id": "",
    }


def test_entries_come_newest_first(shell, acts):
    assert numbers(shell) == [4, 3, 2, 1]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (("--action", "client.disable"), [3]),
        (("--object", "client:billing-export"), [3, 2]),
        (("--object", "billing-export"), [3, 2]),
        (("--object", "Billing export"), [3, 2]),
        (("--object", "scope:external-api"), [4, 1]),
        (("--object", "api:external-api"), []),
        (("--actor", "nobody"), []),
        (("--since", "2026-03-31T14:00:00Z"), [4, 3]),
        (("--since", "2026-03-31T14:00:00"), [4, 3]),
        (("--since", "2026-03-31T16:00:00+02:00"), [4, 3]),
        (("--until", "2026-03-31T14:00:00Z"), [2, 1]),
        (("--since", "2026-03-31"), [4, 3, 2, 1]),
        (("--until", "2026-03-31"), []),
        (("--limit", "2"), [4, 3]),
        (("--limit", "9" * 30), [4, 3, 2, 1]),
        (("--object", "billing-export", "--limit", "1"), [3]),
    ],
)
def test_the_list_can_be_narrowed(shell, acts, options, expected):
    assert numbers(shell, *options) == expected


def test_the_actor_of_an_entry_finds_it(shell, acts):
    actor = shell.entry()["actor"]
    assert numbers(shell, "--actor", actor) == [4, 3, 2, 1]


@pytest.mark.parametrize(("limit", "expected"), [("3", [4, 3, 2]), ("4", [4, 3, 2, 1])])
def test_a_long_list_is_read_in_batches(shell, acts, monkeypatch, limit, expected):
    monkeypatch.setattr("signet.cli.audit._BATCH", 2)
    assert numbers(shell, "--limit", limit) == expected


@on_one_engine
@pytest.mark.parametrize(
    "options",
    [
        ("--since", "yesterday"),
        ("--since", ""),
        ("--until", "2026-13-01"),
        ("--until", "0001-01-01T00:00:00+23:00"),
        ("--until", "9999-12-31T23:59:59-23:00"),
        ("--limit", "0"),
        ("--limit", "all"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(shell, options):
    shell.misuse("audit", "list", *options)


def test_an_empty_log_holds(shell):
    assert shell.json("audit", "verify") == {"count": 0, "last_hash": "0" * 64, "broken_at": None}
    assert shell.text("audit", "list") == "No entries.\n"


def test_a_whole_log_holds_and_its_last_hash_is_told(shell, acts):
    first = shell.json("audit", "verify")
    assert (first["count"], first["broken_at"]) == (4, None)
    assert first["last_hash"] in shell.text("audit", "verify")
    shell.json("scope", "enable", "external-api")
    assert shell.json("audit", "verify")["last_hash"] != first["last_hash"]


def test_a_changed_entry_is_named(shell, acts):
    tamper("UPDATE audit_entry SET actor = 'somebody' WHERE number = 3")
    result = shell.run("audit", "verify")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: The audit log is broken at entry 3: only the 2 before it are what was written\n"
    )
    assert "count      2" in result.stdout


def test_a_left_out_entry_is_named_for_scripts(shell, acts):
    tamper("DELETE FROM audit_entry WHERE number = 2")
    result = shell.run("audit", "verify", "--json")
    assert result.exit_code == 1
    assert '"broken_at": 3' in result.stdout


@on_one_engine
def test_people_read_columns(shell, acts):
    lines = shell.text("audit", "list", "--limit", "1").splitlines()
    assert lines[0].split() == ["NUMBER", "AT", "ACTOR", "ACTION", "OBJECT"]
    assert lines[1].startswith("4       2026-03-31T15:00:00Z  command line (")
    assert lines[1].endswith("  scope.disable  scope:external-api")


def test_who_acts_is_who_owns_the_process(shell, monkeypatch):
    monkeypatch.setenv("LOGNAME", "somebody-else")
    set_clock(utc_now())
    shell.json("api", "create", "orders")
    assert "somebody-else" not in shell.entry()["actor"]


def numbers(shell, *options: str) -> list[int]:
    return [entry["number"] for entry in shell.json("audit", "list", *options)]
