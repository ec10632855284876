"""One line in the log for each request, and the id by which it is found.

The line says what happened, the true reason of a refusal included, and holds no secret, no token
and no query string. Views add what they know with :func:`note_for_log`.
"""

import logging
import re
import secrets
import time

from flask import Flask, Response, g, request

from signet.json_log import without_token
from signet.oauth.client import SECRET_PREFIX

log = logging.getLogger("signet.request")

REQUEST_ID = "X-Request-Id"
_LONGEST_PATH = 200
_SHORTEST_SECRET = 40


def register_request_log(app: Flask) -> None:
    """Give every answer of the app its id, and the log a line. First of all hooks."""
    app.before_request(_begin)
    app.after_request(_end)


def note_for_log(**facts: str | None) -> None:
    """Add facts to this request's line; a later one of the same name counts."""
    g.setdefault("log_facts", {}).update(facts)


def seconds_so_far() -> float:
    """How long this request has taken."""
    return time.perf_counter() - float(g.began)


def request_id() -> str:
    """The id of this request, also for an error page to show."""
    return str(g.request_id)


def loggable_client_id(client_id: str) -> str | None:
    """What may be logged of a client id that nobody has.

    People paste a secret, or anything else, where the id belongs.
    """
    # A space or a line break around it is worth seeing: that may be why nobody has it.
    name = client_id.strip()
    if not re.fullmatch(r"[A-Za-z0-9._-]{3,100}", name) or SECRET_PREFIX in name.lower():
        return None
    # A secret that was damaged where it begins; no name is so long in one piece.
    if any(len(piece) >= _SHORTEST_SECRET for piece in re.split(r"[._-]", name)):
        return None
    return client_id


def _begin() -> None:
    # Our own, never the caller's: an id that is found in the log cannot have been planted.
    g.request_id = secrets.token_hex(12)
    g.began = time.perf_counter()


def _end(response: Response) -> Response:
    response.headers[REQUEST_ID] = g.request_id
    if response.status_code >= 500:
        level = logging.ERROR
    else:
        level = logging.WARNING if response.status_code >= 400 else logging.INFO
    facts = {
        "request_id": g.request_id,
        "method": request.method,
        "path": _loggable_path()[:_LONGEST_PATH],
        "status": response.status_code,
        "duration_ms": round(seconds_so_far() * 1000, 1),
        "client_address": request.remote_addr,
    }
    log.log(level, "request", extra={**facts, **g.get("log_facts", {})})
    return response


def _loggable_path() -> str:
    if request.url_rule is not None:
        has_token = "token" in (request.view_args or {})
        return without_token(request.path) if has_token else request.path
    # Nothing is there, so it is whatever somebody has pasted into an address.
    path = re.sub(rf"{SECRET_PREFIX}[^/]*|[^/]{{40,}}", "<redacted>", request.path)
    return without_token(path)
