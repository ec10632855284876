"""``flask client activity``: what a client has asked for lately, and what was refused."""

from datetime import timedelta
from typing import Any

import click

from signet.cli.output import answer, facts, json_option, table
from signet.cli.secret import get_client
from signet.models.token_demand import TokenDemand, recent_demand
from signet.models.usage import DAY, SERVED, TOKEN, UseCount, counts_of, refusals_by_reason
from signet.wiring import wiring

_SINCE = timedelta(days=29)


@click.argument("client_id")
@json_option
def client_activity(client_id: str, as_json: bool) -> None:
    """Show tokens and refusals of the last 30 days, and whether it asks too often."""
    client, now = get_client(client_id), wiring().clock()
    counts = counts_of(client_id, since=now - _SINCE, span=DAY)
    day, week = recent_demand(client_id, client.access_token_lifetime, now=now)
    refusals = dict(refusals_by_reason(counts))
    document: dict[str, Any] = {
        "client_id": client_id,
        "last_24_hours": _demand_document(day),
        "last_7_days": _demand_document(week),
        "refusals": refusals,
        "days": _days(counts),
    }
    lines = {
        "client_id": client_id,
        "last 24 hours": _sentence(day),
        "last 7 days": _sentence(week),
        "refused": ", ".join(f"{reason} {count:,}" for reason, count in refusals.items()),
    }
    rows = [(row["day"], row["tokens"], row["refused"]) for row in document["days"]]
    text = table(("day", "tokens", "refused"), rows, empty="No requests in the last 30 days.")
    answer(document, f"{facts(lines)}\n\n{text}", as_json=as_json)


def _demand_document(demand: TokenDemand) -> dict[str, Any]:
    return {
        "tokens": demand.asked,
        "tokens_needed": demand.needed,
        "tokens_per_active_hour": demand.per_hour,
        "is_chatty": demand.is_chatty,
    }


def _sentence(demand: TokenDemand) -> str:
    text = f"{demand.asked:,} tokens, {demand.needed:,} needed"
    return f"{text}: it should keep its tokens" if demand.is_chatty else text


def _days(counts: tuple[UseCount, ...]) -> list[dict[str, Any]]:
    """The days on which anything happened, oldest first."""
    days: dict[str, dict[str, Any]] = {}
    for count in counts:
        day = f"{count.begins_at:%Y-%m-%d}"
        row = days.setdefault(day, {"day": day, "tokens": 0, "refused": 0})
        if count.outcome == TOKEN:
            row["tokens"] += count.count
        elif count.outcome not in SERVED:
            row["refused"] += count.count
    return list(days.values())
