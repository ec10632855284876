"""Errors as pages: what happened, whether something was changed, what to do."""

from flask import render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import HTTPException

from signet.views.admin.identity import current_admin
from signet.views.admin.rights import LEAST_ROLE
from signet.views.request_log import request_id
from signet.wiring import wiring

_BAD_REQUEST = (
    "The request was not understood",
    "Nothing was changed. Go back, reload the page and send it again.",
)
_TEXTS = {
    404: (
        "Page not found",
        (
            "If you typed the address, check it. If you followed a link, the client may have "
            "been deleted: look in the audit log."
        ),
    ),
    405: ("Page not found", "This address only takes a form. Go back and use the button again."),
    413: ("That was too much", "The form holds more than 64 KiB. Nothing was changed."),
    500: ("Something went wrong on the server", "Nothing was changed."),
}


def answer_page_error(error: HTTPException) -> ResponseReturnValue:
    """The page for an error of HTTP."""
    status = error.code or 500
    title, lead = _words(error, status)
    page = render_template(
        "admin/error.html",
        title=title,
        lead=lead,
        reference=request_id() if status >= 500 else None,
    )
    kept = [header for header in error.get_headers() if header[0] in ("Allow", "Retry-After")]
    return page, status, kept


def _words(error: HTTPException, status: int) -> tuple[str, str]:
    if isinstance(error, CSRFError):
        return (
            "This page was open too long",
            "Nothing was changed. Go back, reload and send again.",
        )
    if status == 403:
        return "You cannot do this", _needed_role()
    if status == 503:
        return "Changes are not possible now", _unavailable()
    return _TEXTS.get(status, _BAD_REQUEST)


def _needed_role() -> str:
    role = LEAST_ROLE.get(request.endpoint or "")
    if current_admin() is None or role is None:
        return "The request came from another site. Nothing was changed."
    return f"It needs the role {role.capitalize()}. Nothing was changed."


def _unavailable() -> str:
    parts = wiring()
    if parts.store.is_ready(parts.clock()):
        return "Signet still issues tokens, but the database does not answer. Nothing was changed."
    return "The database does not answer. Nothing was changed. Try again in a few seconds."
