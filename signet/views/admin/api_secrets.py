"""The secrets of an API, with which it asks about tokens: the list, a new one, the end of one."""

import re
from dataclasses import dataclass
from functools import partial
from urllib.parse import quote_plus

from flask import Blueprint, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.credential_activity import activity_of
from signet.models.resource_servers import ResourceServerDetails
from signet.oauth.server import INTROSPECTION_PATH
from signet.operations.resource_server_secrets import LIFE
from signet.operations.secret_life import IssuedSecret
from signet.views.admin import secret_pages
from signet.views.admin.api_facts import get_api
from signet.views.admin.impact import api_secret_impact
from signet.views.admin.row_numbers import ROW_NUMBER
from signet.views.admin.save_secret import Leave, OldSecret, render_secret
from signet.views.admin.secret_lines import secret_lines
from signet.views.admin.secret_pages import SecretOwner, Show
from signet.wiring import wiring

bp = Blueprint("api_secrets", __name__, url_prefix=f"/apis/{ROW_NUMBER}/secrets")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewApiSecretPage:
    """What stands around the new secret of an API."""

    heading: str = "New secret: save it now"
    api_name: str
    old_secrets: tuple[OldSecret, ...]


@bp.get("")
def index(number: int) -> ResponseReturnValue:
    """All secrets of an API, those that have ended too."""
    api, now = get_api(number), wiring().clock()
    secrets = secret_lines(api.secrets, activity_of(api.identifier, now=now), now)
    return render_template("admin/api_secrets/index.html", api=api, secrets=secrets)


@bp.get("/new")
def new(number: int) -> ResponseReturnValue:
    """Ask for what a new secret needs."""
    return secret_pages.ask_for_new(_owner(number))


@bp.post("")
def create(number: int) -> ResponseReturnValue:
    """Make the secret and show it, this once."""
    return secret_pages.make(_owner(number))


@bp.get("/<secret_id>/revoke")
def ask_revoke(number: int, secret_id: str) -> ResponseReturnValue:
    """Say what revoking does, and ask."""
    return secret_pages.ask_revoke(_owner(number), secret_id)


@bp.post("/<secret_id>/revoke")
def revoke(number: int, secret_id: str) -> ResponseReturnValue:
    """Refuse the secret from now on."""
    return secret_pages.revoke(_owner(number), secret_id)


@bp.post("/<secret_id>/undo-revoke")
def undo_revoke(number: int, secret_id: str) -> ResponseReturnValue:
    """Let the secret work again."""
    return secret_pages.undo_revoke(_owner(number), secret_id)


def _owner(number: int) -> SecretOwner:
    api = get_api(number)
    leave = Leave("Go to the API", url_for("admin.apis.show", number=number))
    return SecretOwner(
        page="api_secrets",
        address={"number": number},
        noun="API",
        owner_id=api.identifier,
        details=api,
        life=LIFE,
        leave=leave,
        impact=api_secret_impact,
        prepare=partial(_prepare, api, leave),
    )


def _prepare(api: ResourceServerDetails, leave: Leave, old_secrets: tuple[OldSecret, ...]) -> Show:
    page = NewApiSecretPage(api_name=api.name, old_secrets=old_secrets)
    return lambda issued: _show(issued, page, leave)


def _show(issued: IssuedSecret, page: NewApiSecretPage, leave: Leave) -> ResponseReturnValue:
    endpoint = wiring().settings.issuer + INTROSPECTION_PATH
    return render_secret(
        "admin/api_secrets/save.html",
        issued,
        variables={
            "SIGNET_INTROSPECTION_URL": endpoint,
            "SIGNET_CLIENT_ID": issued.client_id,
            "SIGNET_CLIENT_SECRET": issued.client_secret,
        },
        file_name=f"{_plain(issued.client_id)}.env",
        leave=leave,
        page=page,
        introspection_endpoint=endpoint,
        basic_user=quote_plus(issued.client_id),
    )


def _plain(identifier: str) -> str:
    # As a file's name: no system takes a slash there, and some take no colon.
    return re.sub(r"[^A-Za-z0-9._-]+", "-", identifier).strip(".-") or "api"
