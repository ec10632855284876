"""The token endpoint — RFC 6749 §4.4, §5: the room's first file to read.

Authlib dispatches on ``grant_type`` and turns errors into answers; the steps are ours. What they
need from outside, the store and the time, they ask of the server they run in.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from authlib.oauth2.rfc6749 import InvalidScopeError, OAuth2Request, UnauthorizedClientError
from authlib.oauth2.rfc6749 import grants as authlib_grants

from signet.oauth.access_token import (
    access_token_claims,
    generate_reference_token,
    kept_reference_token,
    sign_access_token,
)
from signet.oauth.client import CLIENT_CREDENTIALS, REFERENCE
from signet.oauth.client_authentication import (
    Authenticated,
    authenticate_client,
    replayed_assertion,
)
from signet.oauth.deprecation import deprecation_headers
from signet.oauth.dpop import InvalidDPoPProofError
from signet.oauth.errors import InvalidTargetError, RefusedClientError
from signet.oauth.jwks import SigningKey
from signet.oauth.refusal import Reason
from signet.oauth.scope import GrantedScope, grant_scope
from signet.oauth.sender import Confirmation, confirm_sender
from signet.oauth.server import ProtocolServer
from signet.oauth.store import Store

_SERVERS_CHOICE = frozenset({None})


@dataclass(frozen=True, slots=True)
class _Decision:
    """What a request has been found to be worth."""

    caller: Authenticated
    granted: GrantedScope
    key: SigningKey
    confirmation: Confirmation


class ClientCredentialsGrant(authlib_grants.ClientCredentialsGrant):
    """A client asks for a token with nothing but its own credentials (RFC 6749 §4.4)."""

    GRANT_TYPE = CLIENT_CREDENTIALS

    def __init__(self, request: OAuth2Request, server: ProtocolServer) -> None:
        super().__init__(request, server)
        self.now: datetime = server.clock()
        self.decision: _Decision | None = None

    def validate_token_request(self) -> None:
        """Authenticate the client and decide what it is granted (§4.4.2).

        :raises OAuth2Error: if the request is refused.
        """
        try:
            caller, granted, key = self._check_request(fresh=False)
        except (
            RefusedClientError,
            UnauthorizedClientError,
            InvalidTargetError,
            InvalidScopeError,
        ):
            # What is known of the client may have changed since: a new secret or scope works at
            # once, so only the database can refuse.
            caller, granted, key = self._check_request(fresh=True)
        confirmation = confirm_sender(self.request, caller.client, server=self.server, now=self.now)
        # Last of all: a request that is refused for anything else has used up nothing.
        self._note_use(caller, confirmation)
        self.decision = _Decision(caller, granted, key, confirmation)

    def create_token_response(self) -> tuple[int, dict[str, Any], list[tuple[str, str]]]:
        """Status, members and headers of the successful answer (§5.1)."""
        assert self.decision is not None, "asked without validate_token_request"
        client, confirmation = self.decision.caller.client, self.decision.confirmation
        granted = self.decision.granted
        claims = access_token_claims(
            client,
            granted,
            issuer=self.server.issuer,
            now=self.now,
            confirmation=confirmation.cnf,
            scope_claim=self.server.scope_claim,
        )
        if client.token_format == REFERENCE:
            access_token = generate_reference_token()
            self.server.store.save_reference_token(kept_reference_token(access_token, claims))
        else:
            access_token = sign_access_token(claims, self.decision.key)
        answer = {
            "access_token": access_token,
            "expires_in": int(client.access_token_lifetime.total_seconds()),
            "token_type": confirmation.token_type,
            "scope": " ".join(granted.names),
        }
        headers = [*self.TOKEN_RESPONSE_HEADER, *confirmation.headers]
        secret = self.decision.caller.credential.secret
        headers += deprecation_headers(secret, issuer=self.server.issuer, now=self.now)
        # "A refresh token SHOULD NOT be included" — §4.4.3
        return 200, answer, headers

    def _check_request(self, *, fresh: bool) -> tuple[Authenticated, GrantedScope, SigningKey]:
        payload = self.request.payload
        # "The authorization server MUST authenticate the client" — §4.4.2
        caller = authenticate_client(self.request, server=self.server, now=self.now, fresh=fresh)
        self.request.client = caller.client
        self.request.credential = caller.credential
        if self.GRANT_TYPE not in caller.client.grant_types:
            raise UnauthorizedClientError("The client may not use this grant type.")
        resources = payload.datalist.get("resource", ())
        granted = grant_scope(caller.client, payload.scope, resources=resources)
        return caller, granted, choose_key(granted, store=self.server.store, now=self.now)

    def _note_use(self, caller: Authenticated, confirmation: Confirmation) -> None:
        notes = [note for note in (caller.credential.note, confirmation.note) if note is not None]
        replayed = self.server.store.remember(notes) if notes else None
        if replayed is None:
            return
        if replayed == caller.credential.note:
            raise replayed_assertion(caller.client)
        raise InvalidDPoPProofError("used before", Reason.DPOP_REPLAYED)


def choose_key(granted: GrantedScope, *, store: Store, now: datetime) -> SigningKey:
    """The key of the algorithm that all APIs of the token take.

    :raises InvalidTargetError: if they take different ones.
    """
    if granted.signing_algs == _SERVERS_CHOICE:
        return store.signing_key(now)
    algs = {alg or store.signing_key(now).alg for alg in granted.signing_algs}
    if len(algs) > 1:
        raise InvalidTargetError(
            "The APIs of these scopes take tokens of different algorithms:"
            " ask for the scopes of one API."
        )
    return store.signing_key(now, algs.pop())


#: What ``grant_type`` may be; a further grant is one file and one line here.
GRANTS: Mapping[str, type[authlib_grants.BaseGrant]] = {CLIENT_CREDENTIALS: ClientCredentialsGrant}
