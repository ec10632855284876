"""All that a client of the protocol meets, registered in one place."""

import hashlib
import time

from flask import Flask, abort, request
from werkzeug.routing import Rule

from signet.oauth.dpop import Nonces
from signet.views import probes, well_known
from signet.views.authorization_server import AuthorizationServer
from signet.views.connect import ENDPOINTS
from signet.views.entrance import Entrance
from signet.views.failure_limit import FailureLimit
from signet.views.use_of_credentials import count_uses_in
from signet.wiring import Wiring


def register_protocol(app: Flask, wiring: Wiring) -> None:
    """Serve tokens, metadata, keys and probes."""
    app.before_request(_refuse_doubled_slash)
    wiring.books.add_writer(count_uses_in(wiring.usage))
    settings = wiring.settings
    issuer_path = settings.issuer_path
    server = AuthorizationServer(
        issuer=settings.issuer,
        scope_claim=settings.scope_claim,
        store=wiring.store,
        clock=wiring.clock,
        takes_certificates=bool(settings.client_cert_proxies),
        authorities=wiring.authorities,
        nonces=Nonces(_nonce_key(settings.secret_key)) if settings.dpop_nonce else None,
        failure_limit=FailureLimit(settings.failures_per_minute, monotonic=time.monotonic),
    )
    server.install(app)
    app.wsgi_app = Entrance(app, wiring, server, others=app.wsgi_app)  # type: ignore[method-assign]
    for path in ENDPOINTS:
        # Flask only sees what is not a POST, and answers 405 by what it reads here.
        app.url_map.add(Rule(issuer_path + path, endpoint=path, methods=["POST"]))
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
