"""The page that asks again who acts, before something grave."""

import math
from dataclasses import replace
from urllib.parse import urlsplit

from flask import Blueprint, current_app, flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from signet.operations.attempts import ThrottledError
from signet.operations.errors import OperationError
from signet.operations.own_account import confirm_with_passkey, confirm_with_password
from signet.operations.passwords import BusyError
from signet.views.admin import gate
from signet.views.admin.confirmation import (
    Act,
    ConfirmForm,
    act_at,
    confirm_page,
    is_confirmed,
    kept_fields,
)
from signet.views.admin.identity import acting, arriving_admin
from signet.views.admin.passkey_ceremony import PasskeyForm, read_answer
from signet.views.sessions import page_session
from signet.wiring import wiring

bp = Blueprint("confirm", __name__, url_prefix="/confirm")


@bp.get("")
def show() -> ResponseReturnValue:
    """Ask, unless it was proved a short while ago."""
    target = request.args.get("next", "")
    act = act_at(target) if gate.is_own_path(target) else None
    if act is None:
        return redirect(url_for("admin.overview.index"), 303)
    found = page_session().signed_in
    if found is not None and is_confirmed(found):
        return redirect(target, 303)
    return confirm_page(act, ConfirmForm(), sent=False)


@bp.post("")
def with_password() -> ResponseReturnValue:
    """Go on with the password."""
    act, form = _act(), ConfirmForm()
    if act is None:
        return redirect(url_for("admin.overview.index"), 303)
    status, headers = 422, {}
    if form.validate_on_submit():
        try:
            confirm_with_password(
                arriving_admin().session_id,
                form.confirm_password.data or "",
                actor=acting(),
                now=wiring().clock(),
            )
        except (ThrottledError, BusyError) as error:
            # On this page, and not on one of its own, so that what was typed is not lost.
            wait = math.ceil(error.wait.total_seconds()) if isinstance(error, ThrottledError) else 2
            status, headers = 429, {"Retry-After": str(wait)}
            form.refuse(OperationError(f"Too many attempts: try again in {wait} s"))
        except OperationError as error:
            form.refuse(error)
        else:
            return _go_on(act)
    return confirm_page(act, form, fields=kept_fields(), sent=_was_sent()), status, headers


@bp.post("/passkey")
def with_passkey() -> ResponseReturnValue:
    """Go on with a passkey."""
    act, form = _act(), ConfirmForm(formdata=None)
    if act is None:
        return redirect(url_for("admin.overview.index"), 303)
    try:
        answer = read_answer(PasskeyForm(), "confirm")
        confirm_with_passkey(arriving_admin().session_id, answer.proof, now=wiring().clock())
    except OperationError as error:
        form.refuse(error)
        return confirm_page(act, form, fields=kept_fields(), sent=_was_sent()), 422
    return _go_on(act)


def _act() -> Act | None:
    target = request.form.get("confirm_next", "")
    if not gate.is_own_path(target):
        return None
    return act_at(target, request.form.get("confirm_for", ""))


def _was_sent() -> bool:
    return "confirm_sent" in request.form


def _go_on(act: Act) -> ResponseReturnValue:
    target = request.form["confirm_next"]
    if _was_sent():
        flash("Confirmed. Nothing was sent yet: send it now.", "info")
    if not kept_fields():
        return redirect(target, 303)
    return _open_filled_in(target)


def _open_filled_in(target: str) -> ResponseReturnValue:
    """The page at this address as a GET shows it, but with the fields of this request in its form.

    Forms take what they show out of the request, so nothing needs to be kept anywhere.
    """
    session, now = page_session(), wiring().clock()
    if session.signed_in is not None:
        session.signed_in = replace(session.signed_in, confirmed_at=now)
    adapter = current_app.url_map.bind("")
    rule, arguments = adapter.match(urlsplit(target).path, method="GET", return_rule=True)
    request.url_rule, request.view_args = rule, dict(arguments)
    refusal = gate.lead_or_refuse()
    if refusal is not None:
        return refusal
    view = current_app.view_functions[rule.endpoint]
    answer: ResponseReturnValue = current_app.ensure_sync(view)(**arguments)
    return answer
