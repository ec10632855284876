"""What somebody does with a one-time link: become an admin, or get back in.

Looking at it uses nothing up: mail programs and chats open links to show what is behind.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField
from wtforms.validators import InputRequired

from signet.models.admin_links import INVITATION, PASSWORD, SECOND_FACTOR, AdminLink
from signet.operations.admin_links import (
    LinkOverError,
    accept_invitation,
    choose_password,
    drop_second_factor,
    get_open_link,
)
from signet.operations.attempts import ThrottledError
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.passwords import BusyError
from signet.views.admin.errors import refuse_for
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting, current_admin
from signet.wiring import wiring

bp = Blueprint("invitation", __name__, url_prefix="/invitation")

_BUSY = timedelta(seconds=2)


class NewPasswordForm(AdminForm):
    """A password that only its owner knows."""

    password = PasswordField("Password", [InputRequired("Enter a password")])


class OwnPasswordForm(AdminForm):
    """The password that they have."""

    password = PasswordField("Password", [InputRequired("Enter your password")])


@dataclass(frozen=True, slots=True)
class Use:
    """What a kind of link is for."""

    form: type[AdminForm]
    #: Takes the token and the password, gives the name.
    act: Callable[..., str]
    done: str


_USES = {
    INVITATION: Use(NewPasswordForm, accept_invitation, "Your account is ready. Sign in now."),
    PASSWORD: Use(NewPasswordForm, choose_password, "Your new password is set. Sign in now."),
    SECOND_FACTOR: Use(
        OwnPasswordForm,
        drop_second_factor,
        "Your second factor was removed. Sign in now to set up a new one.",
    ),
}


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """Say what the link is for, and ask for a password."""
    try:
        link = get_open_link(token, now=wiring().clock())
    except (NotFoundError, LinkOverError) as error:
        return _over_page(error)
    return _page(link, _USES[link.kind].form(), token)


@bp.post("/<token>")
def accept(token: str) -> ResponseReturnValue:
    """Use the link."""
    now = wiring().clock()
    try:
        link = get_open_link(token, now=now)
        use = _USES[link.kind]
        form = use.form()
        if form.validate_on_submit():
            use.act(token, form.password.data or "", actor=acting(), now=now)
            flash(use.done, "success")
            return redirect(url_for("admin.sign_in.show"), 303)
    except (NotFoundError, LinkOverError) as error:
        return _over_page(error)
    except ThrottledError as error:
        refuse_for(error.wait)
    except BusyError:
        refuse_for(_BUSY)
    except OperationError as error:
        form.refuse(error)
    return _page(link, form, token), 422


def _page(link: AdminLink, form: AdminForm, token: str) -> str:
    return render_template(
        f"admin/invitation/{link.kind}.html",
        link=link,
        form=form,
        token=token,
        here_as=current_admin(),
    )


def _over_page(error: OperationError) -> ResponseReturnValue:
    # The same words: whether there ever was such a link is nothing to whoever has none.
    return render_template("admin/invitation/over.html"), (
        410 if isinstance(error, LinkOverError) else 404
    )
