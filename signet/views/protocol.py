"""All that a client of the protocol meets, registered in one place."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from flask import Flask

from signet.extensions import csrf
from signet.settings import Settings
from signet.views import connect, probes, well_known
from signet.views.authorization_server import AuthorizationServer
from signet.views.failure_limit import FailureLimit
from signet.views.wiring import EXTENSION, ServedStore, Wiring


def utc_now() -> datetime:
    """The time now, in UTC."""
    return datetime.now(UTC)


def register_protocol(
    app: Flask,
    settings: Settings,
    store: ServedStore,
    *,
    clock: Callable[[], datetime] = utc_now,
) -> None:
    """Serve tokens, metadata, keys and probes."""
    app.extensions[EXTENSION] = Wiring(
        settings=settings,
        store=store,
        clock=clock,
        server=AuthorizationServer(
            issuer=settings.issuer, scope_claim=settings.scope_claim, store=store, clock=clock
        ),
        failure_limit=FailureLimit(settings.failures_per_minute, monotonic=time.monotonic),
    )
    app.register_blueprint(connect.bp, url_prefix=settings.issuer_path)
    # Authenticated by itself, not by a cookie.
    csrf.exempt(connect.bp)
    app.register_blueprint(well_known.bp, url_prefix=settings.issuer_path)
    if settings.issuer_path:
        well_known.register_inserted_paths(app, settings.issuer_path)
    app.register_blueprint(probes.bp)
