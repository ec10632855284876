"""Probes: for a load balancer, always at the root, whatever the issuer's path."""

from typing import TYPE_CHECKING

from signet.views.answer import Answer, json_answer
from signet.wiring import wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

_HEADERS = (("Cache-Control", "no-store"),)


def healthz(_environ: "WSGIEnvironment") -> Answer:
    """Say that this worker is alive, whatever the database does."""
    return json_answer({"status": "alive"}, 200, _HEADERS)


def readyz(_environ: "WSGIEnvironment") -> Answer:
    """Say whether this worker can issue tokens: 200, else 503."""
    parts = wiring()
    status_code = 200 if parts.store.is_ready(parts.clock()) else 503
    body = {"database": "up" if parts.store.is_database_up() else "down"}
    return json_answer(body, status_code, _HEADERS)


PROBES = {"/healthz": healthz, "/readyz": readyz}
