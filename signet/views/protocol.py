"""All that a client of the protocol meets, put together."""

import hashlib
import time
from collections.abc import Iterator
from functools import partial
from typing import TYPE_CHECKING, NoReturn

from flask import Flask, abort

from signet.oauth.dpop import Nonces
from signet.oauth.errors import RefusedClientError
from signet.views.answer import Answer
from signet.views.authorization_server import AuthorizationServer
from signet.views.client_certificate import find_client_certificate
from signet.views.connect import ENDPOINTS, Endpoint, refuse_client
from signet.views.entrance import Entrance, Route, Serve
from signet.views.failure_limit import FailureLimit
from signet.views.metrics import Metrics, serve_metrics
from signet.views.probes import PROBES
from signet.views.request_log import write_lines
from signet.views.strict_request import StrictRequest
from signet.views.use_of_credentials import count_uses_in
from signet.views.well_known import documents, serve_document
from signet.wiring import Wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication, WSGIEnvironment

_POST, _GET = frozenset({"POST"}), frozenset({"GET", "HEAD"})


def open_entrance(app: Flask, parts: Wiring, *, others: "WSGIApplication") -> Entrance:
    """Serve tokens, metadata, keys and probes.

    :param others: serves everything else.
    """
    parts.books.add_writer(write_lines)
    parts.books.add_writer(count_uses_in(parts.usage))
    metrics = Metrics(parts.settings.issuer_path, parts.usage)
    # After the use of credentials, which may have lost something.
    parts.books.add_writer(metrics.count)
    server = app.extensions["signet_authorization_server"] = _make_server(parts)
    routes = dict(_routes(app, parts, server, metrics))
    for path, route in routes.items():
        # Flask sees other methods, and answers 405 by what it reads here.
        app.add_url_rule(
            path,
            view_func=_not_found,
            methods=sorted(route.methods),
            provide_automatic_options=False,
        )
    return Entrance(app, parts, routes, others=others)


def _make_server(parts: Wiring) -> AuthorizationServer:
    settings = parts.settings
    return AuthorizationServer(
        issuer=settings.issuer,
        scope_claim=settings.scope_claim,
        store=parts.store,
        clock=parts.clock,
        takes_certificates=bool(settings.client_cert_proxies),
        authorities=parts.authorities,
        nonces=Nonces(_nonce_key(settings.secret_key)) if settings.dpop_nonce else None,
        failure_limit=FailureLimit(settings.failures_per_minute, monotonic=time.monotonic),
    )


def _routes(
    app: Flask, parts: Wiring, server: AuthorizationServer, metrics: Metrics
) -> Iterator[tuple[str, Route]]:
    issuer_path = parts.settings.issuer_path
    for path, endpoint in ENDPOINTS.items():
        serve = partial(_serve_endpoint, endpoint, server, parts)
        yield issuer_path + path, Route(_POST, serve)
    for path, document in documents(issuer_path):
        yield path, Route(_GET, partial(serve_document, document, server))
    for path, probe in PROBES.items():
        yield path, Route(_GET, _in_context(app, probe), is_everywhere=True)
    tell = _in_context(app, partial(serve_metrics, metrics))
    yield "/metrics", Route(_GET, tell, is_everywhere=True)


def _serve_endpoint(
    endpoint: Endpoint, server: AuthorizationServer, parts: Wiring, environ: "WSGIEnvironment"
) -> Answer:
    try:
        certificate = find_client_certificate(environ, parts.settings)
        return endpoint(StrictRequest(environ, certificate=certificate), server)
    except RefusedClientError as error:
        return refuse_client(error, server)


def _in_context(app: Flask, serve: Serve) -> Serve:
    def serve_in_context(environ: "WSGIEnvironment") -> Answer:
        with app.app_context():
            return serve(environ)

    return serve_in_context


def _not_found() -> NoReturn:
    # What the entrance does not take for one of its addresses, but Werkzeug does.
    abort(404)


def _nonce_key(secret_key: str) -> bytes:
    # Of its own: what signs cookies signs nothing else.
    return hashlib.sha256(f"signet dpop nonce\0{secret_key}".encode()).digest()
