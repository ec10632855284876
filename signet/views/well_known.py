"""The documents below ``/.well-known/``: metadata (RFC 8414, OIDC Discovery) and keys (RFC 7517).

Public, cacheable, and readable by scripts of any origin.
"""

from typing import Any

from flask import Blueprint, Flask, Response, request

from signet.oauth.jwks import jwk_set
from signet.oauth.metadata import server_metadata
from signet.oauth.server import JWKS_PATH
from signet.views.answer import json_answer
from signet.views.authorization_server import authorization_server
from signet.wiring import wiring

bp = Blueprint("well_known", __name__)

DOCUMENTS = ("openid-configuration", "oauth-authorization-server")
_HEADERS = (("Cache-Control", "public, max-age=3600"), ("Access-Control-Allow-Origin", "*"))


@bp.get("/.well-known/openid-configuration", provide_automatic_options=False)
@bp.get("/.well-known/oauth-authorization-server", provide_automatic_options=False)
def metadata() -> Response:
    """Say what this server offers, by its configured name whatever ``Host`` says."""
    return _public(server_metadata(authorization_server(), now=wiring().clock()))


@bp.get(JWKS_PATH, provide_automatic_options=False)
@bp.get("/.well-known/jwks.json", provide_automatic_options=False)
def jwks() -> Response:
    """Give the keys that check the tokens of this server."""
    return _public(jwk_set(wiring().store.published_keys(wiring().clock())))


def register_inserted_paths(app: Flask, issuer_path: str) -> None:
    """Serve the documents of an issuer with a path at the root as well.

    "inserting a well-known URI string between the host component and the path" — RFC 8414 §3.1
    """
    for document in DOCUMENTS:
        app.add_url_rule(
            f"/.well-known/{document}{issuer_path}",
            endpoint=f"{document}-inserted",
            view_func=metadata,
            methods=["GET"],
            provide_automatic_options=False,
        )


def _public(document: dict[str, Any]) -> Response:
    response = json_answer(document, 200, _HEADERS).to_response()
    response.add_etag()
    response.make_conditional(request)
    return response
