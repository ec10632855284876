"""What every request to the admin pages passes before its view."""

import re
from urllib.parse import urlsplit

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue

from signet.extensions import csrf
from signet.models.admin_sessions import note_seen
from signet.views.admin.forms import MULTIPLE_FIELDS
from signet.views.admin.identity import current_admin
from signet.views.admin.rights import LEAST_ROLE, PUBLIC
from signet.views.sessions import page_session
from signet.wiring import wiring

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._~/?&=%+,:-]*")
_SAFE_METHODS = ("GET", "HEAD")


def check_request() -> ResponseReturnValue | None:
    """Refuse what is malformed, foreign, not signed in or beyond the admin's role."""
    _refuse_repeated_fields()
    if request.method not in _SAFE_METHODS:
        _refuse_foreign_origin()
    if page_session().unavailable:
        abort(503)
    least_role = LEAST_ROLE.get(request.endpoint or "")
    if request.method not in _SAFE_METHODS:
        csrf.protect()
    if least_role == PUBLIC:
        return None
    admin = current_admin()
    if admin is None:
        return redirect(url_for("admin.sign_in.show", next=_here()), 303)
    if least_role is None or not admin.may(least_role):
        abort(403)
    found = page_session().signed_in
    if found is not None:
        # Before the view: nothing may touch the database once an operation is done.
        note_seen(found, now=wiring().clock())
    return None


def is_own_path(target: str) -> bool:
    """Whether this leads to a page of ours, so that a link to sign-in cannot send people away."""
    prefix = wiring().settings.issuer_path + "/admin/"
    return (
        target.startswith(prefix)
        and _PLAIN_PATH.fullmatch(target) is not None
        and "//" not in target
        and ".." not in target
    )


def _here() -> str | None:
    if request.method not in _SAFE_METHODS or request.endpoint == "admin.overview.index":
        return None
    return request.full_path.rstrip("?")


def _refuse_repeated_fields() -> None:
    for values in (request.args, request.form):
        for name in values:
            if name not in MULTIPLE_FIELDS and len(values.getlist(name)) > 1:
                abort(400)


def _refuse_foreign_origin() -> None:
    # A second line behind the CSRF token: browsers say where a form comes from.
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403)
    origin = request.headers.get("Origin")
    if origin is None or urlsplit(origin).netloc == request.host:
        return
    # Behind a proxy that changes the Host header, the issuer's host is ours too.
    issuer = urlsplit(wiring().settings.issuer)
    if origin != f"{issuer.scheme}://{issuer.netloc}":
        abort(403)
