"""Signing in, with a password or a passkey, and out. After a password comes the second step."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from signet.models.admins import has_administrator
from signet.operations import sign_in as signing_in
from signet.operations.attempts import ThrottledError
from signet.operations.errors import OperationError
from signet.operations.passwords import BusyError
from signet.operations.second_step import has_second_factor, sign_in_with_passkey
from signet.views.admin.errors import BUSY, refuse_for
from signet.views.admin.forms import AdminForm
from signet.views.admin.gate import is_own_path
from signet.views.admin.identity import acting, arriving_admin, current_admin
from signet.views.admin.passkey_ceremony import PasskeyForm, ask_for_passkey, read_answer
from signet.views.admin.second_step import enter
from signet.views.exchange import note_for_log
from signet.views.sessions import page_session
from signet.wiring import wiring

bp = Blueprint("sign_in", __name__)


class SignInForm(AdminForm):
    """A name and a password."""

    name = StringField("E-mail", [InputRequired("Enter your e-mail address or name")])
    password = PasswordField("Password", [InputRequired("Enter your password")])
    next = HiddenField()


@bp.get("/sign-in")
def show() -> ResponseReturnValue:
    """Ask who it is; on a server without administrator, lead to the set-up."""
    if current_admin() is not None:
        return redirect(url_for("admin.overview.index"), 303)
    if not has_administrator():
        return redirect(url_for("admin.setup.show"), 303)
    return _page(SignInForm(next=request.args.get("next", "")))


@bp.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Begin a session, which opens nothing but the second step or the way to one."""
    form = SignInForm()
    if form.validate_on_submit():
        try:
            return _begin_session(form)
        except signing_in.SignInRefusedError as error:
            form.refuse(error)
        except ThrottledError as error:
            refuse_for(error.wait)
        except BusyError:
            refuse_for(BUSY)
    return _page(form), 422


@bp.post("/sign-in/passkey")
def with_passkey() -> ResponseReturnValue:
    """Sign in by a passkey alone."""
    form = SignInForm(formdata=None, next=request.form.get("next", ""))
    try:
        answer = read_answer(PasskeyForm(), "sign in")
        session_id = sign_in_with_passkey(
            answer.proof, replaces=_replaced(), actor=acting(), now=wiring().clock()
        )
    except OperationError as error:
        note_for_log(reason=str(error))
        form.refuse(error)
        return _page(form), 422
    return enter(session_id, form.next.data)


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session, here and on every worker."""
    admin = arriving_admin()
    signing_in.sign_out(admin.session_id, admin.name, actor=acting(), now=wiring().clock())
    page_session().end()
    answer = redirect(url_for("admin.sign_in.show"), 303)
    # Never "cookies": those of other applications of the domain would go too.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _begin_session(form: SignInForm) -> ResponseReturnValue:
    session_id = signing_in.sign_in(
        form.name.data or "",
        form.password.data or "",
        replaces=_replaced(),
        actor=acting(),
        now=wiring().clock(),
    )
    page_session().begin(session_id)
    if not has_second_factor(session_id):
        return redirect(url_for("admin.account_totp.show"), 303)
    target = form.next.data or ""
    own = target if is_own_path(target) else None
    return redirect(url_for("admin.second_step.show", next=own), 303)


def _replaced() -> str | None:
    found = page_session().signed_in
    return found.session_id if found else None


def _page(form: SignInForm) -> str:
    return render_template("admin/sign_in/show.html", form=form, passkey=ask_for_passkey("sign in"))
