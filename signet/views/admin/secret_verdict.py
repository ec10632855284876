"""Whether a secret can be revoked without anybody noticing, in words: from how it is used."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from signet.models.credential_activity import OwnerActivity
from signet.models.secrets import SecretDetails, live_secrets
from signet.models.usage import CredentialUse
from signet.operations.secret_end import QUIET_FOR
from signet.views.admin.presentation import ago_or_in, format_number, visible_text

#: Of ``python-requests/2.32.3`` what comes before the version.
_PRODUCT = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,40}")
#: Counting may have begun so long before the first use that was counted.
_UNCERTAIN = timedelta(days=1)


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
    if use is not None and use.last_used_at > now - QUIET_FOR:
        is_replaced = secret.replaced_at is not None
        begin = "Still in use" if is_replaced else "In use"
        text = f"{begin} by {caller_of(use)}, {ago_or_in(use.last_used_at, now)}"
        return Verdict(text, "warn" if is_replaced else "ok", in_use=True)
    quiet = _said_of_quiet(secret, activity, now)
    newer = [other for other in live_secrets(owned, now) if _comes_after(other, secret)]
    if not newer:
        return Verdict(quiet, "info")
    successor = max(newer, key=lambda other: activity.of(other.secret_id).week)
    said = _said_of_new(successor, activity, now)
    if secret.replaced_at is None:
        # It may be for somebody else: nobody has said that the newer one is in its place.
        return Verdict(f"{quiet}; a newer one {said}" if said else quiet, "info")
    if said is None:
        # Nobody calls at all: a job that runs now and then may still hold this one.
        return Verdict(f"{quiet}; the new one was never used", "warn")
    if secret.replaced_at > now - QUIET_FOR:
        # Who holds it may call once a day, or be about to put the new one in its place.
        since = ago_or_in(secret.replaced_at, now)
        return Verdict(f"{quiet}; replaced {since}: wait and see", "info")
    is_known = use is not None or _is_counted_from_birth(secret, activity)
    return _verdict_on_quiet(f"{quiet}; the new one {said}", is_safe=is_known)


def _verdict_on_quiet(text: str, *, is_safe: bool) -> Verdict:
    if not is_safe:
        return Verdict(text, "info")
    return Verdict(f"Safe to revoke: {text[0].lower()}{text[1:]}", "ok")


def _said_of_quiet(secret: SecretDetails, activity: OwnerActivity, now: datetime) -> str:
    use = activity.of(secret.secret_id).use
    if use is None:
        return said_of_no_use(secret, activity)
    return f"Not used for {ago_or_in(use.last_used_at, now).removesuffix(' ago')}"


def said_of_no_use(secret: SecretDetails, activity: OwnerActivity) -> str:
    """What is known of a secret that has no recorded use: whether it had one may not be."""
    if activity.counted_since is None:
        return "No use recorded yet"
    if _is_counted_from_birth(secret, activity):
        return "Never used"
    return "Not used since uses are counted"


def _is_counted_from_birth(secret: SecretDetails, activity: OwnerActivity) -> bool:
    since = activity.counted_since
    return since is not None and secret.created_at >= since - _UNCERTAIN


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
