"""The overview: the first steps, what needs attention, how much there is, what changed."""

from datetime import datetime, timedelta

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.client_list import ClientFilter, count_clients, list_clients
from signet.models.clients import ClientDetails
from signet.models.scopes import list_scope_names
from signet.models.signing_keys import list_signing_keys
from signet.models.usage import EVERYBODY
from signet.oauth.jwks import KeyRing
from signet.views.admin.attention import find_attention
from signet.views.admin.audit_sentences import COMINGS_AND_GOINGS, line_of
from signet.views.admin.chart import Chart, draw_day
from signet.views.admin.identity import current_admin
from signet.wiring import wiring

bp = Blueprint("overview", __name__)

_LATEST_CHANGES = 5
#: How long the first steps stay after the first client, while it is the only one.
_BEGINNING = timedelta(days=7)


@bp.get("/")
def index() -> ResponseReturnValue:
    """What an operator should see first."""
    now = wiring().clock()
    client_count, scope_count = count_clients(now=now), len(list_scope_names())
    chart = draw_day(EVERYBODY, now)
    changes = list_entries(AuditFilter(without=COMINGS_AND_GOINGS), limit=_LATEST_CHANGES)
    return render_template(
        "admin/overview/index.html",
        tasks=_first_steps(scope_count, client_count.number, now),
        attention=find_attention(now),
        client_count=client_count,
        chart=chart,
        refused_share=_share_of_refused(chart),
        days_of_key=_days_of_key(now),
        changes=[line_of(entry) for entry in changes.entries],
    )


def _first_steps(scope_count: int, client_count: int, now: datetime) -> list[dict[str, object]]:
    """The way to a first token; empty once somebody has been on it."""
    client = None
    if client_count == 1:
        client = next(iter(list_clients(ClientFilter(), now=now, limit=1).clients), None)
    if scope_count and client_count and (client is None or _is_over(client, now)):
        return []
    admin = current_admin()
    may_change = admin is not None and admin.may("operator")
    steps = [
        _step(
            "Add a scope",
            "What clients may do, and the API that it is for.",
            url_for("admin.scopes.new") if may_change else None,
            done=scope_count > 0,
        ),
        _step(
            "Create a client",
            "A client is a program that calls your API. It gets a client ID and a secret.",
            url_for("admin.clients.new") if may_change else None,
            done=client_count > 0,
        ),
        _step(
            "Request a token",
            "The page of the client shows the request to paste.",
            url_for("admin.clients.show", client_id=client.client_id) if client else None,
            done=False,
        ),
    ]
    current = next(step for step in steps if step["state"] == "later")
    current["state"] = "current"
    return steps


def _is_over(client: ClientDetails, now: datetime) -> bool:
    return client.last_used_at is not None or now - client.created_at > _BEGINNING


def _step(label: str, hint: str, url: str | None, *, done: bool) -> dict[str, object]:
    if done:
        return {"label": label, "hint": None, "url": None, "state": "done"}
    return {"label": label, "hint": hint, "url": url, "state": "later"}


def _share_of_refused(chart: Chart) -> str | None:
    """The part of requests that was refused, in percent; ``None`` without a request."""
    requests = chart.issued + chart.refused
    if not requests:
        return None
    share = chart.refused / requests
    # Rounding must not say of one that there was none.
    return "<0.1%" if 0 < share < 0.001 else f"{share:.1%}"


def _days_of_key(now: datetime) -> int | None:
    """Whole days until another key signs; ``None`` without a key."""
    ring = KeyRing(list_signing_keys())
    key = ring.key_in_use(wiring().settings.signing_alg, now)
    # A server that slept through the day goes on with the key: the change is due, not past.
    return max(0, (key.due_at - now).days) if key else None
