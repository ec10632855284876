"""A warning in the answer itself — RFC 8594 ``Sunset``, RFC 9745 ``Deprecation``.

A client whose secret is about to end reads it in each token response, long before it fails.
"""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from urllib.parse import urlsplit

from signet.oauth.client import ClientSecret
from signet.oauth.server import HELP_PATH

#: A secret with less than this left is on its way out.
EXPIRES_SOON = timedelta(days=30)


def deprecated_since(secret: ClientSecret) -> datetime | None:
    """Since or from when the secret is on its way out: replaced, or with 30 days left."""
    if secret.expires_at is None:
        return None
    if secret.replaced_at is not None:
        # Its end was brought forward then, so that what is left says nothing of the time before.
        return secret.replaced_at
    begins = secret.expires_at - EXPIRES_SOON
    return begins if secret.created_at is None else max(begins, secret.created_at)


def deprecation_headers(
    secret: ClientSecret | None, *, issuer: str, now: datetime
) -> list[tuple[str, str]]:
    """The headers of a token response that was had with this secret; none if it lasts."""
    since = deprecated_since(secret) if secret is not None else None
    if secret is None or secret.expires_at is None or since is None or since > now:
        return []
    return [
        # "an HTTP-date timestamp" — RFC 8594 §3
        ("Sunset", format_datetime(secret.expires_at.astimezone(UTC), usegmt=True)),
        # "a Date, … Section 3.3.7 of RFC 9651" — RFC 9745 §2.1
        ("Deprecation", f"@{int(since.timestamp())}"),
        ("Link", f'<{urlsplit(issuer).path}{HELP_PATH}>; rel="sunset"'),
    ]
