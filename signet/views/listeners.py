"""Which listener a request came by, where the pages have one of their own (``SIGNET_ADMIN_BIND``).

The pages are then served there alone, and the protocol at the other one alone. What says so is the
socket itself: a ``Host`` or ``X-Forwarded-…`` header is whatever the caller likes.
"""

import socket

from flask import Flask, Response, request
from werkzeug.exceptions import NotFound

from signet.settings import Settings
from signet.views.error_edge import answer_http_error

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
        if is_page == _came_by(settings.admin_bind):
            return None
        return answer_http_error(NotFound())

    app.before_request(check_listener)


def _came_by(bind: str) -> bool:
    # Without gunicorn there is no such socket, and nothing is for admins.
    connection = request.environ.get("gunicorn.socket")
    if connection is None:
        return False
    name = connection.getsockname()
    if connection.family == socket.AF_UNIX:
        return bool(bind == f"unix:{name}")
    # The address is the one that was called, not 0.0.0.0; no two listeners share a port.
    return not bind.startswith("unix:") and bind.rpartition(":")[2] == str(name[1])
