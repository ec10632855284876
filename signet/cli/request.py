"""``flask request``: which requests were refused, and why."""

import json
from typing import Any

import click

from signet.cli.error_edge import Group
from signet.cli.output import answer, facts, json_option, rfc3339, table
from signet.models.refused_requests import (
    RefusedRequestFilter,
    find_refused_request,
    list_refused_requests,
)
from signet.oauth.refusal import Reason
from signet.operations.errors import NotFoundError
from signet.usage import RefusedRequest

group = Group("request", help="Requests that were refused: which, and why.")


@group.command("list")
@click.option("--client", default="", help="Only of this client ID, known or claimed.")
@click.option("--address", default="", help="Only from there.")
@click.option("--reason", type=click.Choice(list(map(str, Reason))), help="Only for this reason.")
@click.option(
    "--limit",
    type=click.IntRange(min=1, max=10_000),
    default=50,
    show_default=True,
    help="At most so many requests.",
)
@json_option
def list_requests(client: str, address: str, reason: str | None, limit: int, as_json: bool) -> None:
    """List the newest refused requests first."""
    wanted = RefusedRequestFilter(client_id=client, address=address, reason=reason or "")
    found = list_refused_requests(wanted, limit=limit).requests
    answer(
        [request_document(request) for request in found],
        table(
            ("reference", "at", "client", "reason", "address"),
            [
                (
                    request.request_id,
                    rfc3339(request.at),
                    request.client_id or request.claimed_client_id,
                    request.reason,
                    request.address,
                )
                for request in found
            ],
            empty="No refused requests.",
        ),
        as_json=as_json,
    )


@group.command("show")
@click.argument("reference")
@json_option
def show_request(reference: str, as_json: bool) -> None:
    """Show why a request was refused, by the X-Request-Id of its answer."""
    found = find_refused_request(reference)
    if found is None:
        raise NotFoundError(
            f"There is no refused request with the reference “{reference[:100]}”: "
            "those that were served are not kept, the others for 30 days"
        )
    document = request_document(found)
    lines = {name: value for name, value in document.items() if name != "facts"}
    for name, value in found.facts.items():
        lines[name] = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    answer(document, facts(lines), as_json=as_json)


def request_document(request: RefusedRequest) -> dict[str, Any]:
    """What scripts read of a refused request."""
    return {
        "reference": request.request_id,
        "at": rfc3339(request.at),
        "client_id": request.client_id,
        "claimed_client_id": request.claimed_client_id,
        "address": request.address,
        "user_agent": request.user_agent,
        "endpoint": request.endpoint,
        "status": request.status,
        "error": request.error,
        "reason": request.reason,
        "text": request.text,
        "facts": dict(request.facts),
    }
