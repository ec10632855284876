"""Passkeys of one's own: a new one, the end of one."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from signet.models.own_account import get_own_account
from signet.models.passkeys import PasskeyDetails
from signet.operations import passkeys
from signet.operations.errors import OperationError
from signet.views.admin.account_steps import next_page
from signet.views.admin.identity import acting, arriving_admin
from signet.views.admin.passkey_ceremony import (
    PasskeyForm,
    ask_for_new_passkey,
    read_answer,
    why_no_passkey,
)
from signet.views.admin.row_numbers import ROW_NUMBER
from signet.views.sessions import page_session
from signet.wiring import wiring

bp = Blueprint("account_passkeys", __name__, url_prefix="/account/passkeys")


class NewPasskeyForm(PasskeyForm):
    """What the browser has made, and what to call it."""

    name = StringField("Name", [InputRequired("Enter a name for the passkey")])
    credential = HiddenField()
    challenge = HiddenField()


@bp.get("/new")
def new() -> ResponseReturnValue:
    """Ask the browser for a passkey, or say why there can be none."""
    return _page(NewPasskeyForm())


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Keep what the browser has made."""
    form = NewPasskeyForm()
    if form.validate_on_submit():
        try:
            answer = read_answer(form, "new")
            session_id = passkeys.add_passkey(
                arriving_admin().session_id,
                form.name.data or "",
                answer.proof,
                user_handle=answer.user_handle,
                actor=acting(),
                now=wiring().clock(),
            )
        except OperationError as error:
            form.refuse(error)
        else:
            page_session().begin(session_id)
            flash("The passkey was added.", "success")
            return redirect(next_page(session_id), 303)
    return _page(form), 422


@bp.get(f"/{ROW_NUMBER}/remove")
def ask_remove(number: int) -> ResponseReturnValue:
    """Say what removing does, and ask."""
    return render_template("admin/account/remove_passkey.html", passkey=_get_passkey(number))


@bp.post(f"/{ROW_NUMBER}/remove")
def remove(number: int) -> ResponseReturnValue:
    """Forget a passkey."""
    passkey = _get_passkey(number)
    try:
        passkeys.remove_passkey(
            arriving_admin().session_id, number, actor=acting(), now=wiring().clock()
        )
    except OperationError as error:
        flash(f"{error}. Nothing was changed.", "error")
    else:
        flash(f"The passkey “{passkey.name}” was removed.", "success")
    return redirect(url_for("admin.account.index"), 303)


def _get_passkey(number: int) -> PasskeyDetails:
    for passkey in get_own_account(arriving_admin().session_id).passkeys:
        if passkey.number == number:
            return passkey
    abort(404)


def _page(form: NewPasskeyForm) -> str:
    why_not = why_no_passkey()
    return render_template(
        "admin/account/new_passkey.html",
        form=form,
        why_not=why_not,
        passkey=None if why_not else ask_for_new_passkey(),
    )
