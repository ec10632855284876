"""Errors as pages: what happened, whether something was changed, what to do."""

import math
from datetime import timedelta
from typing import NoReturn

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from werkzeug.exceptions import Forbidden, HTTPException, NotFound, TooManyRequests

from signet.models.admin_sessions import SessionEndedError
from signet.operations.errors import NotFoundError
from signet.views.exchange import note_for_log, request_id
from signet.wiring import wiring

#: When a password could not be looked at, because many are.
BUSY = timedelta(seconds=2)
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
#: Fields whose values no page repeats, by a part of their name: secrets, and what no person typed.
_NOT_REPEATED = ("password", "secret", "code", "token", "form_number", "version", "next")


def register_errors(bp: Blueprint) -> None:
    """Answer with a page what an operation refuses and a view does not care to explain."""
    bp.register_error_handler(NotFoundError, lambda _: answer_page_error(NotFound()))
    bp.register_error_handler(
        SessionEndedError, lambda _: redirect(url_for("admin.sign_in.show"), 303)
    )


def refuse_for(wait: timedelta) -> NoReturn:
    """End this request: it came too often, and is worth another try after this time."""
    raise TooManyRequests(retry_after=max(1, math.ceil(wait.total_seconds())))


def answer_page_error(error: HTTPException) -> ResponseReturnValue:
    """The page for an error of HTTP."""
    status = error.code or 500
    if isinstance(error, CSRFError | Forbidden):
        note_for_log(reason=error.description)
    title, lead = _words(error, status)
    page = render_template(
        "admin/error.html",
        title=title,
        lead=lead,
        reference=request_id() if status >= 500 else None,
        typed=_typed() if isinstance(error, CSRFError) else (),
    )
    kept = [header for header in error.get_headers() if header[0] in ("Allow", "Retry-After")]
    return page, status, kept


def _words(error: HTTPException, status: int) -> tuple[str, str]:
    if isinstance(error, CSRFError):
        return (
            "This page was open too long",
            "Nothing was changed. Go back, reload and send again.",
        )
    if isinstance(error, TooManyRequests):
        return "Too many attempts", f"Try again in {_wait(error)}. Nothing was changed."
    if status == 403:
        return "You cannot do this", error.description or "Nothing was changed."
    if status == 503:
        return "Changes are not possible now", _unavailable()
    return _TEXTS.get(status, _BAD_REQUEST)


def _wait(error: TooManyRequests) -> str:
    seconds = error.retry_after
    if isinstance(seconds, int) and seconds > 120:
        return f"{math.ceil(seconds / 60)} minutes"
    return "1 second" if seconds == 1 else f"{seconds} seconds"


def _unavailable() -> str:
    parts = wiring()
    if parts.store.is_ready(parts.clock()):
        return "Signet still issues tokens, but the database does not answer. Nothing was changed."
    return "The database does not answer. Nothing was changed. Try again in a few seconds."


def _typed() -> tuple[tuple[str, str], ...]:
    """What was in the form, so that going back costs nobody their typing."""
    return tuple(
        (name.replace("_", " ").capitalize(), ", ".join(values))
        for name, values in request.form.lists()
        if any(values) and not any(part in name for part in _NOT_REPEATED)
    )
