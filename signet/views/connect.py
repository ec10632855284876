"""The endpoints below ``/connect/``: POST only, never redirected."""

from flask import Blueprint, Response, request

from signet.oauth.errors import RefusedClientError
from signet.oauth.metadata import TOKEN_PATH
from signet.views.authorization_server import authorization_server
from signet.views.error_edge import answer_oauth_error
from signet.views.failure_limit import TooManyFailuresError
from signet.views.request_log import loggable_client_id, note_for_log
from signet.views.strict_request import StrictRequest

bp = Blueprint("connect", __name__)


@bp.post(TOKEN_PATH, provide_automatic_options=False)
def token() -> Response:
    """Issue an access token (RFC 6749 §3.2)."""
    token_request = StrictRequest(request)
    try:
        response: Response = authorization_server().create_token_response(token_request)
    finally:
        if token_request.client is not None:
            note_for_log(client_id=token_request.client.client_id)
    return response


@bp.errorhandler(RefusedClientError)
def refuse_client(error: RefusedClientError) -> Response:
    """Answer a failed authentication, or one too many of them."""
    if error.client_id is None:
        return answer_oauth_error(error)
    note_for_log(
        client_id=error.client_id if error.is_known else loggable_client_id(error.client_id)
    )
    wait = authorization_server().failure_limit.count(error.client_id, request.remote_addr or "")
    if wait is None:
        return answer_oauth_error(error)
    return answer_oauth_error(TooManyFailuresError(wait, reason=error.reason))
