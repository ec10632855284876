"""A small API that guards itself with ``signet.oauth.protected_resource``, and serves by http."""

import json
import secrets
import threading
import urllib.request
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from signet.oauth.dpop import Nonces
from signet.oauth.protected_resource import ProtectedRequest, ProtectedResource, TokenRefusedError
from signet.oauth.public_keys import PublicKey, parse_jwk_set
from signet.oauth.store import ReplayNote


class SampleApi:
    """Answers ``/orders`` with the claims of the token, or 401 with the reason.

    with SampleApi(issuer, "https://api.example.org") as api:
        requests.get(api.url, headers={"Authorization": f"Bearer {token}"})
    """

    def __init__(self, issuer: str, audience: str, *, wants_nonces: bool = False) -> None:
        self._jwks_uri = _get_json(f"{issuer}/.well-known/openid-configuration")["jwks_uri"]
        self._keys: tuple[PublicKey, ...] = ()
        self._used: set[tuple[str, str]] = set()
        self.resource = ProtectedResource(
            issuer=issuer,
            audience=audience,
            find_keys=self._find_keys,
            remember=self._remember,
            nonces=Nonces(secrets.token_bytes(32)) if wants_nonces else None,
        )
        self._server = _Listener(("127.0.0.1", 0), _Connection)
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}/orders"

    def __enter__(self) -> "SampleApi":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _find_keys(self, kid: str | None) -> Sequence[PublicKey]:
        if kid not in {key.kid for key in self._keys}:
            self._keys = parse_jwk_set(_get_json(self._jwks_uri))
        return self._keys

    def _remember(self, note: ReplayNote) -> bool:
        is_new = (note.owner, note.jti) not in self._used
        self._used.add((note.owner, note.jti))
        return is_new


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    api: SampleApi


class _Connection(BaseHTTPRequestHandler):
    timeout = 10
    server: _Listener

    def do_GET(self) -> None:
        api = self.server.api
        request = ProtectedRequest(
            method="GET",
            url=api.url,
            authorization=self.headers.get_all("Authorization", []),
            dpop=self.headers.get_all("DPoP", []),
        )
        try:
            claims = dict(api.resource.check_request(request, now=datetime.now(UTC)))
            self._answer(200, claims)
        except TokenRefusedError as error:
            self._answer(error.status_code, {"reason": str(error)}, error.headers)

    def _answer(self, status: int, document: Any, headers: Sequence[tuple[str, str]] = ()) -> None:
        body = json.dumps(document).encode()
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def handle(self) -> None:
        # A client that has gone.
        with suppress(OSError):
            super().handle()

    def log_message(self, *_: object) -> None:
        pass


def _get_json(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=10) as answer:
        return json.load(answer)
