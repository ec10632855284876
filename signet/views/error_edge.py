"""The error edge: whatever goes wrong below ``/connect/`` and ``/.well-known/`` is JSON.

Nothing there is an HTML page, and nothing repeats what the caller sent. All other paths belong to
the pages, which answer their errors themselves.
"""

from collections.abc import Callable

from authlib.consts import default_json_headers
from authlib.oauth2 import OAuth2Error
from flask import Flask, request
from flask.typing import ResponseReturnValue
from werkzeug.exceptions import HTTPException, ServiceUnavailable

from signet.oauth.refusal import Reason, Refusal, refusal_of
from signet.oauth.store import StoreUnavailableError
from signet.views.answer import Answer, json_answer
from signet.views.exchange import note_for_log, note_refused

#: Seconds after which a failing database is worth another try.
RETRY_AFTER = 5

PREFIXES = ("/connect/", "/.well-known/")

#: ``error`` and ``error_description`` by status; any other is that of a bad request.
_ERRORS = {
    404: ("not_found", "There is nothing at this address."),
    405: ("invalid_request", "The method is not allowed here."),
    413: ("invalid_request", "The body is too large."),
    429: ("temporarily_unavailable", "There are too many requests."),
    500: ("server_error", "Something went wrong on the server."),
    503: ("temporarily_unavailable", "The server cannot answer now."),
}
_KNOWN = frozenset(Reason)
_BAD_REQUEST = ("invalid_request", "The request is malformed.")


def register_error_edge(
    app: Flask,
    *,
    issuer_path: str,
    answer_page_error: Callable[[HTTPException], ResponseReturnValue],
) -> None:
    """Have every error of the app answered.

    :param answer_page_error: answers the errors of all other paths, a failing database as 503.
    """
    protocol_paths = (*PREFIXES, *(issuer_path + prefix for prefix in PREFIXES))

    def answer(error: HTTPException) -> ResponseReturnValue:
        if request.path.startswith(protocol_paths):
            return answer_http_error(error).to_response()
        return answer_page_error(error)

    def answer_failing_store(error: StoreUnavailableError) -> ResponseReturnValue:
        return answer(_unavailable(error))

    app.register_error_handler(HTTPException, answer)
    app.register_error_handler(StoreUnavailableError, answer_failing_store)


def answer_oauth_error(error: OAuth2Error) -> Answer:
    """A refusal of the protocol, as its RFC words it."""
    note_refused(error.error, refusal_of(error))
    status_code, body, headers = error()
    return json_answer(body, status_code, headers)


def answer_http_error(error: HTTPException) -> Answer:
    """An error of HTTP in the form of the protocol's errors (RFC 6749 §5.2)."""
    status_code = error.code or 500
    name, description = _ERRORS.get(status_code, _BAD_REQUEST)
    note_refused(name, _refusal(name, description, error))
    kept = [header for header in error.get_headers() if header[0] in ("Allow", "Retry-After")]
    body = {"error": name, "error_description": description}
    return json_answer(body, status_code, [*default_json_headers, *kept])


def answer_unavailable(error: StoreUnavailableError) -> Answer:
    """That the store cannot say now, and when it is worth another try."""
    return answer_http_error(_unavailable(error))


def _unavailable(error: StoreUnavailableError) -> ServiceUnavailable:
    note_for_log(reason=str(error))
    unavailable = ServiceUnavailable(retry_after=RETRY_AFTER)
    unavailable.__cause__ = error
    return unavailable


def _refusal(name: str, description: str, error: HTTPException) -> Refusal:
    # A failing database says more for the log than for the caller.
    text = (
        str(error.__cause__) if isinstance(error.__cause__, StoreUnavailableError) else description
    )
    return Refusal(Reason(name) if name in _KNOWN else Reason.OTHER, text)
