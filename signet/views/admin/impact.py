"""Whom an act would hit, said before its button: last use, who is refused, which tokens live on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from markupsafe import Markup

from signet.models.client_list import ClientFilter, list_clients
from signet.models.clients import ClientDetails
from signet.models.counted import Counted
from signet.models.credential_activity import WEEK, OwnerActivity, tokens_of
from signet.models.resource_servers import ResourceServerDetails
from signet.models.secrets import live_secrets
from signet.models.usage import CredentialUse
from signet.oauth.client import JWT, LONGEST_LIFETIME
from signet.views.admin.client_credentials import credential_names
from signet.views.admin.presentation import ago_or_in, format_datetime, format_duration
from signet.views.admin.secret_lines import secret_name
from signet.views.admin.secret_verdict import caller_of, times

_NOBODY = "Nobody: it was not used in 7 days"
_MOST_CALLERS = 5
_MOST_CLIENTS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """What is known before an act, in words."""

    #: "4 minutes ago by 10.0.4.7 (python-requests)", or "Never".
    last_use: str
    #: Who would be refused: each a caller, how often and when last.
    refused: tuple[str, ...]
    #: What to say instead if that is nobody.
    nobody: str = _NOBODY
    #: Until when tokens are valid that were issued before; empty: nothing is to be said of them.
    tokens: str | Markup = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOfScope:
    """A client that a scope is assigned to."""

    client_id: str
    name: str
    #: How many tokens it got in 7 days; which scopes they had is not counted.
    tokens: str
    last_use: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeImpact:
    """What is known before a scope is disabled, deleted or taken away."""

    clients: tuple[ClientOfScope, ...]
    #: Of all that have it.
    count: Counted
    tokens: str | Markup

    @property
    def more(self) -> Counted:
        """How many have it beside those that are named."""
        return Counted(self.count.number - len(self.clients), self.count.is_all)


def client_impact(client: ClientDetails, activity: OwnerActivity, now: datetime) -> Impact:
    """Of refusing a client altogether: of disabling or deleting it."""
    last = activity.last_use()
    return Impact(
        last_use=last_use(last, now),
        refused=_callers(activity, _that_work(client, activity, now), now),
        nobody=_NOBODY if client.enabled else "Nobody: it is disabled already",
        tokens=_tokens_of_refused_client(client, last, now),
    )


def scope_removal_impact(client: ClientDetails, activity: OwnerActivity, now: datetime) -> Impact:
    """Of taking a scope from a client."""
    said = _said_of_tokens(activity.last_use(), client.access_token_lifetime, now)
    return replace(
        client_impact(client, activity, now), tokens=said or "It holds none that is valid."
    )


def secret_impact(
    client: ClientDetails, secret_id: str, activity: OwnerActivity, now: datetime
) -> Impact:
    """Of revoking one secret of a client."""
    use = activity.of(secret_id).use
    said = _said_of_tokens(use, client.access_token_lifetime, now)
    return Impact(
        last_use=last_use(use, now),
        refused=_callers(activity, {secret_id: ""} if client.uses_secrets else {}, now),
        tokens=said or "None that was got with this secret is valid.",
    )


def api_secret_impact(secret_id: str, activity: OwnerActivity, now: datetime) -> Impact:
    """Of revoking one secret of an API."""
    return Impact(
        last_use=last_use(activity.of(secret_id).use, now),
        refused=_callers(activity, {secret_id: ""}, now),
    )


def api_impact(api: ResourceServerDetails, activity: OwnerActivity, now: datetime) -> Impact:
    """Of deleting an API with all its secrets."""
    live = {s.secret_id: f"“{secret_name(s)}”" for s in live_secrets(api.secrets, now)}
    return Impact(
        last_use=last_use(activity.last_use(), now),
        refused=_callers(activity, live, now),
    )


def scope_impact(scope: str, now: datetime) -> ScopeImpact:
    """Of granting a scope to nobody any more."""
    page = list_clients(ClientFilter(scope=scope), now=now, limit=_MOST_CLIENTS)
    counts = tokens_of([client.client_id for client in page.clients], since=now - WEEK)
    uses = [
        (client.last_used_at, client.access_token_lifetime)
        for client in page.clients
        if client.last_used_at is not None
    ]
    until = max((last + lifetime for last, lifetime in uses), default=now)
    latest = max((last + LONGEST_LIFETIME for last, _ in uses), default=now)
    if page.matching.number > len(page.clients):
        tokens: str | Markup = (
            f"Those issued with it keep it, for up to {format_duration(LONGEST_LIFETIME)}."
        )
    else:
        tokens = _said_until(until, latest, now) or "None of these clients has one."
    return ScopeImpact(
        clients=tuple(
            ClientOfScope(
                client_id=client.client_id,
                name=client.name,
                tokens=f"{counts.get(client.client_id, 0):,}",
                last_use=ago_or_in(client.last_used_at, now) if client.last_used_at else "Never",
            )
            for client in page.clients
        ),
        count=page.matching,
        tokens=tokens,
    )


def last_use(use: CredentialUse | None, now: datetime) -> str:
    """When and by whom something was used last."""
    return f"{ago_or_in(use.last_used_at, now)} by {caller_of(use)}" if use else "Never"


def _that_work(client: ClientDetails, activity: OwnerActivity, now: datetime) -> dict[str, str]:
    """The credentials by which the client gets tokens, and what people call each."""
    if not client.enabled:
        return {}
    if client.uses_secrets:
        return {s.secret_id: f"“{secret_name(s)}”" for s in client.live_secrets(now)}
    return credential_names(client, activity)


def _callers(
    activity: OwnerActivity, credentials: Mapping[str, str], now: datetime
) -> tuple[str, ...]:
    """How each of these is used lately, the latest first; only its last caller is known.

    :param credentials: what people call each; empty where the page is about nothing else.
    """
    lately = [
        (known.use, known.week, name)
        for credential_id, name in credentials.items()
        if (known := activity.of(credential_id)).use is not None and known.week
    ]
    lately.sort(key=lambda line: line[0].last_used_at, reverse=True)
    return tuple(
        f"Whoever uses {name}: {times(week)} in 7 days, last {last_use(use, now)}"
        if name
        else f"Whoever uses it: {times(week)} in 7 days"
        for use, week, name in lately[:_MOST_CALLERS]
    )


def _tokens_of_refused_client(
    client: ClientDetails, last: CredentialUse | None, now: datetime
) -> str | Markup:
    said = _said_of_tokens(last, client.access_token_lifetime, now)
    if not said:
        return "It holds none that is valid."
    if client.token_format != JWT:
        return "They end at once: an API asks Signet about each."
    return Markup("{} An API that asks Signet (introspection) refuses them at once.").format(said)


def _said_of_tokens(use: CredentialUse | None, lifetime: timedelta, now: datetime) -> str | Markup:
    """Until when tokens are valid that were had by this use; empty: none is any more."""
    if use is None:
        return ""
    last = use.last_used_at
    return _said_until(last + lifetime, last + LONGEST_LIFETIME, now)


def _said_until(until: datetime, latest: datetime, now: datetime) -> str | Markup:
    if until > now:
        return Markup("Valid until {} at the latest.").format(format_datetime(until))
    if latest > now:
        # With which lifetime they were issued is not kept.
        return Markup(
            "Valid until {} at the latest, if the lifetime was longer before; else none is."
        ).format(format_datetime(latest))
    return ""
