"""Signing in and out."""

from datetime import timedelta

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, PasswordField, StringField
from wtforms.validators import InputRequired

from signet.models.admins import has_administrator
from signet.operations import sign_in as signing_in
from signet.operations.passwords import BusyError
from signet.views.admin.errors import refuse_for
from signet.views.admin.forms import AdminForm
from signet.views.admin.gate import is_own_path
from signet.views.admin.identity import acting, current_admin
from signet.views.sessions import page_session
from signet.wiring import wiring

bp = Blueprint("sign_in", __name__)

_BUSY = timedelta(seconds=2)


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
    form = SignInForm(next=request.args.get("next", ""))
    return render_template("admin/sign_in/show.html", form=form)


@bp.post("/sign-in")
def sign_in() -> ResponseReturnValue:
    """Begin a session."""
    form = SignInForm()
    if form.validate_on_submit():
        try:
            return _begin_session(form)
        except signing_in.SignInRefusedError as error:
            form.refuse(error)
        except signing_in.ThrottledError as error:
            refuse_for(error.wait)
        except BusyError:
            refuse_for(_BUSY)
    return render_template("admin/sign_in/show.html", form=form), 422


@bp.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session, here and on every worker."""
    admin = current_admin()
    assert admin is not None  # the gate lets nobody else in
    signing_in.sign_out(admin.session_id, admin.name, actor=acting(), now=wiring().clock())
    page_session().end()
    answer = redirect(url_for("admin.sign_in.show"), 303)
    # Never "cookies": those of other applications of the domain would go too.
    answer.headers["Clear-Site-Data"] = '"cache", "storage"'
    return answer


def _begin_session(form: SignInForm) -> ResponseReturnValue:
    replaced = current_admin()
    session_id = signing_in.sign_in(
        form.name.data or "",
        form.password.data or "",
        replaces=replaced.session_id if replaced else None,
        actor=acting(),
        now=wiring().clock(),
    )
    page_session().begin(session_id)
    target = form.next.data or ""
    return redirect(target if is_own_path(target) else url_for("admin.overview.index"), 303)
