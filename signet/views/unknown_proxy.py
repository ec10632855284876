"""Proxies that nobody configured: whose word on a caller's address counts for nothing.

Behind one, every caller seems to come from the proxy, often from the loopback address.
"""

import logging
from collections.abc import Iterable
from threading import Lock
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_OF_PROXIES = ("HTTP_FORWARDED", "HTTP_VIA", "HTTP_X_REAL_IP")


def warn_of_unknown_proxy(served: "WSGIApplication") -> "WSGIApplication":
    """The same application; it warns once in each worker of a request that came by a proxy."""
    # Whoever gets it first warns; nobody gives it back.
    unwarned = Lock()

    def look(environ: "WSGIEnvironment", start_response: "StartResponse") -> Iterable[bytes]:
        # One look in a dictionary each: this stands on the path of every request.
        is_forwarded = "HTTP_X_FORWARDED_FOR" in environ or "HTTP_FORWARDED" in environ
        if is_forwarded and unwarned.acquire(blocking=False):
            log.warning(
                "a proxy that nobody configured: SIGNET_TRUSTED_PROXIES is 0",
                extra={"client_address": environ.get("REMOTE_ADDR")},
            )
        return served(environ, start_response)

    return look


def is_address_known(environ: "WSGIEnvironment", trusted_proxies: int) -> bool:
    """Whether the address of a request is the caller's, and not that of some proxy."""
    forwarded_for = environ.get("HTTP_X_FORWARDED_FOR")
    if forwarded_for is None:
        return not any(name in environ for name in _OF_PROXIES)
    # With fewer hops than were configured the address is still the last proxy's.
    return 0 < trusted_proxies <= len(forwarded_for.split(","))
