"""The WSGI application in front of Flask, which serves the protocol by itself.

Its addresses are known beforehand, take one method and answer JSON. For them Flask's request and
response, its routing, its sessions and its signals cost more than all that Signet does but the
signature (measured), and would be used for nothing. Whatever else is asked for goes on to Flask,
another method at one of these addresses too.
"""

import logging
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from authlib.oauth2 import OAuth2Error
from flask import Flask, current_app
from werkzeug.exceptions import HTTPException, InternalServerError
from werkzeug.http import HTTP_STATUS_CODES

from signet.oauth.store import StoreUnavailableError
from signet.views.answer import NOT_MODIFIED, Answer
from signet.views.error_edge import answer_http_error, answer_oauth_error, answer_unavailable
from signet.views.exchange import Exchange, begin_exchange, end_exchange, leave_exchange, request_id
from signet.views.listeners import came_by_admin_listener
from signet.views.request_log import REQUEST_ID
from signet.views.response_headers import headers_of_every_answer
from signet.wiring import Wiring

if TYPE_CHECKING:
    from _typeshed.wsgi import StartResponse, WSGIApplication, WSGIEnvironment

log = logging.getLogger(__name__)

_EXTENSION = "signet_entrance"
_STATUS_LINES = {code: f"{code} {name.upper()}" for code, name in HTTP_STATUS_CODES.items()}


Serve = Callable[["WSGIEnvironment"], Answer]


@dataclass(frozen=True, slots=True)
class Route:
    """What is served at an address."""

    methods: frozenset[str]
    serve: Serve
    #: Also by the listener of the pages, where they have one of their own.
    is_everywhere: bool = False


class Entrance:
    """Serves these routes, by their paths; everything else is served by ``others``."""

    def __init__(
        self,
        app: Flask,
        parts: Wiring,
        routes: Mapping[str, Route],
        *,
        others: "WSGIApplication",
    ) -> None:
        self._parts = parts
        self._routes = routes
        self._others = others
        self._headers = headers_of_every_answer(parts.settings)
        app.extensions[_EXTENSION] = self

    def __call__(
        self, environ: "WSGIEnvironment", start_response: "StartResponse"
    ) -> Iterable[bytes]:
        """Answer a request (PEP 3333)."""
        method = environ["REQUEST_METHOD"]
        route = self._routes.get(environ["PATH_INFO"])
        if route is None or method not in route.methods or self._is_elsewhere(route, environ):
            return self._others(environ, start_response)
        answer, exchange = self._serve(route, environ)
        start_response(_STATUS_LINES[answer.status], self._headers_of(answer, exchange))
        return [answer.body] if method != "HEAD" else []

    def ask(self, environ: "WSGIEnvironment") -> tuple[Answer, Exchange]:
        """The whole answer to a request that Signet sends to itself, and what became known."""
        answer, exchange = self._serve(self._routes[environ["PATH_INFO"]], environ)
        headers = self._headers_of(answer, exchange)
        return Answer(answer.status, headers, answer.body), exchange

    def _serve(self, route: Route, environ: "WSGIEnvironment") -> tuple[Answer, Exchange]:
        exchange, token = begin_exchange(environ)
        try:
            answer = _answer(route, environ)
        finally:
            leave_exchange(token)
        path = environ["PATH_INFO"]
        end_exchange(exchange, self._parts, path=path, status=answer.status)
        return answer, exchange

    def _headers_of(self, answer: Answer, exchange: Exchange) -> list[tuple[str, str]]:
        headers = [*answer.headers, *self._headers, (REQUEST_ID, exchange.request_id)]
        if answer.status != NOT_MODIFIED:
            # There it would be that of the document (RFC 9110 §8.6).
            headers.append(("Content-Length", str(len(answer.body))))
        return headers

    def _is_elsewhere(self, route: Route, environ: "WSGIEnvironment") -> bool:
        return not route.is_everywhere and came_by_admin_listener(environ, self._parts.settings)


def entrance() -> Entrance:
    """The entrance of this context's app."""
    return cast(Entrance, current_app.extensions[_EXTENSION])


def _answer(route: Route, environ: "WSGIEnvironment") -> Answer:
    try:
        return route.serve(environ)
    except OAuth2Error as error:
        return answer_oauth_error(error)
    except HTTPException as error:
        return answer_http_error(error)
    except StoreUnavailableError as error:
        return answer_unavailable(error)
    except Exception:
        log.exception("a request failed", extra={"request_id": request_id()})
        return answer_http_error(InternalServerError())
