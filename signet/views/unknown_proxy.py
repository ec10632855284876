"""Proxies that nobody configured: whose word on a caller's address counts for nothing.

Behind one, every caller seems to come from the proxy, often from the loopback address.
"""

import logging
from threading import Lock

from flask import Flask, request
from werkzeug import Request

from signet.settings import Settings

log = logging.getLogger(__name__)


def register_unknown_proxy(app: Flask, settings: Settings) -> None:
    """Warn once in each worker of a request that came by a proxy nobody configured."""
    if settings.trusted_proxies:
        return
    # Whoever gets it first warns; nobody gives it back.
    unwarned = Lock()

    def warn() -> None:
        if _is_forwarded(request) and unwarned.acquire(blocking=False):
            log.warning(
                "a proxy that nobody configured: SIGNET_TRUSTED_PROXIES is 0",
                extra={"client_address": request.remote_addr},
            )

    app.before_request(warn)


def is_address_known(request: Request, trusted_proxies: int) -> bool:
    """Whether the address of a request is the caller's, and not that of some proxy."""
    forwarded_for = request.headers.get("X-Forwarded-For")
    if forwarded_for is None:
        return not any(header in request.headers for header in ("Forwarded", "Via", "X-Real-IP"))
    # With fewer hops than were configured the address is still the last proxy's.
    return 0 < trusted_proxies <= len(forwarded_for.split(","))


def _is_forwarded(request: Request) -> bool:
    # One look in a dictionary each: this stands on the path of every request.
    environ = request.environ
    return "HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ
