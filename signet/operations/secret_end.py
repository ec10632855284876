"""How a secret ends, and how long that can be taken back; all in a transaction that is begun."""

from datetime import datetime, timedelta
from typing import Any

from signet.models.secrets import SecretRow
from signet.operations.errors import OperationError

#: A replaced secret has fallen quiet when nobody has used it for so long …
QUIET_FOR = timedelta(hours=48)
#: … and ends by itself, in any case after so long.
LATEST_QUIET_END = timedelta(days=30)
#: How long a revocation can be taken back.
UNDO_FOR = timedelta(minutes=60)


def replace_secret(
    secret: SecretRow, *, overlap: timedelta, when_quiet: bool, now: datetime
) -> None:
    """Note that another has come in its place, and when it ends.

    :param overlap: at the latest after so long; zero: at once and for good.
    :param when_quiet: whether it ends as soon as it is not used any more.
    """
    secret.replaced_at = secret.replaced_at or now
    secret.ends_when_quiet = when_quiet
    if not overlap:
        # Chosen for a secret that has leaked: nobody brings it back.
        secret.revoked_at = now
        return
    end = now + overlap
    secret.expires_at = min(secret.expires_at, end) if secret.expires_at else end


def revoke_for_now(secret: SecretRow, *, now: datetime) -> None:
    """Refuse it from now on; for an hour that can be taken back."""
    secret.revoked_at, secret.undo_until = now, now + UNDO_FOR


def check_undo(secret: SecretRow, *, now: datetime) -> None:
    """Refuse to bring back what is not revoked, or not for a short time only."""
    if secret.revoked_at is None:
        raise OperationError("This secret is not revoked")
    if secret.undo_until is None:
        raise OperationError("This secret was ended at once by a rotation, and that is for good")
    if secret.undo_until <= now:
        raise OperationError("This secret was revoked more than 60 minutes ago: make a new one")
    if secret.expires_at is not None and secret.expires_at <= now:
        raise OperationError("This secret has expired in the meantime: make a new one")


def bring_back(secret: SecretRow) -> None:
    """Let it work again, as if it had not been revoked."""
    secret.revoked_at = secret.undo_until = None
    # Else it would end again at once.
    secret.ends_when_quiet = False


def secret_facts(secret: SecretRow) -> dict[str, Any]:
    """What an audit entry says of a secret: nothing of the secret itself."""
    facts = {
        "secret_id": secret.secret_id,
        "description": secret.description,
        "expires_at": _text(secret.expires_at),
        "revoked_at": _text(secret.revoked_at),
    }
    return facts | ({"ends_when_quiet": True} if secret.ends_when_quiet else {})


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
