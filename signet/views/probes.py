"""Probes: for a load balancer, always at the root, whatever the issuer's path."""

from flask import Blueprint, Response

from signet.views.answer import json_answer
from signet.wiring import wiring

bp = Blueprint("probes", __name__)

_HEADERS = (("Cache-Control", "no-store"),)


@bp.get("/healthz", provide_automatic_options=False)
def healthz() -> Response:
    """Say that this worker is alive, whatever the database does."""
    return json_answer({"status": "alive"}, 200, _HEADERS).to_response()


@bp.get("/readyz", provide_automatic_options=False)
def readyz() -> Response:
    """Say whether this worker can issue tokens: 200, else 503."""
    store = wiring().store
    status_code = 200 if store.is_ready(wiring().clock()) else 503
    body = {"database": "up" if store.is_database_up() else "down"}
    return json_answer(body, status_code, _HEADERS).to_response()
