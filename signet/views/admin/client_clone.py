"""Cloning a client: one more like it, with a name, an ID and a secret of its own."""

from flask import Blueprint, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.clients import ClientDetails
from signet.operations.client_copy import clone_client
from signet.operations.errors import OperationError
from signet.views.admin.client_facts import client_id_field, client_name_field, get_client
from signet.views.admin.client_methods import METHODS
from signet.views.admin.forms import (
    AdminForm,
    claim_form_number,
    new_form_number,
    release_form_number,
)
from signet.views.admin.identity import acting
from signet.views.admin.save_secret import Leave, NewSecretPage, already_shown, show_secret
from signet.views.admin.scope_choices import audiences, granted
from signet.views.admin.secret_form import EXPIRES_IN, expires_in_field
from signet.wiring import wiring

bp = Blueprint("client_clone", __name__, url_prefix="/clients/<client_id>/clone")


class CloneForm(AdminForm):
    """What the new client does not share with the old one."""

    name = client_name_field()
    client_id = client_id_field()
    expires_in = expires_in_field("Secret expires")

    def fit(self, source: ClientDetails) -> None:
        """Ask only what such a client needs."""
        if not source.uses_secrets:
            del self.expires_in


@bp.get("")
def new(client_id: str) -> ResponseReturnValue:
    """Ask for the name of the new client."""
    source = get_client(client_id)
    return _render(CloneForm(name=f"Copy of {source.name}"[:100], client_id=""), source)


@bp.post("")
def create(client_id: str) -> ResponseReturnValue:
    """Register the new client; show its secret, this once, or lead to its page."""
    source, form = get_client(client_id), CloneForm()
    form.fit(source)
    if form.validate_on_submit():
        if not claim_form_number():
            return already_shown(Leave("Go to the clients", url_for("admin.clients.index")))
        try:
            return _clone(form, source)
        except OperationError as error:
            release_form_number()
            form.refuse(error)
    return _render(form, source), 422


def _clone(form: CloneForm, source: ClientDetails) -> ResponseReturnValue:
    # Read before: nothing may fail between the operation and the answer that shows the secret.
    scopes = granted(source.scopes)
    created = clone_client(
        source.client_id,
        form.name.data or "",
        client_id=form.client_id.data or "",
        secret_expires_in=EXPIRES_IN[form.expires_in.data] if source.uses_secrets else None,
        actor=acting(),
        now=wiring().clock(),
    )
    if isinstance(created, str):
        flash(f"Client “{form.name.data}” was created.", "success")
        return redirect(url_for("admin.clients.show", client_id=created), 303)
    page = NewSecretPage(
        heading="New client created: save the secret now",
        client_name=form.name.data or "",
        scopes=tuple(scope.name for scope in scopes),
        audiences=audiences(scopes),
        is_dpop_bound=source.dpop_bound_access_tokens,
        is_certificate_bound=source.tls_client_certificate_bound_access_tokens,
    )
    return show_secret(created, page)


def _render(form: CloneForm, source: ClientDetails) -> str:
    form.fit(source)
    return render_template(
        "admin/client_clone/new.html",
        form=form,
        source=source,
        method=METHODS[source.token_endpoint_auth_method],
        form_number=new_form_number(),
    )
