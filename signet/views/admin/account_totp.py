"""Codes of an app: the picture to scan, and the proof that it was scanned."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from signet.models.own_account import get_own_account
from signet.operations import totp
from signet.operations.errors import OperationError
from signet.operations.totp import TotpOffer
from signet.views.admin.account_steps import next_page
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting, arriving_admin
from signet.views.admin.qr_code import draw_qr_code
from signet.views.sessions import page_session
from signet.wiring import wiring

bp = Blueprint("account_totp", __name__, url_prefix="/account/totp")


class TotpForm(AdminForm):
    """A code of the seed that was scanned, and the seed, sealed."""

    sealed = HiddenField()
    code = StringField("Code", [InputRequired("Enter the code that your app shows")])


@bp.get("")
def show() -> ResponseReturnValue:
    """Offer a seed."""
    offer = _new_offer()
    return _page(TotpForm(formdata=None, sealed=offer.sealed), offer)


@bp.post("")
def create() -> ResponseReturnValue:
    """Keep the seed, since the app shows its codes."""
    form, admin = TotpForm(), arriving_admin()
    sealed = form.sealed.data or ""
    if form.validate_on_submit():
        try:
            session_id = totp.set_totp(
                admin.session_id,
                sealed,
                form.code.data or "",
                encryption=wiring().encryption,
                actor=acting(),
                now=wiring().clock(),
            )
        except OperationError as error:
            form.refuse(error)
        else:
            page_session().begin(session_id)
            flash("Your app is set up.", "success")
            return redirect(next_page(session_id), 303)
    try:
        offer = totp.repeat_offer(
            sealed,
            admin.name,
            admin.session_id,
            issuer=_issuer_name(),
            encryption=wiring().encryption,
        )
    except OperationError:
        offer = _new_offer()
        form.sealed.data = offer.sealed
    return _page(form, offer), 422


@bp.post("/remove")
def remove() -> ResponseReturnValue:
    """Forget the seed."""
    try:
        totp.remove_totp(arriving_admin().session_id, actor=acting(), now=wiring().clock())
    except OperationError as error:
        flash(f"{error}. Nothing was changed.", "error")
    else:
        flash("The codes of your app were removed.", "success")
    return redirect(url_for("admin.account.index"), 303)


def _new_offer() -> TotpOffer:
    admin = arriving_admin()
    return totp.offer_totp(
        admin.name, admin.session_id, issuer=_issuer_name(), encryption=wiring().encryption
    )


def _issuer_name() -> str:
    # An admin of two installations has two codes of the same name in the app.
    return f"Signet {wiring().settings.environment}".strip()


def _page(form: TotpForm, offer: TotpOffer) -> str:
    account = get_own_account(arriving_admin().session_id)
    return render_template(
        "admin/account/totp.html",
        form=form,
        offer=offer,
        picture=draw_qr_code(offer.uri),
        replaces=account.app_added_at is not None,
    )
