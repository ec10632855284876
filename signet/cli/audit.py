"""``flask audit``: who did what, and whether the log is whole."""

from collections.abc import Callable
from datetime import datetime
from typing import Any

import click

from signet.cli.error_edge import Group, Refusal
from signet.cli.output import answer, facts, json_option, rfc3339, table
from signet.cli.parameters import MOMENT
from signet.models.audit_log import AuditEntry, list_entries, verify_chain
from signet.models.audit_query import AuditFilter
from signet.operations.audit_export import FORMATS, export_audit_log

#: Entries read at once, so that a long list is not one long transaction.
_BATCH = 1_000

group = Group("audit", help="The audit log: who did what, and whether it is whole.")


_FILTERS = (
    click.option("--actor", default="", help="Only what they did."),
    click.option("--action", default="", help="Only these acts, for example client.create."),
    click.option(
        "--object",
        "object_",
        default="",
        help="Only what was done to it: its identifier, its name, or as client:billing-export.",
    ),
    click.option("--since", type=MOMENT, help="Only from this moment on."),
    click.option("--until", type=MOMENT, help="Only before this moment."),
)


def filter_options(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command the options that narrow the log."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@group.command("list")
@filter_options
@click.option(
    "--limit",
    type=click.IntRange(min=1),
    default=50,
    show_default=True,
    help="At most so many entries.",
)
@json_option
def list_log(
    actor: str,
    action: str,
    object_: str,
    since: datetime | None,
    until: datetime | None,
    limit: int,
    as_json: bool,
) -> None:
    """List the newest entries first."""
    wanted = AuditFilter(actor=actor, action=action, object=object_, since=since, until=until)
    documents = [entry_document(entry) for entry in _newest(wanted, limit)]
    columns = ("number", "at", "actor", "action", "object")
    answer(
        documents,
        table(
            columns,
            [[document[column] for column in columns] for document in documents],
            empty="No entries.",
        ),
        as_json=as_json,
    )


@group.command("export")
@click.option(
    "--format",
    "format_",
    type=click.Choice(list(FORMATS)),
    default="jsonl",
    show_default=True,
    help="For a spreadsheet, or for a program.",
)
@filter_options
@click.option("--json", "as_json", is_flag=True, help="The same as --format jsonl.")
def export_log(
    format_: str,
    actor: str,
    action: str,
    object_: str,
    since: datetime | None,
    until: datetime | None,
    as_json: bool,
) -> None:
    """Write the log as a file, oldest entry first; it is whole only if the command succeeds."""
    if as_json and format_ != "jsonl":
        raise click.UsageError("--json is the same as --format jsonl.")
    wanted = AuditFilter(actor=actor, action=action, object=object_, since=since, until=until)
    for piece in export_audit_log(wanted, format_):
        # Bytes: the same file whatever the terminal can show.
        click.echo(piece.encode(), nl=False)


@group.command("verify")
@json_option
def verify_log(as_json: bool) -> None:
    """Check that no entry was changed, left out or put in."""
    report = verify_chain()
    document = {
        "count": report.count,
        "last_hash": report.last_hash,
        "broken_at": report.broken_at,
    }
    answer(document, facts(document), as_json=as_json)
    if report.broken_at is not None:
        raise Refusal(
            f"The audit log is broken at entry {report.broken_at}: "
            f"only the {report.count} before it are what was written"
        )


def entry_document(entry: AuditEntry) -> dict[str, Any]:
    """What scripts read of an entry."""
    return {
        "number": entry.number,
        "at": rfc3339(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "object": f"{entry.object.type}:{entry.object.id}",
        "object_name": entry.object.name,
        "before": dict(entry.before),
        "after": dict(entry.after),
        "address": entry.address,
        "user_agent": entry.user_agent,
        "request_id": entry.request_id,
    }


def _newest(wanted: AuditFilter, limit: int) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    older_than = None
    while True:
        batch = min(limit - len(entries), _BATCH)
        page = list_entries(wanted, older_than=older_than, limit=batch)
        entries += page.entries
        older_than = page.older
        if older_than is None or len(entries) == limit:
            return entries
