"""All that a client of the protocol meets, registered in one place."""

import time

from flask import Flask, abort, request

from signet.extensions import csrf
from signet.views import connect, probes, well_known
from signet.views.authorization_server import AuthorizationServer
from signet.views.failure_limit import FailureLimit
from signet.wiring import Wiring


def register_protocol(app: Flask, wiring: Wiring) -> None:
    """Serve tokens, metadata, keys and probes."""
    app.before_request(_refuse_doubled_slash)
    issuer_path = wiring.settings.issuer_path
    AuthorizationServer(
        issuer=wiring.settings.issuer,
        scope_claim=wiring.settings.scope_claim,
        store=wiring.store,
        clock=wiring.clock,
        failure_limit=FailureLimit(wiring.settings.failures_per_minute, monotonic=time.monotonic),
    ).install(app)
    app.register_blueprint(connect.bp, url_prefix=issuer_path)
    # Clients prove who they are in each request; there is no cookie that another site could use.
    csrf.exempt(connect.bp)
    app.register_blueprint(well_known.bp, url_prefix=issuer_path)
    if issuer_path:
        well_known.register_inserted_paths(app, issuer_path)
    app.register_blueprint(probes.bp)


def _refuse_doubled_slash() -> None:
    # Werkzeug takes ``//connect/token`` for ``/connect/token``; a rule in a proxy may not.
    if request.environ["PATH_INFO"].startswith("//"):
        abort(404)
