"""What every request to the admin pages passes before its view."""

import re

from flask import abort, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import CSRFProtect

from signet.models.admin_sessions import AdminSession, Stage, note_seen
from signet.views.admin.confirmation import ask_to_confirm, is_confirmed
from signet.views.admin.forms import FILE_FIELDS, MULTIPLE_FIELDS
from signet.views.admin.grave_acts import CONFIRMED
from signet.views.admin.identity import current_admin
from signet.views.admin.rights import (
    LEAST_ROLE,
    NEXT_STEP,
    OPEN_ON_THE_WAY,
    PUBLIC,
    SIGNING_IN,
)
from signet.views.sessions import page_session
from signet.wiring import wiring

csrf = CSRFProtect()

_PLAIN_PATH = re.compile(r"/[A-Za-z0-9._~/?&=%+,:*-]*")
_SAFE_METHODS = ("GET", "HEAD")
_FOREIGN = "The request came from another site. Nothing was changed."


def check_request() -> ResponseReturnValue | None:
    """Refuse what is malformed, foreign, not signed in or beyond the admin's role."""
    _refuse_repeated_fields()
    _refuse_unasked_files()
    if request.method not in _SAFE_METHODS:
        _refuse_foreign_origin()
    if failure := page_session().failure:
        raise failure
    if request.method not in _SAFE_METHODS:
        csrf.protect()
    return lead_or_refuse()


def is_own_path(target: str) -> bool:
    """Whether this leads to a page of ours, so that a link to sign-in cannot send people away."""
    prefix = wiring().settings.issuer_path + "/admin/"
    return (
        target.startswith(prefix)
        and _PLAIN_PATH.fullmatch(target) is not None
        and "//" not in target
        and ".." not in target
    )


def lead_or_refuse() -> ResponseReturnValue | None:
    """What stands between this request and its view: a sign-in, a right, a confirmation."""
    endpoint = request.endpoint or ""
    if LEAST_ROLE.get(endpoint) == PUBLIC:
        return None
    found = page_session().signed_in
    if found is None:
        return redirect(url_for("admin.sign_in.show", next=_here()), 303)
    # Before the view: nothing may touch the database once an operation is done.
    note_seen(found, now=wiring().clock())
    if endpoint == "admin.sign_in.sign_out":
        return None
    if found.stage is not Stage.COMPLETE:
        return _lead_on(found, endpoint)
    if LEAST_ROLE.get(endpoint) == SIGNING_IN:
        return redirect(url_for("admin.overview.index"), 303)
    _refuse_role(LEAST_ROLE.get(endpoint))
    if endpoint in CONFIRMED and not is_confirmed(found):
        return ask_to_confirm(_here())
    return None


def _lead_on(found: AdminSession, endpoint: str) -> ResponseReturnValue | None:
    """Keep a session that is not complete to the one page that is next."""
    if endpoint in OPEN_ON_THE_WAY[found.stage]:
        return None
    target = _here() if found.stage is Stage.SECOND_STEP else None
    return redirect(url_for(NEXT_STEP[found.stage], next=target), 303)


def _refuse_role(least_role: str | None) -> None:
    admin = current_admin()
    if admin is None or least_role is None:
        abort(403, "Nobody may open this page.")
    if not admin.may(least_role):
        abort(403, f"It needs the role {least_role.capitalize()}. Nothing was changed.")


def _here() -> str | None:
    if request.method not in _SAFE_METHODS or request.endpoint == "admin.overview.index":
        return None
    query = request.query_string.decode("latin-1")
    here = f"{request.path}?{query}" if query else request.path
    return here if is_own_path(here) else None


def _refuse_repeated_fields() -> None:
    for values in (request.args, request.form, request.files):
        for name in values:
            if name not in MULTIPLE_FIELDS and len(values.getlist(name)) > 1:
                abort(400)


def _refuse_unasked_files() -> None:
    # A form takes files as it takes texts, and a field of text cannot read one.
    if request.files.keys() - FILE_FIELDS:
        abort(400)


def _refuse_foreign_origin() -> None:
    # A second line behind the CSRF token: browsers say where a form comes from.
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        abort(403, _FOREIGN)
    origin = request.headers.get("Origin")
    if origin is not None and origin not in _own_origins():
        abort(403, _FOREIGN)


def _own_origins() -> tuple[str, ...]:
    # Behind a proxy that changes the Host header, the issuer's origin is ours too; behind one that
    # ends TLS and is not trusted to say so, the scheme of the request is not the browser's.
    issuer = wiring().settings.issuer.removesuffix(wiring().settings.issuer_path)
    return issuer, f"http://{request.host}", f"https://{request.host}"
