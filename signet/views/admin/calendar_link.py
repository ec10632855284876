"""The link to the calendar of expiries, a part of My account: made and shown once, revoked."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.operations.calendar_links import (
    calendar_url,
    make_calendar_link,
    revoke_calendar_link,
)
from signet.operations.errors import OperationError
from signet.views.admin.forms import claim_form_number
from signet.views.admin.identity import acting
from signet.wiring import wiring

bp = Blueprint("calendar_link", __name__, url_prefix="/account/calendar")


@bp.post("")
def create() -> ResponseReturnValue:
    """Make a link and show it, this once; an older one ends."""
    leave_url = url_for("admin.account.index")
    if not claim_form_number():
        return render_template("admin/admins/already_shown.html", leave_url=leave_url), 409
    actor = acting()
    token = make_calendar_link(actor.name, actor=actor, now=wiring().clock())
    return render_template(
        "admin/account/calendar_link.html",
        link=calendar_url(wiring().settings.issuer, token),
        leave_url=leave_url,
    )


@bp.post("/revoke")
def revoke() -> ResponseReturnValue:
    """End the link."""
    actor = acting()
    try:
        revoke_calendar_link(actor.name, actor=actor, now=wiring().clock())
    except OperationError as error:
        flash(f"{error}. Nothing was changed.", "error")
    else:
        flash("The calendar link was revoked: it shows nothing any more.", "success")
    return redirect(url_for("admin.account.index"), 303)
