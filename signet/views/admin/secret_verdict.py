"""Whether a secret can be revoked without anybody noticing, in words: from how it is used."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from signet.models.credential_activity import OwnerActivity
from signet.models.secrets import SecretDetails, live_secrets
from signet.models.usage import CredentialUse
from signet.operations.secret_end import QUIET_FOR
from signet.views.admin.presentation import ago_or_in, format_number, visible_text

#: Of ``python-requests/2.32.3`` what comes before the version.
_PRODUCT = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}")


@dataclass(frozen=True, slots=True)
class Verdict:
    """What to make of a secret, and the kind of tag that goes with it; empty for one that ended."""

    text: str
    kind: str
    #: Whether somebody has used it lately, and the text says who.
    in_use: bool = False


def verdict_of(
    secret: SecretDetails,
    owned: Sequence[SecretDetails],
    activity: OwnerActivity,
    now: datetime,
) -> Verdict:
    """What the use of a secret says about revoking it.

    :param owned: all secrets of its owner.
    """
    if secret.state(now) != "live":
        return Verdict("", "off")
    use = activity.of(secret.secret_id).use
    is_replaced = secret.replaced_at is not None
    if use is not None and use.last_used_at > now - QUIET_FOR:
        begin = "Still in use" if is_replaced else "In use"
        text = f"{begin} by {caller_of(use)}, {ago_or_in(use.last_used_at, now)}"
        return Verdict(text, "warn" if is_replaced else "ok", in_use=True)
    quiet = "Never used"
    if use is not None:
        quiet = f"Not used for {ago_or_in(use.last_used_at, now).removesuffix(' ago')}"
    newer = [other for other in live_secrets(owned, now) if _comes_after(other, secret)]
    if not newer:
        return Verdict(quiet, "info")
    successor = max(newer, key=lambda other: activity.of(other.secret_id).week)
    said = _said_of_new(successor, activity, now)
    if not is_replaced:
        # It may be for somebody else: nobody has said that the newer one is in its place.
        return Verdict(f"{quiet}; a newer one {said}" if said else quiet, "info")
    if said is None:
        # Nobody calls at all: a job that runs now and then may still hold this one.
        return Verdict(f"{quiet}; the new one was never used", "warn")
    if use is None and secret.created_at > now - QUIET_FOR:
        # Somebody may be about to put it where it belongs.
        return Verdict(f"{quiet}; the new one {said}", "info")
    return Verdict(f"Safe to revoke: {quiet[0].lower()}{quiet[1:]}; the new one {said}", "ok")


def _comes_after(other: SecretDetails, secret: SecretDetails) -> bool:
    if secret.replaced_at is not None:
        return other.created_at >= secret.replaced_at and other.secret_id != secret.secret_id
    return other.created_at > secret.created_at


def caller_of(use: CredentialUse) -> str:
    """Who used it last: ``10.0.4.7 (python-requests)``."""
    product = product_of(use.last_user_agent)
    address = visible_text(use.last_address) or "an unknown address"
    return f"{address} ({product})" if product else address


def product_of(user_agent: str) -> str:
    """What a ``User-Agent`` calls the program, without its version; empty: nothing."""
    found = _PRODUCT.match(user_agent)
    return found[0] if found else ""


def times(count: int) -> str:
    """How often: ``once``, ``212 times``."""
    return "once" if count == 1 else f"{format_number(count)} times"


def _said_of_new(other: SecretDetails, activity: OwnerActivity, now: datetime) -> str | None:
    known = activity.of(other.secret_id)
    if known.today:
        return f"was used {times(known.today)} today"
    if known.week:
        return f"was used {times(known.week)} in 7 days"
    if known.use is not None:
        return f"was used {ago_or_in(known.use.last_used_at, now)}"
    return None
