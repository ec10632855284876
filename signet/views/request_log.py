"""One line in the log for each request, and the id by which it is found.

The line says what happened, the true reason of a refusal included, and holds no secret, no token
and no query string.
"""

import logging
import re
from collections.abc import Sequence

from flask import Flask, Response, request

from signet.json_log import BATCH, Line, without_token
from signet.oauth.client import SECRET_PREFIX
from signet.views.exchange import Exchange, begin_exchange, current_exchange, end_exchange
from signet.wiring import Wiring

log = logging.getLogger("signet.request")

REQUEST_ID = "X-Request-Id"
_LONGEST_PATH = 200
_SHORTEST_SECRET = 40
#: By the status of the answer.
_LEVELS = {
    logging.INFO: range(400),
    logging.WARNING: range(400, 500),
    logging.ERROR: range(500, 1000),
}


def register_request_log(app: Flask, parts: Wiring) -> None:
    """Give every answer of the app its id, and the log a line. First of all hooks."""

    def begin() -> None:
        # Nobody leaves it: the next request of this greenlet begins its own.
        begin_exchange(request.environ)

    def end(response: Response) -> Response:
        exchange = current_exchange()
        response.headers[REQUEST_ID] = exchange.request_id
        path = _loggable_path()[:_LONGEST_PATH]
        end_exchange(exchange, parts, path=path, status=response.status_code)
        return response

    app.before_request(begin)
    app.after_request(end)


def write_lines(exchanges: Sequence[Exchange]) -> None:
    """Write a line for each of these exchanges, those of one level together."""
    for level, of_this_level in _LEVELS.items():
        lines = [_line_of(exchange) for exchange in exchanges if exchange.status in of_this_level]
        if lines:
            log.log(level, "request", extra={BATCH: lines})


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


def _line_of(exchange: Exchange) -> Line:
    facts = {
        "request_id": exchange.request_id,
        "method": exchange.method,
        "path": exchange.path,
        "status": exchange.status,
        "duration_ms": round(exchange.seconds * 1000, 1),
        "client_address": exchange.address,
        **exchange.log_facts,
    }
    return exchange.ended_at, facts


def _loggable_path() -> str:
    if request.url_rule is not None:
        has_token = "token" in (request.view_args or {})
        return without_token(request.path) if has_token else request.path
    # Nothing is there, so it is whatever somebody has pasted into an address.
    path = re.sub(rf"{SECRET_PREFIX}[^/]*|[^/]{{40,}}", "<redacted>", request.path)
    return without_token(path)
