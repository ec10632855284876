"""The state of a client in words, the same on every page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from signet.models.client_list import (
    ACTIVE,
    DISABLED,
    EXPIRED,
    EXPIRING,
    IDLE,
    NEVER_USED,
    NO_SECRET,
    client_state,
)
from signet.models.clients import ClientDetails
from signet.models.secrets import SecretDetails, live_secrets
from signet.views.admin.presentation import ago_or_in

#: The states of a client as a filter names them.
STATE_LABELS = {
    ACTIVE: "Active",
    NEVER_USED: "Never used",
    EXPIRING: "Secret expires soon",
    EXPIRED: "Secret expired",
    NO_SECRET: "No secret",
    DISABLED: "Disabled",
}
#: The same, and what else the list can be narrowed to.
FILTER_LABELS = {**STATE_LABELS, IDLE: "Idle for 90 days"}
_STATE_KINDS = {
    ACTIVE: "ok",
    NEVER_USED: "info",
    EXPIRING: "warn",
    EXPIRED: "danger",
    NO_SECRET: "danger",
    DISABLED: "off",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientStatus:
    """What an operator should know first of a client, for the tag beside its name."""

    state: str
    text: str
    kind: str
    #: Whether a secret works at this moment; never of a client that uses none.
    has_live_secret: bool
    #: When the last of its secrets ends or has ended; ``None``: never, or there is none.
    ends_at: datetime | None


def status_of(client: ClientDetails, now: datetime) -> ClientStatus:
    """The client's state at this moment, in words."""
    state = client_state(client, now)
    # What is left of secrets says nothing of a client that uses none.
    secrets = client.secrets if client.uses_secrets else ()
    live = live_secrets(secrets, now)
    ends_at = _last_end(live or [s for s in secrets if s.state(now) == "expired"])
    text = STATE_LABELS[state]
    if state == EXPIRING and ends_at is not None:
        text = f"Secret expires {ago_or_in(ends_at, now)}"
    return ClientStatus(
        state=state,
        text=text,
        kind=_STATE_KINDS[state],
        has_live_secret=bool(live),
        ends_at=ends_at,
    )


def _last_end(secrets: Iterable[SecretDetails]) -> datetime | None:
    ends = [secret.expires_at for secret in secrets]
    return max((end for end in ends if end is not None), default=None) if all(ends) else None
