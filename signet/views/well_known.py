"""The documents below ``/.well-known/``: metadata (RFC 8414, OIDC Discovery) and keys (RFC 7517).

Public, cacheable, and readable by scripts of any origin.
"""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from signet.oauth.jwks import jwk_set
from signet.oauth.metadata import server_metadata
from signet.oauth.server import JWKS_PATH, ProtocolServer
from signet.views.answer import NOT_MODIFIED, Answer, json_answer

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIEnvironment

#: What is in a document, whoever asks; it says the configured name whatever ``Host`` says.
Document = Callable[[ProtocolServer], dict[str, Any]]

_METADATA = ("openid-configuration", "oauth-authorization-server")
_HEADERS = (("Cache-Control", "public, max-age=3600"), ("Access-Control-Allow-Origin", "*"))


def metadata(server: ProtocolServer) -> dict[str, Any]:
    """What this server offers."""
    return server_metadata(server, now=server.clock())


def jwks(server: ProtocolServer) -> dict[str, Any]:
    """The keys that check the tokens of this server."""
    return jwk_set(server.store.published_keys(server.clock()))


def documents(issuer_path: str) -> Iterator[tuple[str, Document]]:
    """Each address and what is there."""
    for name in _METADATA:
        yield f"{issuer_path}/.well-known/{name}", metadata
        if issuer_path:
            # "inserting a well-known URI string between the host component and the path"
            # — RFC 8414 §3.1
            yield f"/.well-known/{name}{issuer_path}", metadata
    yield issuer_path + JWKS_PATH, jwks
    yield f"{issuer_path}/.well-known/jwks.json", jwks


def serve_document(
    document: Document, server: ProtocolServer, environ: "WSGIEnvironment"
) -> Answer:
    """The document, or that it is what the caller has (RFC 9110 §13)."""
    answer = json_answer(document(server), 200, _HEADERS)
    response = answer.to_response()
    response.add_etag()
    response.make_conditional(environ)
    headers = list(response.get_wsgi_headers(environ).items())
    kept = [header for header in headers if header[0] != "Content-Length"]
    is_known = response.status_code == NOT_MODIFIED
    return Answer(response.status_code, kept, b"" if is_known else answer.body)
