"""Administrators: who may sign in, as what, and since when."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import SelectField, StringField
from wtforms.validators import AnyOf, InputRequired

from signet.models.admin_links import list_open_links
from signet.models.admin_sessions import SessionLimits, list_sessions
from signet.models.admins import ROLES, AdminDetails, find_admin_by_number, list_admins
from signet.operations import admins
from signet.operations.errors import OperationError
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting, current_admin
from signet.views.admin.row_numbers import ROW_NUMBER
from signet.wiring import wiring

bp = Blueprint("admins", __name__, url_prefix="/admins")

ROLE_CHOICES = {role: role.capitalize() for role in ROLES}
#: What stands under the choice of a role.
ROLE_HINT = (
    "An administrator may do everything. An operator changes clients, secrets, scopes and APIs. "
    "A viewer reads and never sees a secret."
)


class RoleForm(AdminForm):
    """What somebody may do."""

    role = SelectField(
        "Role",
        [InputRequired("Choose a role"), AnyOf(ROLES, message="Choose a role")],
        choices=ROLE_CHOICES,
        validate_choice=False,
    )


class DeleteForm(AdminForm):
    """The name, typed, so that nobody deletes the wrong person."""

    confirmation = StringField("Type the name to confirm")


@bp.get("")
def index() -> ResponseReturnValue:
    """All administrators, and the links that nobody has used yet."""
    return render_template(
        "admin/admins/index.html",
        admins=list_admins(),
        links=list_open_links(now=wiring().clock()),
    )


@bp.get(f"/{ROW_NUMBER}")
def show(number: int) -> ResponseReturnValue:
    """One of them, with the sessions, and what can be done."""
    admin = get_admin(number)
    return _page(admin, RoleForm(role=admin.role))


@bp.post(f"/{ROW_NUMBER}/role")
def set_role(number: int) -> ResponseReturnValue:
    """Give somebody another role; they sign in anew."""
    admin, form = get_admin(number), RoleForm()
    if form.validate_on_submit():
        role = form.role.data or ""
        try:
            admins.set_role(admin.name, role, actor=acting(), now=wiring().clock())
        except OperationError as error:
            form.refuse(OperationError(str(error), field=error.field or "role"))
        else:
            flash(f"The role of “{admin.name}” is {role} now.", "success")
            return redirect(url_for(".show", number=number), 303)
    return _page(admin, form), 422


@bp.post(f"/{ROW_NUMBER}/end-sessions")
def end_sessions(number: int) -> ResponseReturnValue:
    """Sign somebody out everywhere."""
    admin = get_admin(number)
    count = admins.end_sessions(admin.name, actor=acting(), now=wiring().clock())
    words = "1 session" if count == 1 else f"{count} sessions"
    flash(f"“{admin.name}” was signed out: {words} ended.", "success")
    return redirect(url_for(".show", number=number), 303)


@bp.get(f"/{ROW_NUMBER}/disable")
def ask_disable(number: int) -> ResponseReturnValue:
    """Say what disabling does, and ask."""
    admin = get_admin(number)
    return render_template("admin/admins/disable.html", admin=admin, is_own=is_own(admin))


@bp.post(f"/{ROW_NUMBER}/disable")
def disable(number: int) -> ResponseReturnValue:
    """Keep somebody from signing in."""
    admin = get_admin(number)
    try:
        admins.disable_admin(admin.name, actor=acting(), now=wiring().clock())
    except OperationError as error:
        flash(f"{error}. Nothing was changed.", "error")
    else:
        flash(f"“{admin.name}” was disabled.", "success")
    return redirect(url_for(".show", number=number), 303)


@bp.post(f"/{ROW_NUMBER}/enable")
def enable(number: int) -> ResponseReturnValue:
    """Let somebody sign in again."""
    admin = get_admin(number)
    admins.enable_admin(admin.name, actor=acting(), now=wiring().clock())
    flash(f"“{admin.name}” was enabled.", "success")
    return redirect(url_for(".show", number=number), 303)


@bp.get(f"/{ROW_NUMBER}/delete")
def ask_delete(number: int) -> ResponseReturnValue:
    """Say what deleting does, and ask for the name."""
    return _delete_page(get_admin(number), DeleteForm())


@bp.post(f"/{ROW_NUMBER}/delete")
def delete(number: int) -> ResponseReturnValue:
    """Remove somebody for good."""
    admin, form = get_admin(number), DeleteForm()
    if (form.confirmation.data or "").strip() != admin.name:
        form.refuse(OperationError(f"Type “{admin.name}” to confirm", field="confirmation"))
        return _delete_page(admin, form), 422
    try:
        admins.delete_admin(admin.name, actor=acting(), now=wiring().clock())
    except OperationError as error:
        form.refuse(error)
        return _delete_page(admin, form), 422
    flash(f"“{admin.name}” was deleted.", "success")
    return redirect(url_for(".index"), 303)


def get_admin(number: int) -> AdminDetails:
    """The admin whom an address names, else the page for what is not there."""
    admin = find_admin_by_number(number)
    if admin is None:
        abort(404)
    return admin


def is_own(admin: AdminDetails) -> bool:
    """Whether it is who sits in front of the page."""
    own = current_admin()
    return own is not None and own.name == admin.name


def _page(admin: AdminDetails, form: RoleForm) -> str:
    parts = wiring()
    limits = SessionLimits(idle=parts.settings.session_idle, longest=parts.settings.session_max)
    return render_template(
        "admin/admins/show.html",
        admin=admin,
        form=form,
        role_hint=ROLE_HINT,
        sessions=list_sessions(admin.name, limits=limits, now=parts.clock()),
        is_own=is_own(admin),
    )


def _delete_page(admin: AdminDetails, form: DeleteForm) -> str:
    return render_template("admin/admins/delete.html", admin=admin, form=form, is_own=is_own(admin))
