"""The overview: the first steps, what needs attention, how much there is, what changed."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.audit_log import AuditFilter, list_entries
from signet.models.client_list import (
    EXPIRED,
    EXPIRING,
    NO_SECRET,
    ClientFilter,
    count_clients_by_state,
    list_clients,
)
from signet.models.clients import ClientDetails
from signet.models.resource_servers import list_resource_servers
from signet.models.scopes import list_scopes
from signet.models.signing_keys import list_signing_keys
from signet.oauth.jwks import KeyRing
from signet.views.admin.audit_sentences import COMINGS_AND_GOINGS, line_of
from signet.views.admin.client_status import ClientStatus, status_of
from signet.views.admin.identity import current_admin
from signet.wiring import wiring

bp = Blueprint("overview", __name__)

_LATEST_CHANGES = 5
#: Clients of one state that are named, the most urgent of those looked at; the others are behind
#: a link.
_NAMED_CLIENTS, _LOOKED_AT = 5, 25
#: How long the first steps stay after the first client, while it is the only one.
_BEGINNING = timedelta(days=7)


#: Worst first.
_WORRIES = {EXPIRED: "Expired", NO_SECRET: "No secret", EXPIRING: ""}


@dataclass(frozen=True, slots=True)
class Worry:
    """The clients in a state that wants somebody to act: the first by name, and how many more."""

    state: str
    #: The tag; empty where the time that is left says more.
    tag: str
    clients: tuple[tuple[ClientDetails, ClientStatus], ...]
    more: int


@bp.get("/")
def index() -> ResponseReturnValue:
    """What an operator should see first."""
    now = wiring().clock()
    states = count_clients_by_state(now)
    client_count, scope_count = sum(states.values()), len(list_scopes())
    changes = list_entries(AuditFilter(without=COMINGS_AND_GOINGS), limit=_LATEST_CHANGES)
    return render_template(
        "admin/overview/index.html",
        tasks=_first_steps(scope_count, client_count, now),
        worries=[_worry(state, states[state], now) for state in _WORRIES if states[state]],
        client_count=client_count,
        scope_count=scope_count,
        api_count=len(list_resource_servers()),
        days_of_key=_days_of_key(now),
        changes=[line_of(entry) for entry in changes.entries],
    )


def _first_steps(scope_count: int, client_count: int, now: datetime) -> list[dict[str, object]]:
    """The way to a first token; empty once somebody has been on it."""
    client = None
    if client_count == 1:
        client = next(iter(list_clients(ClientFilter(), now=now, limit=1).clients), None)
    if scope_count and client_count and (client is None or now - client.created_at > _BEGINNING):
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


def _step(label: str, hint: str, url: str | None, *, done: bool) -> dict[str, object]:
    if done:
        return {"label": label, "hint": None, "url": None, "state": "done"}
    return {"label": label, "hint": hint, "url": url, "state": "later"}


def _worry(state: str, count: int, now: datetime) -> Worry:
    page = list_clients(ClientFilter(state=state), now=now, limit=_LOOKED_AT)
    found = [(client, status_of(client, now)) for client in page.clients]
    found.sort(key=lambda pair: pair[1].ends_at or now)
    named = tuple(found[:_NAMED_CLIENTS])
    return Worry(state, _WORRIES[state], named, more=count - len(named))


def _days_of_key(now: datetime) -> int | None:
    """Whole days until another key signs; ``None`` without a key."""
    ring = KeyRing(list_signing_keys())
    key = ring.key_in_use(wiring().settings.signing_alg, now)
    # A server that slept through the day goes on with the key: the change is due, not past.
    return max(0, (key.due_at - now).days) if key else None
