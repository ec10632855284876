"""Token requests with an assertion, and what the log says of the answer."""

import json
import time
from dataclasses import dataclass
from typing import Any

import requests

from tests.running import PATIENCE, Server

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: Status and body, whatever was wrong: the reason is for the log alone.
REFUSED = (400, {"error": "invalid_client", "error_description": "Client authentication failed."})


@dataclass(frozen=True)
class Answer:
    """What came, and the line of the request in the server's log."""

    status: int
    json: Any
    logged: dict[str, Any]

    @property
    def outcome(self) -> tuple[int, Any]:
        """Status and body of a refusal, status and scope of a token."""
        return self.status, self.json.get("scope", self.json)

    @property
    def reason(self) -> str | None:
        """Why it was refused, as the log has it."""
        return self.logged.get("reason")


def ask(server: Server, assertion: str, client_id: str | None = None, **parameters: str) -> Answer:
    """Ask for a token with this as ``client_assertion``."""
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": assertion,
        **parameters,
    }
    answer = requests.post(f"{server.base_url}/connect/token", data=form, timeout=PATIENCE)
    request_id = answer.headers["X-Request-Id"]
    return Answer(answer.status_code, answer.json(), _line_of(server, request_id))


def _line_of(server: Server, request_id: str) -> dict[str, Any]:
    """What the log says of a request; a worker writes it a moment later."""
    until = time.monotonic() + PATIENCE
    while True:
        lines = [line for line in log_lines(server) if line.get("request_id") == request_id]
        if lines:
            (line,) = lines
            return line
        assert time.monotonic() < until, "the line of a request is missing"
        time.sleep(0.01)


def log_lines(server: Server) -> list[dict[str, Any]]:
    """All that the server has logged; what is no JSON is gunicorn's."""
    return [json.loads(line) for line in server.log.splitlines() if line.startswith("{")]
