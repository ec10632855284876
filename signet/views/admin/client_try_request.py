"""A real token request in a client's name, sent to this very app: its own endpoint answers it.

No network is in between, but everything else is: the body is read, the client proves itself, the
token is signed, the request is counted and logged under an id of its own.
"""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlencode

from flask import request
from werkzeug.test import EnvironBuilder

from signet import __version__
from signet.oauth.refusal import Refusal
from signet.oauth.server import TOKEN_PATH
from signet.views.entrance import entrance
from signet.wiring import wiring


@dataclass(frozen=True, slots=True)
class RealAnswer:
    """What a client would have got, and what the log says of it."""

    status_code: int
    status: str
    headers: tuple[tuple[str, str], ...]
    body: str = field(repr=False)
    milliseconds: float
    #: Why it was refused, which no caller is told.
    refusal: Refusal | None

    @property
    def request_id(self) -> str:
        """By which the request is found."""
        return dict(self.headers).get("X-Request-Id", "")


def send_token_request(client_id: str, client_secret: str, scope: str) -> RealAnswer:
    """The answer to a request with this secret, as if the admin's machine had sent it."""
    form = {
        "grant_type": "client_credentials",
        "client_id": client_id,
        "client_secret": client_secret,
    }
    if scope:
        form["scope"] = scope
    return _send(form, request.remote_addr or "")


def _send(form: Mapping[str, str], address: str) -> RealAnswer:
    environ = EnvironBuilder(
        method="POST",
        path=wiring().settings.issuer_path + TOKEN_PATH,
        input_stream=None,
        data=urlencode(form),
        content_type="application/x-www-form-urlencoded",
        environ_base={
            "REMOTE_ADDR": address,
            "HTTP_USER_AGENT": f"Signet/{__version__} (Try it)",
        },
    ).get_environ()
    began = time.perf_counter()
    # Not by way of the proxy's middleware: what it would read of headers is known here.
    answer, exchange = entrance().ask(environ)
    took = (time.perf_counter() - began) * 1000
    return RealAnswer(
        status_code=answer.status,
        status=f"{answer.status} {HTTPStatus(answer.status).phrase}",
        headers=tuple(answer.headers),
        body=answer.body.decode(),
        milliseconds=round(took, 1),
        refusal=exchange.refusal,
    )
