"""Set-up: the first administrator, let in by the code that the server printed.

A second factor and recovery codes come next, then the overview.
"""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField, StringField
from wtforms.validators import InputRequired

from signet.models.admins import has_administrator
from signet.operations.admins import SetupOverError, set_up
from signet.operations.errors import OperationError
from signet.operations.passwords import BusyError
from signet.views.admin.errors import BUSY, refuse_for
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.exchange import note_for_log
from signet.views.sessions import page_session
from signet.wiring import wiring

bp = Blueprint("setup", __name__, url_prefix="/setup")


class SetupForm(AdminForm):
    """Who the first administrator is."""

    code = StringField("Setup code", [InputRequired("Enter the setup code")])
    name = StringField("E-mail", [InputRequired("Enter an e-mail address or a name")])
    password = PasswordField("Password", [InputRequired("Enter a password")])


@bp.get("")
def show() -> ResponseReturnValue:
    """Ask for the code; there is no such page once there is an administrator."""
    _refuse_if_set_up()
    return render_template("admin/setup/show.html", form=SetupForm())


@bp.post("")
def create() -> ResponseReturnValue:
    """Make the first administrator."""
    _refuse_if_set_up()
    form = SetupForm()
    if form.validate_on_submit():
        try:
            session_id = set_up(
                form.code.data or "",
                name=form.name.data or "",
                password=form.password.data or "",
                actor=acting(),
                now=wiring().clock(),
            )
        except SetupOverError:
            abort(404)
        except BusyError:
            refuse_for(BUSY)
        except OperationError as error:
            # Who guesses codes is seen in the log.
            note_for_log(reason=str(error))
            form.refuse(error)
        else:
            page_session().begin(session_id)
            flash("Administrator created.", "success")
            return redirect(url_for("admin.account_totp.show"), 303)
    return render_template("admin/setup/show.html", form=form), 422


def _refuse_if_set_up() -> None:
    if has_administrator():
        abort(404)
