"""My account: second factors, password, sessions, and how the pages look."""

import re

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import PasswordField, RadioField
from wtforms.validators import InputRequired

from signet.models.admin_sessions import SessionLimits, list_sessions, session_key
from signet.models.calendar_links import find_calendar_link
from signet.models.own_account import get_own_account
from signet.operations import own_account
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.passwords import BusyError
from signet.views.admin.errors import BUSY, refuse_for
from signet.views.admin.forms import AdminForm, new_form_number
from signet.views.admin.identity import acting, arriving_admin
from signet.views.sessions import THEMES, page_session, theme_of
from signet.wiring import wiring

bp = Blueprint("account", __name__, url_prefix="/account")

#: In this order: a browser claims to be those that came before it as well.
_BROWSERS = (("Edg", "Edge"), ("OPR", "Opera"), ("Firefox", "Firefox"), ("Chrome", "Chrome"))
_SYSTEMS = (
    *(("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad")),
    *(("Windows", "Windows"), ("Mac OS", "macOS"), ("Linux", "Linux")),
)


class PasswordForm(AdminForm):
    """Another password."""

    password = PasswordField("New password", [InputRequired("Enter a new password")])


class ThemeForm(AdminForm):
    """How the pages look in this browser."""

    theme = RadioField(
        "How the pages look in this browser",
        choices={"": "System", "light": "Light", "dark": "Dark"},
        validate_choice=False,
    )


@bp.get("")
def index() -> ResponseReturnValue:
    """All that belongs to whoever looks at it."""
    admin, parts = arriving_admin(), wiring()
    limits = SessionLimits(idle=parts.settings.session_idle, longest=parts.settings.session_max)
    return render_template(
        "admin/account/index.html",
        account=get_own_account(admin.session_id),
        sessions=list_sessions(admin.name, limits=limits, now=parts.clock()),
        this_session=session_key(admin.session_id),
        browser_of=browser_of,
        theme_form=ThemeForm(theme=theme_of(request)),
        calendar_since=find_calendar_link(admin.name),
        calendar_form_number=new_form_number(),
    )


@bp.get("/password")
def password() -> ResponseReturnValue:
    """Ask for another password."""
    return render_template("admin/account/password.html", form=PasswordForm())


@bp.post("/password")
def change_password() -> ResponseReturnValue:
    """Change it, and end the other sessions."""
    form = PasswordForm()
    if form.validate_on_submit():
        try:
            session_id = own_account.change_password(
                arriving_admin().session_id,
                form.password.data or "",
                actor=acting(),
                now=wiring().clock(),
            )
        except BusyError:
            refuse_for(BUSY)
        except OperationError as error:
            form.refuse(error)
        else:
            page_session().begin(session_id)
            flash("Your password was changed, and your other sessions have ended.", "success")
            return redirect(url_for("admin.account.index"), 303)
    return render_template("admin/account/password.html", form=form), 422


@bp.post("/sessions/end")
def end_session() -> ResponseReturnValue:
    """End one session of one's own."""
    key = request.form.get("session", "")
    try:
        own_account.end_own_session(
            arriving_admin().session_id, key, actor=acting(), now=wiring().clock()
        )
    except NotFoundError:
        abort(404)
    flash("The session was ended.", "success")
    return redirect(url_for("admin.account.index"), 303)


@bp.post("/sessions/end-others")
def end_others() -> ResponseReturnValue:
    """End all of one's own sessions but this one."""
    ended = own_account.end_other_sessions(
        arriving_admin().session_id, actor=acting(), now=wiring().clock()
    )
    words = "1 other session was" if ended == 1 else f"{ended} other sessions were"
    flash(f"{words} ended.", "success")
    return redirect(url_for("admin.account.index"), 303)


@bp.post("/theme")
def set_theme() -> ResponseReturnValue:
    """Keep in this browser how the pages look."""
    theme = request.form.get("theme", "-")
    if theme not in ("", *THEMES):
        abort(422)
    page_session().new_theme = theme
    flash("The theme was changed in this browser.", "success")
    return redirect(url_for("admin.account.index"), 303)


def browser_of(user_agent: str) -> str:
    """Which browser and system it was, in a few words, as far as it says."""
    browser = next((name for mark, name in _BROWSERS if f"{mark}/" in user_agent), "")
    if not browser and "Safari/" in user_agent:
        browser = "Safari"
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    first_word = re.split(r"[\s/]", user_agent, maxsplit=1)[0]
    return browser or first_word[:40] or "Unknown"
