"""How the protocol's views answer."""

import json
from collections.abc import Iterable
from typing import Any

from flask import Response


def json_response(
    body: dict[str, Any], status_code: int, headers: Iterable[tuple[str, str]]
) -> Response:
    """The body as compact JSON, its members in their order."""
    return Response(
        json.dumps(body, separators=(",", ":")),
        status_code,
        list(headers),
        content_type="application/json",
    )
