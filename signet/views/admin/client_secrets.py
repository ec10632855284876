"""The secrets of a client: the list, a new one, the end of one."""

from functools import partial

from flask import Blueprint, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.clients import ClientDetails
from signet.models.credential_activity import activity_of
from signet.operations.client_secrets import LIFE
from signet.views.admin import secret_pages
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_methods import METHODS
from signet.views.admin.client_status import status_of
from signet.views.admin.impact import secret_impact
from signet.views.admin.save_secret import NewSecretPage, OldSecret, leave_to_client, show_secret
from signet.views.admin.scope_choices import audiences, granted
from signet.views.admin.secret_lines import secret_lines
from signet.views.admin.secret_pages import SecretOwner, Show
from signet.wiring import wiring

bp = Blueprint("client_secrets", __name__, url_prefix="/clients/<client_id>/secrets")


@bp.get("")
def index(client_id: str) -> ResponseReturnValue:
    """All secrets of a client, those that have ended too."""
    client, now = get_client(client_id), wiring().clock()
    return render_template(
        "admin/client_secrets/index.html",
        client=client,
        status=status_of(client, now),
        secrets=secret_lines(client.secrets, activity_of(client_id, now=now), now),
        method=METHODS[client.token_endpoint_auth_method],
    )


@bp.get("/new")
def new(client_id: str) -> ResponseReturnValue:
    """Ask for what a new secret needs; a client that uses none is sent to where that is said."""
    if not get_client(client_id).uses_secrets:
        return redirect(url_for("admin.client_secrets.index", client_id=client_id), 303)
    return secret_pages.ask_for_new(_owner(client_id))


@bp.post("")
def create(client_id: str) -> ResponseReturnValue:
    """Make the secret and show it, this once."""
    return secret_pages.make(_owner(client_id))


@bp.get("/<secret_id>/revoke")
def ask_revoke(client_id: str, secret_id: str) -> ResponseReturnValue:
    """Say what revoking does, and ask."""
    return secret_pages.ask_revoke(_owner(client_id), secret_id)


@bp.post("/<secret_id>/revoke")
def revoke(client_id: str, secret_id: str) -> ResponseReturnValue:
    """Refuse the secret from now on."""
    return secret_pages.revoke(_owner(client_id), secret_id)


@bp.post("/<secret_id>/undo-revoke")
def undo_revoke(client_id: str, secret_id: str) -> ResponseReturnValue:
    """Let the secret work again."""
    return secret_pages.undo_revoke(_owner(client_id), secret_id)


def _owner(client_id: str) -> SecretOwner:
    client = get_client(client_id)
    return SecretOwner(
        page="client_secrets",
        address={"client_id": client.client_id},
        noun="client",
        owner_id=client.client_id,
        details=client,
        life=LIFE,
        leave=leave_to_client(client.client_id),
        impact=partial(secret_impact, client),
        prepare=partial(_prepare, client),
    )


def _prepare(client: ClientDetails, old_secrets: tuple[OldSecret, ...]) -> Show:
    scopes = granted(client.scopes)
    page = NewSecretPage(
        heading="New secret: save it now",
        client_name=client.name,
        scopes=tuple(scope.name for scope in scopes),
        audiences=audiences(scopes),
        is_dpop_bound=client.dpop_bound_access_tokens,
        is_certificate_bound=client.tls_client_certificate_bound_access_tokens,
        old_secrets=old_secrets,
    )
    return lambda issued: show_secret(issued, page)
