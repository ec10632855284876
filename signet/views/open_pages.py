"""What can be read without signing in: help for those whose secret expires, calendars by link."""

from datetime import timedelta
from functools import partial

import gevent
from flask import Blueprint, Response, abort, render_template
from flask.typing import ResponseReturnValue

from signet.models.calendar_links import is_calendar_token
from signet.models.expiries import list_secret_expiries
from signet.models.signing_keys import list_signing_keys
from signet.oauth.server import HELP_PATH, TOKEN_PATH
from signet.views.calendar_feed import render_calendar
from signet.wiring import wiring

bp = Blueprint("open_pages", __name__)

#: What is over stays in the calendar for so long.
_SHOWN_AFTERWARDS = timedelta(days=30)
#: More than anybody reads, and less than programs refuse.
_MOST_SECRETS = 1_000


@bp.get(HELP_PATH)
def expiring_secret() -> ResponseReturnValue:
    """Say what the headers of a token response mean, and what to do (RFC 8594, RFC 9745)."""
    token_endpoint = wiring().settings.issuer + TOKEN_PATH
    return render_template("help/expiring_secret.html", token_endpoint=token_endpoint)


@bp.get("/calendar/<token>.ics")
def calendar(token: str) -> ResponseReturnValue:
    """Give the calendar of expiries to whoever has the link of an admin."""
    if not is_calendar_token(token):
        abort(404)
    settings, now = wiring().settings, wiring().clock()
    render = partial(
        render_calendar,
        list_secret_expiries(since=now - _SHOWN_AFTERWARDS, limit=_MOST_SECRETS),
        list_signing_keys(),
        issuer=settings.issuer,
        pages_at_issuer=not settings.has_admin_listener,
        environment=settings.environment,
        now=now,
    )
    # A thousand events take most of a second: in a real thread, other requests go on.
    body = gevent.get_hub().threadpool.apply(render)
    response = Response(body, content_type="text/calendar; charset=utf-8")
    response.headers["Content-Disposition"] = 'inline; filename="signet.ics"'
    response.headers["Cache-Control"] = "no-store"
    return response
