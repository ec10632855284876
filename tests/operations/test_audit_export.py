"""The audit log as a file: whole, harmless to spreadsheets, and read bit by bit."""

import csv
import hashlib
import json
from io import StringIO
from itertools import pairwise
from typing import Any

import pytest

from signet.models.audit import FIRST_HASH, Actor, AuditedObject, act, append_entry
from signet.models.audit_log import verify_chain
from signet.models.audit_query import AuditFilter
from signet.oauth.store import StoreUnavailableError
from signet.operations import audit_export
from signet.operations.audit_export import export_audit_log, harmless
from tests.models.outage import away
from tests.operations.acting import ADA, NOON, Statements, on_sqlite

BILLING = AuditedObject("client", "billing", "Billing export")
FORMULAS = [
    "=1+1",
    "+1",
    "-1",
    "@SUM(1)",
    "\t=1",
    "\r=1",
    "\n=1",
    "\x00=1",
    "＝1+1",
    "＋1",
    "－1",
    "＠SUM(1)",
]


@pytest.fixture(autouse=True)
def small_batches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(audit_export, "_BATCH", 2)


def note(
    about: AuditedObject = BILLING, *, actor: Actor = ADA, action: str = "client.edit", **facts: Any
) -> None:
    with act() as session:
        append_entry(session, actor=actor, action=action, object=about, now=NOON, **facts)


def notes(count: int) -> None:
    for _ in range(count):
        note()


def lines(wanted: AuditFilter | None = None) -> list[dict[str, Any]]:
    text = "".join(export_audit_log(wanted or AuditFilter(), "jsonl"))
    return [json.loads(line) for line in text.split("\n")[:-1]]


def rows() -> list[list[str]]:
    text = "".join(export_audit_log(AuditFilter(), "csv"))
    return list(csv.reader(StringIO(text, newline="")))


def test_it_holds_all_of_every_entry_oldest_first(app):
    note(before={"name": "Billing"}, after={"name": "Billing export"})
    notes(4)
    first, *others = lines()
    assert [line["number"] for line in others] == [2, 3, 4, 5]
    assert first.pop("hash") == others[0]["previous_hash"]
    assert first == {
        "number": 1,
        "at": "2026-07-01T12:00:00.000000+00:00",
        "actor": "ada@example.org",
        "address": "192.0.2.1",
        "user_agent": "a browser",
        "request_id": "r-1",
        "action": "client.edit",
        "object_type": "client",
        "object_id": "billing",
        "object_name": "Billing export",
        "before": {"name": "Billing"},
        "after": {"name": "Billing export"},
        "previous_hash": FIRST_HASH,
    }


def test_u38_who_has_only_the_file_can_check_the_chain(app):
    """As docs/operators.md describes it, without any code of Signet."""
    note(
        AuditedObject("client", "b", 'Bücher "🦀" \u2028'),
        before={"b": 1, "a": None, "claims": {"é": [1.5, True]}},
    )
    note(actor=Actor(name=""))
    found = lines()
    for line in found:
        assert line["hash"] == hash_by_hand(line)
    assert all(later["previous_hash"] == one["hash"] for one, later in pairwise(found))
    assert found[-1]["hash"] == verify_chain().last_hash


def hash_by_hand(line: dict[str, Any]) -> str:
    def compact(value: Any) -> str:
        return json.dumps(value, sort_keys=True, separators=(",", ":"))

    members = (
        *("number", "at", "actor", "address", "user_agent", "request_id", "action"),
        *("object_type", "object_id", "object_name"),
    )
    facts = [line[name] for name in members]
    facts += [compact(line["before"]), compact(line["after"]), line["previous_hash"]]
    return hashlib.sha256(compact(facts).encode()).hexdigest()


@pytest.mark.parametrize("format", ["csv", "jsonl"])
def test_an_empty_log_is_an_empty_file(app, format):
    text = "".join(export_audit_log(AuditFilter(), format))
    assert text.count("\n") == (1 if format == "csv" else 0)


def test_a_filter_holds_in_every_batch(app):
    for number in range(1, 10):
        note(action="client.edit" if number % 2 else "client.disable")
    numbers = [line["number"] for line in lines(AuditFilter(action="client.edit"))]
    assert numbers == [1, 3, 5, 7, 9]


def test_what_is_noted_while_it_is_read_is_not_part_of_it(app):
    notes(3)
    pieces = export_audit_log(AuditFilter(), "jsonl")
    next(pieces)
    note()
    assert "".join(pieces).count("\n") == 3


def test_it_reads_no_further_than_it_is_read(app):
    """So a slow reader costs no memory, however long the log is."""
    notes(9)
    with Statements().heard() as statements:
        pieces = export_audit_log(AuditFilter(), "csv")
        counts = [statements.count(lambda: next(pieces)) for _ in range(3)]
    assert counts == [0, 1, 1]


BROKEN_OFF = "This file is not whole: the log could not be read to its end. Export again."


@pytest.mark.parametrize(
    ("format", "last_line"),
    [("csv", f'"{BROKEN_OFF}"'), ("jsonl", json.dumps({"error": BROKEN_OFF}))],
)
def test_a_database_that_fails_in_the_middle_breaks_the_file_off(app, format, last_line):
    notes(5)
    pieces = export_audit_log(AuditFilter(), format)
    read = [next(pieces), next(pieces)]
    with away("audit_entry"):
        read.append(next(pieces))
        with pytest.raises(StoreUnavailableError):
            next(pieces)
    assert "".join(read).splitlines()[-1] == last_line


@on_sqlite
def test_a_database_that_fails_at_once_is_told_at_once(app):
    with away("audit_entry"), pytest.raises(StoreUnavailableError):
        export_audit_log(AuditFilter(), "csv")


@pytest.mark.parametrize("text", FORMULAS, ids=ascii)
def test_u33_what_a_spreadsheet_would_compute_is_text(text):
    assert harmless(text) == f"'{text}"


@pytest.mark.parametrize("text", ["", "Billing =1", "'=1", "1-1", "{}", "é"])
def test_u33_other_text_stays_as_it_is(text):
    assert harmless(text) == text


def test_u33_no_cell_of_the_file_begins_a_formula_and_all_are_quoted(app):
    for sign in FORMULAS:
        if "\0" not in sign:
            text = f'{sign}","=2'
            note(
                AuditedObject("client", text, text),
                actor=Actor(name=text, address=text, user_agent=text, request_id=text),
                before={text: text},
            )
    written = rows()
    assert len(written) == len(FORMULAS)
    for row in written:
        assert len(row) == len(written[0])
        assert not [cell for cell in row if cell.startswith(tuple("=+-@＝＋－＠\t\r\n\0"))]
    text = "".join(export_audit_log(AuditFilter(), "csv"))
    assert csv_with_every_cell_quoted(written) == text


def csv_with_every_cell_quoted(rows: list[list[str]]) -> str:
    return "".join(
        ",".join('"' + cell.replace('"', '""') + '"' for cell in row) + "\r\n" for row in rows
    )


def test_u38_a_name_with_line_breaks_stays_within_its_line(app):
    name = "a\r\nb\x1b[31m\x85c\u2028d\x0b\x0c"
    note(AuditedObject("client", "a", name))
    text = "".join(export_audit_log(AuditFilter(), "jsonl"))
    assert len(text.splitlines()) == 1
    assert text.isascii() and "\x1b" not in text
    assert json.loads(text)["object_name"] == name
    assert rows()[1][5] == name
