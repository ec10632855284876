"""Client authentication — RFC 6749 §2.3: which method, then one check.

The method is the one the client is registered for; nothing falls back to another. A further
method is one file that offers credentials like ``client_secret.py``, and one line in METHODS.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from authlib.oauth2.rfc6749 import InvalidRequestError, OAuth2Request

from signet.oauth.client import CLIENT_SECRET_BASIC, Client, ClientSecret
from signet.oauth.client_secret import read_basic, read_body, uses_basic, uses_body
from signet.oauth.errors import RefusedClientError
from signet.oauth.store import Store


class Credentials(Protocol):
    """What was presented: who it is said to be, and whether that is proven."""

    @property
    def client_id(self) -> str:
        """The client that the caller claims to be."""
        ...

    @property
    def by_header(self) -> bool:
        """Whether they came in the ``Authorization`` header."""
        ...

    @property
    def registered_method(self) -> str:
        """The ``token_endpoint_auth_method`` of the clients that may use them."""
        ...

    def refusal(self, client: Client, *, now: datetime) -> str | None:
        """Why they do not authenticate the client, for the log; ``None`` if they do."""
        ...


@dataclass(frozen=True, slots=True)
class Method:
    """A way to authenticate: whether a request tries it, and the credentials it then holds."""

    is_used: Callable[[OAuth2Request], bool]
    read: Callable[[OAuth2Request], Credentials]


#: By their names in the metadata (RFC 8414 §2).
METHODS: Mapping[str, Method] = {
    CLIENT_SECRET_BASIC: Method(uses_basic, read_basic),
    "client_secret_post": Method(uses_body, read_body),
}

#: Checked in place of a client that does not exist, so that a refusal takes the same work.
_NOBODY = Client(client_id="", secrets=(ClientSecret(secret_id="", digest="v1:" + "0" * 64),))


def authenticate_client(
    request: OAuth2Request, *, store: Store, now: datetime, fresh: bool
) -> Client:
    """The client that the request proves to come from.

    :param fresh: ask the database, whatever snapshot is at hand.
    :raises InvalidRequestError: if more than one mechanism is used.
    :raises RefusedClientError: for everything else, with the true reason for the log.
    """
    credentials = _presented_credentials(request)
    client = store.find_client(credentials.client_id, fresh=fresh)
    proof_refusal = credentials.refusal(client or _NOBODY, now=now)
    if client is None:
        reason: str | None = "unknown client"
    elif not client.enabled:
        reason = "disabled client"
    elif client.token_endpoint_auth_method != credentials.registered_method:
        reason = "not the method the client is registered for"
    else:
        reason = proof_refusal
    if client is None or reason is not None:
        raise RefusedClientError(
            str(reason),
            by_header=credentials.by_header,
            client_id=credentials.client_id,
            is_known=client is not None,
        )
    return client


def _presented_credentials(request: OAuth2Request) -> Credentials:
    used = [method for method in METHODS.values() if method.is_used(request)]
    # An assertion is a mechanism too (RFC 7521 §4.2), although no client is registered for one.
    mechanisms = len(used) + ("client_assertion" in request.payload.data)
    # "The client MUST NOT use more than one authentication method in each request" — §2.3
    if mechanisms > 1:
        raise InvalidRequestError("More than one client authentication mechanism is used.")
    if not used:
        raise RefusedClientError("no credentials", by_header=False)
    return used[0].read(request)
