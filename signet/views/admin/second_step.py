"""The second step of signing in: a code of the app, a recovery code or a passkey."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired

from signet.operations import second_step
from signet.operations.attempts import ThrottledError
from signet.operations.errors import OperationError
from signet.views.admin.errors import refuse_for
from signet.views.admin.forms import AdminForm
from signet.views.admin.gate import is_own_path
from signet.views.admin.identity import acting, arriving_admin
from signet.views.admin.passkey_ceremony import PasskeyForm, ask_for_passkey, read_answer
from signet.views.sessions import page_session
from signet.wiring import wiring

bp = Blueprint("second_step", __name__, url_prefix="/sign-in/second-step")


class CodeForm(AdminForm):
    """A code of the app."""

    code = StringField("Code", [InputRequired("Enter the code that your app shows")])
    next = HiddenField()


class RecoveryForm(AdminForm):
    """A recovery code."""

    code = StringField("Recovery code", [InputRequired("Enter one of your recovery codes")])
    next = HiddenField()


@bp.get("")
def show() -> ResponseReturnValue:
    """Ask for a code or a passkey, whichever there is."""
    return _page(CodeForm(next=request.args.get("next", "")))


@bp.post("")
def check() -> ResponseReturnValue:
    """Go on with a code of the app."""
    form = CodeForm()
    if form.validate_on_submit():
        try:
            session_id = second_step.pass_with_code(
                arriving_admin().session_id,
                form.code.data or "",
                encryption=wiring().encryption,
                actor=acting(),
                now=wiring().clock(),
            )
        except ThrottledError as error:
            refuse_for(error.wait)
        except OperationError as error:
            form.refuse(error)
        else:
            return enter(session_id, form.next.data)
    return _page(form), 422


@bp.get("/recovery-code")
def show_recovery() -> ResponseReturnValue:
    """Ask for a recovery code."""
    return _recovery_page(RecoveryForm(next=request.args.get("next", "")))


@bp.post("/recovery-code")
def recover() -> ResponseReturnValue:
    """Go on with a recovery code, which is used up."""
    form = RecoveryForm()
    if form.validate_on_submit():
        try:
            session_id = second_step.pass_with_recovery_code(
                arriving_admin().session_id,
                form.code.data or "",
                actor=acting(),
                now=wiring().clock(),
            )
        except ThrottledError as error:
            refuse_for(error.wait)
        except OperationError as error:
            form.refuse(error)
        else:
            answer = enter(session_id, form.next.data)
            flash(
                "That recovery code is used up. If you have lost your device, set up another one "
                "under My account and remove the lost one there.",
                "warning",
            )
            return answer
    return _recovery_page(form), 422


@bp.post("/passkey")
def passkey() -> ResponseReturnValue:
    """Go on with a passkey."""
    form = CodeForm(formdata=None, next=request.form.get("next", ""))
    try:
        answer = read_answer(PasskeyForm(), "second step")
        session_id = second_step.pass_with_passkey(
            arriving_admin().session_id, answer.proof, actor=acting(), now=wiring().clock()
        )
    except OperationError as error:
        form.refuse(error)
        return _page(form), 422
    return enter(session_id, form.next.data)


def enter(session_id: str, target: str | None) -> ResponseReturnValue:
    """Go on as signed in, to where the admin wanted to go."""
    page_session().begin(session_id)
    own = target if target and is_own_path(target) else url_for("admin.overview.index")
    return redirect(own, 303)


def _page(form: CodeForm) -> str:
    return render_template(
        "admin/sign_in/second_step.html",
        form=form,
        has_app=second_step.has_app(arriving_admin().session_id),
        passkey=ask_for_passkey("second step", of_session=True),
    )


def _recovery_page(form: RecoveryForm) -> str:
    return render_template("admin/sign_in/recovery_code.html", form=form)
