"""The endpoints below ``/connect/``: POST only, never redirected."""

from collections.abc import Callable
from functools import partial

from authlib.oauth2 import OAuth2Error
from flask import Blueprint, Response, request

from signet.oauth.errors import RefusedClientError
from signet.oauth.introspection import SIGNED_ANSWER, introspect, sign_introspection
from signet.oauth.revocation import revoke
from signet.oauth.server import INTROSPECTION_PATH, REVOCATION_PATH, TOKEN_PATH
from signet.views.authorization_server import authorization_server
from signet.views.client_certificate import find_client_certificate
from signet.views.error_edge import answer_oauth_error
from signet.views.failure_limit import TooManyFailuresError
from signet.views.json_response import json_response
from signet.views.request_log import loggable_client_id, note_for_log
from signet.views.strict_request import StrictRequest
from signet.views.use_of_credentials import note_client, note_served, note_unknown_client
from signet.wiring import wiring

bp = Blueprint("connect", __name__)
post: Callable[..., Callable[..., Callable[..., Response]]] = partial(
    bp.post, provide_automatic_options=False
)

_NO_STORE = (("Cache-Control", "no-store"), ("Pragma", "no-cache"))


@post(TOKEN_PATH)
def token() -> Response:
    """Issue an access token (RFC 6749 §3.2)."""
    token_request = _read_request()
    try:
        response: Response = authorization_server().create_token_response(token_request)
    except OAuth2Error:
        if token_request.client is not None:
            note_client(token_request.client.client_id)
        raise
    assert token_request.client is not None and token_request.credential is not None
    note_served(token_request.client.client_id, token_request.credential, "token")
    return response


@post(INTROSPECTION_PATH)
def introspection() -> Response:
    """Say whether a token counts, and for what (RFC 7662); signed if wished (RFC 9701)."""
    server, now = authorization_server(), wiring().clock()
    introspected = introspect(_read_request(), server=server, now=now)
    note_served(introspected.caller_id, introspected.credential, "introspection")
    if introspected.reason is not None:
        note_for_log(reason=introspected.reason)
    if not _wishes_signed_answer():
        return json_response(dict(introspected.answer), 200, _NO_STORE)
    signed = sign_introspection(introspected, server=server, now=now)
    return Response(signed, 200, list(_NO_STORE), content_type=SIGNED_ANSWER)


@post(REVOCATION_PATH)
def revocation() -> Response:
    """End a token of the client's (RFC 7009)."""
    caller = revoke(_read_request(), server=authorization_server(), now=wiring().clock())
    note_served(caller.client.client_id, caller.credential, "revocation")
    return Response(b"", 200, list(_NO_STORE), content_type="application/json")


@bp.errorhandler(RefusedClientError)
def refuse_client(error: RefusedClientError) -> Response:
    """Answer a failed authentication, or one too many of them."""
    if error.client_id is None:
        return answer_oauth_error(error)
    if error.is_known:
        note_client(error.client_id)
    else:
        note_unknown_client(loggable_client_id(error.client_id))
    wait = authorization_server().failure_limit.count(error.client_id, request.remote_addr or "")
    if wait is None:
        return answer_oauth_error(error)
    return answer_oauth_error(TooManyFailuresError(wait, error.refusal))


def _read_request() -> StrictRequest:
    certificate = find_client_certificate(request, wiring().settings)
    return StrictRequest(request, certificate=certificate)


def _wishes_signed_answer() -> bool:
    # Whoever takes anything gets JSON, which comes first.
    accepted = request.accept_mimetypes
    return accepted.best_match(("application/json", SIGNED_ANSWER)) == SIGNED_ANSWER
