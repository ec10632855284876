"""A small API that takes the tokens of a Signet, bound ones too: the example of docs/api-owners.md.

What is checked of a token and its proof is in ``signet.oauth.protected_resource``. An API adds what
only it knows: where the issuer's keys are, which proofs it has seen, what its routes are for.
"""

import hashlib
import json
import ssl
import threading
import time
import urllib.request
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from flask import Flask, Response, abort, request

from signet.oauth.protected_resource import (
    ProtectedRequest,
    ProtectedResource,
    TokenRefusedError,
)
from signet.oauth.public_keys import PublicKey, parse_jwk_set
from signet.oauth.store import ReplayNote

#: In seconds.
A_MINUTE, A_DAY = 60.0, 86_400.0
#: Proofs that are remembered at a time, of 32 bytes each.
MOST_PROOFS = 100_000


class IssuerKeys:
    """The public keys of an issuer, found by its metadata, and read again once a day."""

    def __init__(self, issuer: str, *, tls: ssl.SSLContext | None = None) -> None:
        self._issuer = issuer
        self._tls = tls
        self._keys: tuple[PublicKey, ...] = ()
        self._read_at = float("-inf")

    def find(self, kid: str | None) -> Sequence[PublicKey]:
        """The keys, with the one of this name if the issuer publishes it."""
        age = time.monotonic() - self._read_at
        is_known = kid in {key.kid for key in self._keys}
        # A key that is new is read at once, but anybody can send a token that names some key.
        if age > A_DAY or (age > A_MINUTE and not is_known):
            metadata = self._get(f"{self._issuer}/.well-known/openid-configuration")
            self._keys = parse_jwk_set(self._get(metadata["jwks_uri"]))
            self._read_at = time.monotonic()
        return self._keys

    def _get(self, url: str) -> Any:
        with urllib.request.urlopen(url, timeout=5, context=self._tls) as answer:
            return json.load(answer)


class UsedProofs:
    """The proofs that were used, as long as they could be used again: about a minute.

    For an API of one process. Several need a memory that they share, such as a table with a unique
    key or a cache that sets a name only if it is free.
    """

    def __init__(self, most: int = MOST_PROOFS) -> None:
        self._most = most
        self._until: OrderedDict[bytes, datetime] = OrderedDict()
        self._lock = threading.Lock()

    def remember(self, note: ReplayNote) -> bool:
        """Note a proof as used and say whether it was new; if there is no room, it was not."""
        use = hashlib.sha256(f"{note.owner} {note.jti}".encode()).digest()
        with self._lock:
            self._forget(datetime.now(UTC))
            if use in self._until or len(self._until) >= self._most:
                return False
            self._until[use] = note.until
            return True

    def _forget(self, now: datetime) -> None:
        while self._until and next(iter(self._until.values())) <= now:
            self._until.popitem(last=False)


def protect(issuer: str, audience: str, *, tls: ssl.SSLContext | None = None) -> ProtectedResource:
    """The check of an API that goes by the name of ``audience``."""
    return ProtectedResource(
        issuer=issuer,
        audience=audience,
        find_keys=IssuerKeys(issuer, tls=tls).find,
        remember=UsedProofs().remember,
    )


def create_api(resource: ProtectedResource, base_url: str) -> Flask:
    """The API itself: one route.

    :param base_url: where clients reach it. A proof names the address of the request, and nobody
        but the API can say what that is: ``Host`` is what the caller has written.
    """
    api = Flask("orders")

    def claims_of_request(*, scope: str) -> Mapping[str, Any]:
        sent = ProtectedRequest(
            method=request.method,
            url=base_url + request.path,
            authorization=request.headers.getlist("Authorization"),
            dpop=request.headers.getlist("DPoP"),
        )
        claims = resource.check_request(sent, now=datetime.now(UTC))
        if scope not in claims["scope"].split():
            abort(403)
        return claims

    @api.get("/orders")
    def orders() -> dict[str, str]:
        return {"client_id": claims_of_request(scope="orders.read")["client_id"]}

    @api.errorhandler(TokenRefusedError)
    def refuse(error: TokenRefusedError) -> Response:
        api.logger.info("refused: %s", error)
        return Response(status=error.status_code, headers=list(error.headers))

    return api
