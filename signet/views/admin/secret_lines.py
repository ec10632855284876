"""The state of secrets in words, the same on every page."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signet.models.client_list import EXPIRES_SOON
from signet.models.credential_activity import CredentialActivity, OwnerActivity
from signet.models.secrets import SecretDetails
from signet.views.admin.presentation import ago_or_in
from signet.views.admin.secret_verdict import Verdict, caller_of, said_of_no_use, times, verdict_of


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
    #: Whether it ends before that, once it is not used any more.
    ends_when_quiet: bool
    #: What its use says about revoking it, and in numbers.
    verdict: Verdict
    use: str
    #: Whether its revocation can be taken back at this moment.
    can_be_undone: bool


def secret_lines(
    secrets: Sequence[SecretDetails],
    activity: OwnerActivity,
    now: datetime,
    *,
    only_live: bool = False,
) -> tuple[SecretLine, ...]:
    """Secrets as rows of a table.

    :param secrets: all of one owner, for the use of one says something about another.
    """
    return tuple(
        _to_line(secret, secrets, activity, now)
        for secret in secrets
        if not only_live or secret.state(now) == "live"
    )


def secret_name(secret: SecretDetails) -> str:
    """What a secret is called: as somebody named it, else by what it ends with."""
    return secret.description or secret_hint(secret)


def secret_hint(secret: SecretDetails) -> str:
    """The visible part of a secret: ``signet_…9f3a``."""
    return f"signet_…{secret.hint}"


def _to_line(
    secret: SecretDetails,
    owned: Sequence[SecretDetails],
    activity: OwnerActivity,
    now: datetime,
) -> SecretLine:
    text, kind = _secret_status(secret, now)
    verdict = verdict_of(secret, owned, activity, now)
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
        ends_when_quiet=secret.ends_when_quiet and secret.revoked_at is None,
        verdict=verdict,
        use=_said_of_use(activity.of(secret.secret_id), verdict, now)
        or ("" if verdict.text else said_of_no_use(secret, activity)),
        can_be_undone=can_be_undone(secret, now),
    )


def can_be_undone(secret: SecretDetails, now: datetime) -> bool:
    """Whether the revocation of a secret can be taken back at this moment."""
    if secret.undo_until is None or secret.undo_until <= now:
        return False
    return secret.expires_at is None or secret.expires_at > now


def _said_of_use(activity: CredentialActivity, verdict: Verdict, now: datetime) -> str:
    often = f"{times(activity.week)} in 7 days"
    if verdict.in_use:
        return often[0].upper() + often[1:]
    if activity.use is None:
        return ""
    last = f"Last used {ago_or_in(activity.use.last_used_at, now)} by {caller_of(activity.use)}"
    return f"{last}; {often}" if activity.week else last


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
