"""The endpoints below ``/connect/``: POST only, never redirected."""

from collections.abc import Callable, Mapping

from authlib.oauth2 import OAuth2Error
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from signet.oauth.errors import RefusedClientError
from signet.oauth.introspection import SIGNED_ANSWER, introspect, sign_introspection
from signet.oauth.revocation import revoke
from signet.oauth.server import INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH
from signet.views.answer import JSON, NO_STORE, Answer, json_answer
from signet.views.authorization_server import AuthorizationServer
from signet.views.error_edge import answer_oauth_error
from signet.views.exchange import (
    current_exchange,
    note_client,
    note_for_log,
    note_served,
    note_unknown_client,
)
from signet.views.failure_limit import TooManyFailuresError
from signet.views.request_log import loggable_client_id
from signet.views.strict_request import StrictRequest

Endpoint = Callable[[StrictRequest, AuthorizationServer], Answer]


def token(request: StrictRequest, server: AuthorizationServer) -> Answer:
    """Issue an access token (RFC 6749 §3.2)."""
    try:
        answer: Answer = server.create_token_response(request)
    except OAuth2Error:
        if request.client is not None:
            note_client(request.client.client_id)
        raise
    assert request.client is not None and request.credential is not None
    note_served(request.client.client_id, request.credential, "token")
    return answer


def introspection(request: StrictRequest, server: AuthorizationServer) -> Answer:
    """Say whether a token counts, and for what (RFC 7662); signed if wished (RFC 9701)."""
    now = server.clock()
    introspected = introspect(request, server=server, now=now)
    note_served(introspected.caller_id, introspected.credential, "introspection")
    if introspected.reason is not None:
        note_for_log(reason=introspected.reason)
    if not _wishes_signed_answer(request):
        return json_answer(introspected.answer, 200, NO_STORE)
    signed = sign_introspection(introspected, server=server, now=now)
    return Answer(200, [("Content-Type", SIGNED_ANSWER), *NO_STORE], signed.encode())


def revocation(request: StrictRequest, server: AuthorizationServer) -> Answer:
    """End a token of the client's (RFC 7009)."""
    caller = revoke(request, server=server, now=server.clock())
    note_served(caller.client.client_id, caller.credential, "revocation")
    return Answer(200, [JSON, *NO_STORE], b"")


#: Below the issuer.
ENDPOINTS: Mapping[str, Endpoint] = {
    TOKEN_PATH: token,
    INTROSPECTION_PATH: introspection,
    REVOCATION_PATH: revocation,
}


def refuse_client(error: RefusedClientError, server: AuthorizationServer) -> Answer:
    """Answer a failed authentication, or one too many of them."""
    if error.client_id is None:
        return answer_oauth_error(error)
    if error.is_known:
        note_client(error.client_id)
    else:
        note_unknown_client(loggable_client_id(error.client_id))
    wait = server.failure_limit.count(error.client_id, current_exchange().address or "")
    if wait is None:
        return answer_oauth_error(error)
    return answer_oauth_error(TooManyFailuresError(wait, error.refusal))


def _wishes_signed_answer(request: StrictRequest) -> bool:
    # Whoever takes anything gets JSON, which comes first.
    accepted = parse_accept_header(request.headers.get("Accept"), MIMEAccept)
    return accepted.best_match(("application/json", SIGNED_ANSWER)) == SIGNED_ANSWER
