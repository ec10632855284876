"""The state of secrets in words, the same on every page."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from signet.models.client_list import EXPIRES_SOON
from signet.models.secrets import SecretDetails
from signet.views.admin.presentation import ago_or_in


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
