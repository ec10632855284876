"""The token endpoint — RFC 6749 §4.4, §5: the room's first file to read.

Authlib dispatches on ``grant_type`` and turns errors into answers; the steps are ours. What they
need from outside, the store and the time, they ask of the server they run in.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Protocol

from authlib.oauth2.rfc6749 import InvalidScopeError, OAuth2Request, UnauthorizedClientError
from authlib.oauth2.rfc6749 import grants as authlib_grants

from signet.oauth.access_token import issue_access_token
from signet.oauth.client import CLIENT_CREDENTIALS
from signet.oauth.client_authentication import authenticate_client
from signet.oauth.errors import RefusedClientError
from signet.oauth.scope import GrantedScope, grant_scope
from signet.oauth.store import Store


class TokenServer(Protocol):
    """What a grant asks of the server it runs in."""

    issuer: str
    store: Store
    #: The time now, in UTC.
    clock: Callable[[], datetime]
    #: How the ``scope`` claim is written: ``string`` or ``array``.
    scope_claim: str


class ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):
    """A client asks for a token with nothing but its own credentials (RFC 6749 §4.4)."""

    GRANT_TYPE = CLIENT_CREDENTIALS

    def __init__(self, request: OAuth2Request, server: TokenServer) -> None:
        super().__init__(request, server)
        self.now = server.clock()
        self.granted = GrantedScope((), ())

    def validate_token_request(self) -> None:
        """Authenticate the client and decide what it is granted (§4.4.2).

        :raises OAuth2Error: if the request is refused.
        """
        try:
            self._check_request(fresh=False)
        except (RefusedClientError, UnauthorizedClientError, InvalidScopeError):
            # What is known of the client may have changed since: a new secret or scope works at
            # once, so only the database can refuse.
            self._check_request(fresh=True)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Status, members and headers of the successful answer (§5.1)."""
        client = self.request.client
        access_token = issue_access_token(
            client,
            self.granted,
            issuer=self.server.issuer,
            key=self.server.store.signing_key(self.now),
            now=self.now,
            scope_claim=self.server.scope_claim,
        )
        answer = {
            "access_token": access_token,
            "expires_in": int(client.access_token_lifetime.total_seconds()),
            "token_type": "Bearer",
            "scope": " ".join(self.granted.names),
        }
        # "A refresh token SHOULD NOT be included" — §4.4.3
        return 200, answer, self.TOKEN_RESPONSE_HEADER

    def _check_request(self, *, fresh: bool) -> None:
        payload = self.request.payload
        # "The authorization server MUST authenticate the client" — §4.4.2
        client = authenticate_client(
            self.request, store=self.server.store, now=self.now, fresh=fresh
        )
        self.request.client = client
        if self.GRANT_TYPE not in client.grant_types:
            raise UnauthorizedClientError("The client may not use this grant type.")
        resources = payload.datalist.get("resource", ())
        self.granted = grant_scope(client, payload.scope, resources=resources)


#: What ``grant_type`` may be; a further grant is one file and one line here.
GRANTS: Mapping[str, type[authlib_grants.BaseGrant]] = {CLIENT_CREDENTIALS: ClientCredentialsGrant}
