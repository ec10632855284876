"""Which listener a request came by, where the pages have one of their own (``SIGNET_ADMIN_BIND``).

The pages are then served there alone, and the protocol at the other one alone. What says so is the
socket itself: a ``Host`` or ``X-Forwarded-…`` header is whatever the caller likes.
"""

import socket
from typing import TYPE_CHECKING

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from signet.settings import Settings
from signet.views.error_edge import answer_http_error

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: For whoever watches over Signet, wherever they are.
_PROBES = ("/healthz", "/readyz", "/metrics")


def register_listeners(app: Flask, settings: Settings) -> None:
    """Answer 404 to what came by the wrong listener; only if there are two."""
    if not settings.has_admin_listener:
        return
    home = settings.issuer_path + "/"
    pages, assets = home + "admin/", home + "static/"

    def check_listener() -> Response | None:
        path = request.path
        if path in _PROBES or path.startswith(assets):
            return None
        is_page = path + "/" == home or path == home or (path + "/").startswith(pages)
        if is_page == came_by_admin_listener(request.environ, settings):
            return None
        return answer_http_error(NotFound()).to_response()

    app.before_request(check_listener)


def came_by_admin_listener(environ: "WSGIEnvironment", settings: Settings) -> bool:
    """Whether the pages have a listener of their own, and the request came by it."""
    if not settings.has_admin_listener:
        return False
    # Without gunicorn there is no such socket, and nothing is for admins.
    connection = environ.get("gunicorn.socket")
    if connection is None:
        return False
    bind, name = settings.admin_bind, connection.getsockname()
    if connection.family == socket.AF_UNIX:
        return bool(bind == f"unix:{name}")
    # The address is the one that was called, not 0.0.0.0; no two listeners share a port.
    return not bind.startswith("unix:") and bind.rpartition(":")[2] == str(name[1])
