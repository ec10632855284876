"""Token revocation — RFC 7009.

An unknown token is answered with success as well (§2.2): what the client wanted, a dead token, is
true. A store that fails is not: then nobody knows.
"""

from datetime import datetime

from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError, OAuth2Request

from signet.oauth.client_authentication import Authenticated, authenticate_client, note_use
from signet.oauth.errors import RefusedClientError
from signet.oauth.introspection import find_live_token
from signet.oauth.jws import required_moment
from signet.oauth.server import ProtocolServer


def revoke(request: OAuth2Request, *, server: ProtocolServer, now: datetime) -> Authenticated:
    """End a token of the client's that asks; returns that client, and what it has proven.

    APIs that ask by introspection hear of it at once; those that check a JWT themselves do not.

    :raises InvalidGrantError: for a live token of another client's, which lives on (§2.1).
    :raises OAuth2Error: if the client is refused, or sends no token.
    """
    try:
        caller = authenticate_client(request, server=server, now=now, fresh=False)
    except RefusedClientError:
        caller = authenticate_client(request, server=server, now=now, fresh=True)
    client_id = caller.client.client_id
    token = request.payload.data.get("token")
    if token is None:
        raise InvalidRequestError("token is missing.")
    note_use(caller, server=server)
    claims = find_live_token(token, server=server, now=now)
    if claims is not None:
        if claims["client_id"] != client_id:
            raise InvalidGrantError("The token was not issued to the client.")
        server.store.revoke_token(claims["jti"], until=required_moment(claims, "exp"))
    return caller
