"""How the protocol's views answer: as a plain value, which Flask or WSGI sends."""

import json
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from flask import Response

NOT_MODIFIED = 304
JSON = ("Content-Type", "application/json")
#: "The authorization server MUST include the HTTP "Cache-Control" response header field with a
#: value of "no-store" … as well as the "Pragma" response header field" — RFC 6749 §5.1
NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))

_encode = json.JSONEncoder(separators=(",", ":")).encode


class Answer(NamedTuple):
    """Status, headers and body; who sends it adds what every answer has."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def to_response(self) -> Response:
        """The same for Flask."""
        return Response(self.body, self.status, self.headers)


def json_answer(body: Mapping[str, Any], status: int, headers: Iterable[tuple[str, str]]) -> Answer:
    """The body as compact JSON, its members in their order."""
    others = [header for header in headers if header[0] != "Content-Type"]
    return Answer(status, [JSON, *others], _encode(body).encode())
