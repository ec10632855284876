"""All that a client of the protocol meets, registered in one place."""

import hashlib
import time

from flask import Flask, abort, request

from signet.extensions import csrf
from signet.oauth.dpop import Nonces
from signet.views import connect, probes, well_known
from signet.views.authorization_server import AuthorizationServer
from signet.views.failure_limit import FailureLimit
from signet.views.use_of_credentials import register_use_of_credentials
from signet.wiring import Wiring


def register_protocol(app: Flask, wiring: Wiring) -> None:
    """Serve tokens, metadata, keys and probes."""
    app.before_request(_refuse_doubled_slash)
    register_use_of_credentials(app)
    settings = wiring.settings
    issuer_path = settings.issuer_path
    AuthorizationServer(
        issuer=settings.issuer,
        scope_claim=settings.scope_claim,
        store=wiring.store,
        clock=wiring.clock,
        takes_certificates=bool(settings.client_cert_proxies),
        authorities=wiring.authorities,
        nonces=Nonces(_nonce_key(settings.secret_key)) if settings.dpop_nonce else None,
        failure_limit=FailureLimit(settings.failures_per_minute, monotonic=time.monotonic),
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


def _nonce_key(secret_key: str) -> bytes:
    # Of its own: what signs cookies signs nothing else.
    return hashlib.sha256(f"signet dpop nonce\0{secret_key}".encode()).digest()
