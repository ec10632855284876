"""The audit log as a file, oldest entry first: CSV for spreadsheets, JSON Lines for all the rest.

It is written in batches, each a short transaction, so that a million entries take no more memory
than a thousand; between them a worker's other requests go on.
"""

import csv
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC
from io import StringIO
from typing import Any

import gevent

from signet.models.audit_log import AuditEntry, last_number, list_batch
from signet.models.audit_query import AuditFilter

#: Entries that are read at once, without a pause.
_BATCH = 100
#: Seconds; with less a request that comes meanwhile would get one step further per batch.
_PAUSE = 0.002
_COLUMNS = (
    *("number", "at", "actor", "action", "object", "object_name", "before", "after"),
    *("address", "user_agent", "request_id", "previous_hash", "hash"),
)
#: What makes a cell a formula, at its beginning: the signs, also at full width, and what a
#: spreadsheet skips on its way to them.
_FORMULA_SIGNS = ("=", "+", "-", "@", "＝", "＋", "－", "＠", "\t", "\r", "\n", "\0")
#: Stands at the end of a file that is not whole, in case nobody sees the connection break.
_BROKEN_OFF = "This file is not whole: the log could not be read to its end. Export again."


@dataclass(frozen=True, slots=True)
class ExportFormat:
    """How a file is written."""

    file_name: str
    content_type: str
    heading: str
    write: Callable[[Iterable[AuditEntry]], str]
    write_note: Callable[[str], str]


def export_audit_log(wanted: AuditFilter, format: str) -> Iterator[str]:
    """The file in pieces: what is wanted of all entries that there are at this moment.

    :param format: of ``FORMATS``.
    :raises StoreUnavailableError: at once, or in the middle: then the last piece has said that the
        file is not whole, and whoever passes it on must break off as well.
    """
    return _pieces(wanted, FORMATS[format], up_to=last_number())


def _pieces(wanted: AuditFilter, format: ExportFormat, *, up_to: int) -> Iterator[str]:
    yield format.heading
    after: int | None = None
    try:
        while batch := list_batch(wanted, after=after, up_to=up_to, limit=_BATCH):
            yield format.write(batch)
            after = batch[-1].number
            gevent.sleep(_PAUSE)
    except Exception:
        yield format.write_note(_BROKEN_OFF)
        raise


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """All that the log holds of an entry, as JSON has it; the hash can be computed from it."""
    return {
        "number": entry.number,
        # The hash is over microseconds.
        "at": entry.at.astimezone(UTC).isoformat(timespec="microseconds"),
        "actor": entry.actor,
        "address": entry.address,
        "user_agent": entry.user_agent,
        "request_id": entry.request_id,
        "action": entry.action,
        "object_type": entry.object.type,
        "object_id": entry.object.id,
        "object_name": entry.object.name,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "previous_hash": entry.previous_hash,
        "hash": entry.hash,
    }


def _json_lines(entries: Iterable[AuditEntry]) -> str:
    # ASCII, so that no name can break a line, whatever a reader takes for a line break.
    return "".join(json.dumps(entry_document(entry)) + "\n" for entry in entries)


def _csv_rows(entries: Iterable[AuditEntry]) -> str:
    return _csv(_row(entry_document(entry)) for entry in entries)


def _row(document: Mapping[str, Any]) -> list[str]:
    changes = {
        name: json.dumps(document[name], sort_keys=True) if document[name] else ""
        for name in ("before", "after")
    }
    about = {"object": f"{document['object_type']}:{document['object_id']}"}
    cells = {**document, **changes, **about}
    return [harmless(str(cells[column])) for column in _COLUMNS]


def harmless(cell: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{cell}" if cell.startswith(_FORMULA_SIGNS) else cell


def _csv(rows: Iterable[Iterable[str]]) -> str:
    text = StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(rows)
    return text.getvalue()


#: By what they are called in addresses and commands.
FORMATS: Mapping[str, ExportFormat] = {
    "csv": ExportFormat(
        file_name="signet-audit-log.csv",
        content_type="text/csv; charset=utf-8",
        heading=_csv([_COLUMNS]),
        write=_csv_rows,
        write_note=lambda note: _csv([[note]]),
    ),
    "jsonl": ExportFormat(
        file_name="signet-audit-log.jsonl",
        content_type="application/jsonl",
        heading="",
        write=_json_lines,
        write_note=lambda note: json.dumps({"error": note}) + "\n",
    ),
}
