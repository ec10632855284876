"""The state of a client and of its secrets in words, the same on every page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from signet.models.client_list import (
    ACTIVE,
    DISABLED,
    EXPIRED,
    EXPIRES_SOON,
    EXPIRING,
    NO_SECRET,
    client_state,
)
from signet.models.clients import ClientDetails, SecretDetails
from signet.views.admin.presentation import ago_or_in

#: The states of a client as a filter names them.
STATE_LABELS = {
    ACTIVE: "Active",
    EXPIRING: "Secret expires soon",
    EXPIRED: "Secret expired",
    NO_SECRET: "No secret",
    DISABLED: "Disabled",
}
_STATE_KINDS = {
    ACTIVE: "ok",
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
    #: Whether a secret works at this moment.
    has_live_secret: bool
    #: When the last of its secrets ends or has ended; ``None``: never, or there is none.
    ends_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLine:
    """A secret as a row of a table."""

    secret_id: str
    #: Its description, else its hint.
    name: str
    hint: str
    text: str
    kind: str
    is_live: bool
    created_at: datetime
    created_by: str
    #: When it ends or has ended; ``None``: never.
    ends_at: datetime | None


def status_of(client: ClientDetails, now: datetime) -> ClientStatus:
    """The client's state at this moment, in words."""
    state = client_state(client, now)
    live = client.live_secrets(now)
    ends_at = _last_end(live or [s for s in client.secrets if s.state(now) == "expired"])
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


def secret_lines(secrets: Iterable[SecretDetails], now: datetime) -> tuple[SecretLine, ...]:
    """Secrets as rows of a table."""
    return tuple(_to_line(secret, now) for secret in secrets)


def secret_name(secret: SecretDetails) -> str:
    """What a secret is called: as somebody named it, else by what it ends with."""
    return secret.description or secret_hint(secret)


def secret_hint(secret: SecretDetails) -> str:
    """The visible part of a secret: ``signet_…9f3a``."""
    return f"signet_…{secret.hint}"


def _to_line(secret: SecretDetails, now: datetime) -> SecretLine:
    text, kind = _secret_status(secret, now)
    return SecretLine(
        secret_id=secret.secret_id,
        name=secret_name(secret),
        hint=secret_hint(secret),
        text=text,
        kind=kind,
        is_live=secret.state(now) == "live",
        created_at=secret.created_at,
        created_by=secret.created_by,
        ends_at=secret.revoked_at or secret.expires_at,
    )


def _secret_status(secret: SecretDetails, now: datetime) -> tuple[str, str]:
    state, ends_at = secret.state(now), secret.expires_at
    if state == "revoked":
        return "Revoked", "off"
    if state == "expired":
        return "Expired", "off"
    if secret.replaced_at is not None:
        return "Replaced", "info"
    if ends_at is not None and ends_at <= now + EXPIRES_SOON:
        return f"Expires {ago_or_in(ends_at, now)}", "warn"
    return "Active", "ok"


def _last_end(secrets: Iterable[SecretDetails]) -> datetime | None:
    ends = [secret.expires_at for secret in secrets]
    return max((end for end in ends if end is not None), default=None) if all(ends) else None
