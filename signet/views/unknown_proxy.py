"""Proxies that nobody configured: whose word on a caller's address counts for nothing.

Behind one, every caller seems to come from the proxy, often from the loopback address.
"""

import logging
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

from flask import Flask
from werkzeug import Request

from signet.settings import Settings

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIEnvironment

log = logging.getLogger(__name__)


def register_unknown_proxy(app: Flask, settings: Settings) -> None:
    """Warn once in each worker of a request that came by a proxy nobody configured."""
    if settings.trusted_proxies:
        return
    # Whoever gets it first warns; nobody gives it back.
    unwarned = Lock()
    served = app.wsgi_app

    def look(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # One look in a dictionary each: this stands on the path of every request.
        is_forwarded = "HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ
        if is_forwarded and unwarned.acquire(blocking=False):
            log.warning(
                "a proxy that nobody configured: SIGNET_TRUSTED_PROXIES is 0",
                extra={"client_address": environ.get("REMOTE_ADDR")},
            )
        return served(environ, start_response)

    app.wsgi_app = look  # type: ignore[method-assign]


def is_address_known(request: Request, trusted_proxies: int) -> bool:
    """Whether the address of a request is the caller's, and not that of some proxy."""
    forwarded_for = request.headers.get("X-Forwarded-For")
    if forwarded_for is None:
        return not any(header in request.headers for header in ("Forwarded", "Via", "X-Real-IP"))
    # With fewer hops than were configured the address is still the last proxy's.
    return 0 < trusted_proxies <= len(forwarded_for.split(","))
