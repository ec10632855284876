"""The admin pages: one parent blueprint, closed by default.

A page is one file here, one folder in ``templates/admin/``, and one line in ``PAGES``; its routes
stand in ``rights.py``. ``gate.py`` is what every request passes first.
"""

from typing import NamedTuple

from flask import Blueprint, Flask, redirect, request, url_for
from flask.typing import ResponseReturnValue

from signet import __version__
from signet.settings import Settings
from signet.views.admin import (
    account,
    account_codes,
    account_passkeys,
    account_totp,
    admin_links,
    admins,
    api_secrets,
    apis,
    audit,
    calendar_link,
    client_activity,
    client_clone,
    client_secrets,
    client_try,
    clients,
    confirm,
    gate,
    invitation,
    keys,
    overview,
    requests,
    scopes,
    second_step,
    settings_page,
    setup,
    sign_in,
)
from signet.views.admin.errors import register_errors
from signet.views.admin.identity import current_admin
from signet.views.admin.presentation import register_presentation
from signet.views.admin.rights import LEAST_ROLE
from signet.views.sessions import ServerSessionInterface, theme_of

PAGES = (
    setup,
    sign_in,
    second_step,
    confirm,
    overview,
    clients,
    client_secrets,
    client_try,
    client_activity,
    client_clone,
    scopes,
    apis,
    api_secrets,
    keys,
    requests,
    audit,
    admins,
    admin_links,
    invitation,
    settings_page,
    account,
    account_totp,
    account_passkeys,
    account_codes,
    calendar_link,
)

#: Label, endpoint, and the pages that belong to it.
NAVIGATION = (
    ("Overview", "admin.overview.index", ("overview", "requests")),
    (
        "Clients",
        "admin.clients.index",
        ("clients", "client_secrets", "client_try", "client_activity", "client_clone"),
    ),
    ("Scopes", "admin.scopes.index", ("scopes",)),
    ("APIs", "admin.apis.index", ("apis", "api_secrets")),
    ("Signing keys", "admin.keys.index", ("keys",)),
    ("Audit log", "admin.audit.index", ("audit",)),
    ("Administrators", "admin.admins.index", ("admins", "admin_links")),
    ("Settings", "admin.settings.index", ("settings",)),
)


class NavigationItem(NamedTuple):
    """A link of the navigation."""

    label: str
    url: str
    current: bool


def register_pages(app: Flask, settings: Settings) -> None:
    """Serve the admin pages below ``/admin/``, and lead ``/`` there."""
    app.session_interface = ServerSessionInterface(settings)
    app.config.update(
        # The gate protects the pages; a hook of the whole app would also stand on the token path.
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=int(settings.session_max.total_seconds()),
        # The gate compares origins itself, and knows the issuer's host as well.
        WTF_CSRF_SSL_STRICT=False,
        # Only forms are sent here, so no header may carry the token, and no JSON a form.
        WTF_CSRF_HEADERS=(),
    )
    gate.csrf.init_app(app)
    register_presentation(app)
    bp = Blueprint("admin", __name__, url_prefix=settings.issuer_path + "/admin")
    bp.before_request(gate.check_request)
    register_errors(bp)
    for page in PAGES:
        bp.register_blueprint(page.bp)
    app.register_blueprint(bp)
    app.context_processor(lambda: _page_context(settings))
    # A rule each: the framework's own redirect to a path with a slash repeats the Host header.
    for path in filter(None, (settings.issuer_path, settings.issuer_path + "/", bp.url_prefix)):
        app.add_url_rule(path, "home", _home)


def _home() -> ResponseReturnValue:
    return redirect(url_for("admin.overview.index"), 303)


def _page_context(settings: Settings) -> dict[str, object]:
    return {
        "current_admin": current_admin(),
        "navigation": _navigation(),
        "environment_name": settings.environment,
        "version": __version__,
        "theme": theme_of(request),
    }


def _navigation() -> tuple[NavigationItem, ...]:
    admin = current_admin()
    if admin is None:
        return ()
    return tuple(
        NavigationItem(label, url_for(endpoint), _current_page() in pages)
        for label, endpoint, pages in NAVIGATION
        if admin.may(LEAST_ROLE[endpoint])
    )


def _current_page() -> str:
    return (request.blueprint or "").removeprefix("admin.")
