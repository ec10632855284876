"""Recovery codes: shown once, and good for nothing before it is proven that they are saved."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import InputRequired

from signet.models.own_account import get_own_account
from signet.operations import recovery_codes
from signet.operations.errors import OperationError
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting, arriving_admin, current_admin
from signet.wiring import wiring

bp = Blueprint("account_codes", __name__, url_prefix="/account/recovery-codes")


class ProofForm(AdminForm):
    """One of the codes that were shown."""

    code = StringField(
        "Type one of them to prove that you have saved them",
        [InputRequired("Enter one of the recovery codes")],
    )


@bp.get("")
def show() -> ResponseReturnValue:
    """Say what they are for, and offer new ones."""
    return _page(ProofForm())


@bp.post("")
def create() -> ResponseReturnValue:
    """Make new ones and show them, this once."""
    codes = recovery_codes.make_recovery_codes(
        arriving_admin().session_id, actor=acting(), now=wiring().clock()
    )
    lines = ["Signet recovery codes", wiring().settings.issuer, arriving_admin().name, "", *codes]
    return render_template(
        "admin/account/new_codes.html",
        form=ProofForm(formdata=None),
        codes=codes,
        file_text="\n".join([*lines, ""]),
    )


@bp.post("/proof")
def prove() -> ResponseReturnValue:
    """Let the new codes count."""
    form = ProofForm()
    if form.validate_on_submit():
        is_arriving = current_admin() is None
        try:
            recovery_codes.prove_recovery_codes(
                arriving_admin().session_id,
                form.code.data or "",
                actor=acting(),
                now=wiring().clock(),
            )
        except OperationError as error:
            form.refuse(error)
        else:
            flash("Your recovery codes work now. Keep them apart from your device.", "success")
            page = "admin.overview.index" if is_arriving else "admin.account.index"
            return redirect(url_for(page), 303)
    return _page(form), 422


def _page(form: ProofForm) -> str:
    account = get_own_account(arriving_admin().session_id)
    return render_template("admin/account/codes.html", form=form, account=account)
