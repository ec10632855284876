"""One-time links that an administrator makes and hands over; each is shown once.

There is no mail server. A link begins with the configured issuer, whatever the request says.
"""

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import RadioField, StringField
from wtforms.validators import AnyOf, InputRequired

from signet.models.admin_links import PASSWORD, SECOND_FACTOR
from signet.models.admins import ADMINISTRATOR, OPERATOR, ROLES, VIEWER
from signet.operations import admin_links
from signet.operations.admin_links import IssuedLink, link_url
from signet.operations.errors import NotFoundError, OperationError
from signet.views.admin.admins import ROLE_CHOICES, get_admin, is_own
from signet.views.admin.forms import (
    AdminForm,
    claim_form_number,
    new_form_number,
    release_form_number,
)
from signet.views.admin.identity import acting
from signet.views.admin.row_numbers import ROW_NUMBER
from signet.wiring import wiring

bp = Blueprint("admin_links", __name__, url_prefix="/admins")

_ROLE_HINTS = {
    ADMINISTRATOR: "May do everything",
    OPERATOR: "Changes clients, secrets, scopes and APIs",
    VIEWER: "Reads, and never sees a secret",
}


class InviteForm(AdminForm):
    """Whom to invite, and as what."""

    name = StringField("E-mail", [InputRequired("Enter an e-mail address or a name")])
    role = RadioField(
        "Role",
        [InputRequired("Choose a role"), AnyOf(ROLES, message="Choose a role")],
        choices=ROLE_CHOICES,
        validate_choice=False,
    )


@bp.get("/invite")
def new() -> ResponseReturnValue:
    """Ask whom to invite."""
    return _invite_page(InviteForm(role=VIEWER))


@bp.post("/invite")
def create() -> ResponseReturnValue:
    """Make an invitation and show its link, this once."""
    form = InviteForm()
    if form.validate_on_submit():
        name, role = form.name.data or "", form.role.data or ""
        try:
            return _issue(
                lambda: admin_links.invite(name, role=role, actor=acting(), now=wiring().clock()),
                leave_url=url_for("admin.admins.index"),
                role=role,
            )
        except OperationError as error:
            form.refuse(error)
    return _invite_page(form), 422


@bp.get(f"/{ROW_NUMBER}/password-link")
def ask_password(number: int) -> ResponseReturnValue:
    """Say what a link for a new password does, and ask."""
    return _ask_page(number, PASSWORD)


@bp.post(f"/{ROW_NUMBER}/password-link")
def password(number: int) -> ResponseReturnValue:
    """Make a link for a new password and show it, this once."""
    return _make(number, admin_links.make_password_link)


@bp.get(f"/{ROW_NUMBER}/second-factor-link")
def ask_second_factor(number: int) -> ResponseReturnValue:
    """Say what a link for another second factor does, and ask."""
    return _ask_page(number, SECOND_FACTOR)


@bp.post(f"/{ROW_NUMBER}/second-factor-link")
def second_factor(number: int) -> ResponseReturnValue:
    """Make a link for another second factor and show it, this once."""
    return _make(number, admin_links.make_second_factor_link)


@bp.post(f"/links/{ROW_NUMBER}/withdraw")
def withdraw(number: int) -> ResponseReturnValue:
    """End a link that nobody has used yet."""
    admin_links.withdraw_link(number, actor=acting(), now=wiring().clock())
    flash("The link was withdrawn: it does not work any more.", "success")
    return redirect(url_for("admin.admins.index"), 303)


def _make(number: int, make_link: Callable[..., IssuedLink]) -> ResponseReturnValue:
    admin = get_admin(number)
    page = url_for("admin.admins.show", number=number)
    try:
        return _issue(
            lambda: make_link(admin.name, actor=acting(), now=wiring().clock()), leave_url=page
        )
    except NotFoundError:
        raise
    except OperationError as error:
        flash(f"{error}. Nothing was changed.", "error")
        return redirect(page, 303)


def _issue(
    make: Callable[[], IssuedLink], *, leave_url: str, role: str = ""
) -> ResponseReturnValue:
    if not claim_form_number():
        return render_template("admin/admins/already_shown.html", leave_url=leave_url), 409
    try:
        issued = make()
    except OperationError:
        release_form_number()
        raise
    settings = wiring().settings
    return render_template(
        "admin/admins/link.html",
        issued=issued,
        link=link_url(settings.issuer, issued.token),
        issuer=settings.issuer,
        has_admin_listener=settings.has_admin_listener,
        leave_url=leave_url,
        role=role,
    )


def _ask_page(number: int, kind: str) -> ResponseReturnValue:
    admin = get_admin(number)
    return render_template(
        "admin/admins/make_link.html",
        admin=admin,
        kind=kind,
        is_own=is_own(admin),
        form_number=new_form_number(),
    )


def _invite_page(form: InviteForm) -> str:
    return render_template(
        "admin/admins/invite.html",
        form=form,
        role_hints=_ROLE_HINTS,
        form_number=new_form_number(),
    )
