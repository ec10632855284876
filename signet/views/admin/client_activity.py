"""Activity: what a client has asked for, what was refused and why, and what was done to it."""

import math
from datetime import timedelta
from typing import NamedTuple

from flask import Blueprint, render_template
from flask.typing import ResponseReturnValue

from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.clients import ClientDetails
from signet.models.refused_requests import RefusedRequestFilter, list_refused_requests
from signet.models.token_demand import TokenDemand, recent_demand
from signet.models.usage import DAY, counts_of, find_uses, refusals_by_reason
from signet.views.admin.audit_sentences import line_of
from signet.views.admin.chart import draw_chart
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_status import status_of
from signet.views.admin.refusal_sentences import label_of
from signet.views.admin.requests import refused_lines
from signet.views.admin.snippets import CACHING, client_languages, client_snippet
from signet.wiring import wiring

bp = Blueprint("client_activity", __name__, url_prefix="/clients/<client_id>/activity")

#: As far as the chart goes back, this day included.
_CHARTED = timedelta(days=29)
_LATEST = 10
_PERIODS = ("24 hours", "7 days")
#: What the usual libraries call themselves, by the language of a snippet.
_USER_AGENTS = {
    "python": ("python", "aiohttp", "authlib", "httpx"),
    "node": ("node", "axios", "undici", "got ", "openid-client"),
    "csharp": (".net", "dotnet", "identitymodel"),
    "go": ("go-http-client",),
    "curl": ("curl",),
}


class Period(NamedTuple):
    """Some time that is over, and what was asked in it against what was needed."""

    label: str
    demand: TokenDemand

    @property
    def saved(self) -> str:
        """The part of the requests that is not needed, rounded down: ``99.9 %``."""
        return f"{math.floor(self.demand.saved * 1000) / 10:.1f} %"


class RefusedFor(NamedTuple):
    """One reason, and how often."""

    reason: str
    label: str
    refused: int


@bp.get("")
def show(client_id: str) -> ResponseReturnValue:
    """What a client has done in the last 30 days, and what was done to it."""
    client, now = get_client(client_id), wiring().clock()
    days = counts_of(client_id, since=now - _CHARTED, span=DAY)
    demands = recent_demand(client_id, client.access_token_lifetime, now=now)
    periods = list(map(Period, _PERIODS, demands))
    latest = list_refused_requests(RefusedRequestFilter(client_id=client_id), limit=_LATEST)
    changes = list_entries(AuditFilter(object=f"client:{client_id}"), limit=_LATEST)
    return render_template(
        "admin/clients/activity.html",
        client=client,
        status=status_of(client, now),
        chart=draw_chart(days, chart_id="tokens", span=DAY, since=now - _CHARTED, now=now),
        refusals=[
            RefusedFor(reason, label_of(reason), count)
            for reason, count in refusals_by_reason(days)
        ],
        refused=refused_lines(latest.requests),
        has_more=latest.older is not None,
        periods=periods,
        snippet=_caching_snippet(client) if any(p.demand.is_chatty for p in periods) else None,
        changes=[line_of(entry) for entry in changes.entries],
    )


def language_of(user_agent: str) -> str | None:
    """The language that a user agent speaks of; ``None``: it does not say."""
    text = user_agent.lower()
    return next(
        (
            language
            for language, names in _USER_AGENTS.items()
            if any(name in text for name in names)
        ),
        None,
    )


def _caching_snippet(client: ClientDetails) -> object:
    """The program that keeps its token, in the language of the last that came."""
    uses = sorted(
        find_uses([client.client_id])[client.client_id].values(),
        key=lambda use: use.last_used_at,
        reverse=True,
    )
    spoken = (language_of(use.last_user_agent) for use in uses)
    offered = client_languages(client)
    chosen = next((language for language in spoken if language in offered), None)
    chosen = chosen or next((name for name in offered if name != "curl"), None) or "curl"
    return client_snippet(client, chosen, CACHING) if chosen in offered else None
