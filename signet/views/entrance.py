"""The WSGI application in front of Flask, which serves ``POST /connect/…`` by itself.

Three addresses take one form each and answer JSON. For them Flask's request and response, its
routing, its sessions and its signals cost more than all that Signet does but the signature
(measured), and would be used for nothing. What an endpoint does need of Flask is there: the
context of the app. Whatever else is asked for goes on to Flask, another method at one of these
addresses too.
"""

import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, cast

from authlib.oauth2 import OAuth2Error
from flask import Flask, current_app
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES

from signet.oauth.errors import RefusedClientError
from signet.oauth.store import StoreUnavailableError
from signet.views.answer import Answer
from signet.views.authorization_server import AuthorizationServer
from signet.views.client_certificate import find_client_certificate
from signet.views.connect import ENDPOINTS, Endpoint, refuse_client
from signet.views.error_edge import (
    answer_http_error,
    answer_oauth_error,
    answer_unavailable,
)
from signet.views.exchange import Exchange, begin_exchange, end_exchange
from signet.views.listeners import came_by_admin_listener
from signet.views.request_log import REQUEST_ID
from signet.views.response_headers import headers_of_every_answer
from signet.views.strict_request import StrictRequest
from signet.wiring import Wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_EXTENSION = "signet_entrance"
#: Where a request's exchange can be found by whoever has sent it from within.
EXCHANGE = "signet.exchange"
_STATUS_LINES = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}


class Entrance:
    """Serves the endpoints of the protocol; everything else is served by ``others``."""

    def __init__(
        self,
        app: Flask,
        parts: Wiring,
        server: AuthorizationServer,
        *,
        others: "WSGIApplication",
    ) -> None:
        self._app = app
        self._parts = parts
        self._server = server
        self._others = others
        issuer_path = parts.settings.issuer_path
        self._endpoints = {issuer_path + path: serve for path, serve in ENDPOINTS.items()}
        self._headers = headers_of_every_answer(parts.settings)
        app.extensions[_EXTENSION] = self

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        endpoint = self._endpoints.get(environ["PATH_INFO"])
        if (
            endpoint is None
            or environ["REQUEST_METHOD"] != "POST"
            or came_by_admin_listener(environ, self._parts.settings)
        ):
            return self._others(environ, start_response)
        with self._app.app_context():
            exchange = environ[EXCHANGE] = begin_exchange(environ)
            status, headers, body = self._answer(endpoint, environ, exchange)
            end_exchange(exchange, self._parts, path=environ["PATH_INFO"], status=status)
        headers += [
            ("Content-Length", str(len(body))),
            *self._headers,
            (REQUEST_ID, exchange.request_id),
        ]
        start_response(_STATUS_LINES[status], headers)
        return [body]

    def _answer(self, endpoint: Endpoint, environ: "WSGIEnvironment", exchange: Exchange) -> Answer:
        try:
            certificate = find_client_certificate(environ, self._parts.settings)
            return endpoint(StrictRequest(environ, certificate=certificate), self._server)
        except RefusedClientError as error:
            return refuse_client(error, self._server)
        except OAuth2Error as error:
            return answer_oauth_error(error)
        except HTTPException as error:
            return answer_http_error(error)
        except StoreUnavailableError as error:
            return answer_unavailable(error)
        except Exception:
            log.exception("a request failed", extra={"request_id": exchange.request_id})
            return answer_http_error(InternalServerError())


def entrance() -> Entrance:
    """The entrance of this context's app."""
    return cast(Entrance, current_app.extensions[_EXTENSION])
