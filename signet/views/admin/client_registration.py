"""Registering a client: the form, and its first secret in the answer."""

from flask import render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import Optional, Regexp

from signet.operations.clients import register_client
from signet.operations.errors import OperationError
from signet.views.admin.client_facts import ClientFactsForm
from signet.views.admin.forms import claim_form_number, new_form_number, release_form_number
from signet.views.admin.identity import acting
from signet.views.admin.save_secret import Leave, NewSecretPage, already_shown, show_secret
from signet.views.admin.scope_choices import audiences, granted, scope_groups, scopes_field
from signet.views.admin.secret_form import EXPIRES_IN, expires_in_field
from signet.wiring import wiring


def _stripped(text: str | None) -> str:
    return (text or "").strip()


class NewClientForm(ClientFactsForm):
    """What is said of a client, its ID, scopes, and how long its first secret lives."""

    client_id = StringField(
        "Client ID",
        [
            Optional(),
            Regexp(
                r"[A-Za-z0-9._-]{3,100}\Z",
                message="Use 3 to 100 letters, digits, “.”, “_” and “-” for the client ID",
            ),
        ],
        filters=[_stripped],
    )
    scopes = scopes_field()
    expires_in = expires_in_field("Secret expires")


def new() -> ResponseReturnValue:
    """The empty form."""
    return _render(NewClientForm())


def create() -> ResponseReturnValue:
    """Register the client and show its secret, this once."""
    form = NewClientForm()
    if form.validate_on_submit():
        if not claim_form_number():
            return already_shown(Leave("Go to the clients", url_for("admin.clients.index")))
        try:
            return _register(form)
        except OperationError as error:
            release_form_number()
            form.refuse(error)
    return _render(form), 422


def _register(form: NewClientForm) -> ResponseReturnValue:
    # Read before: nothing may fail between the operation and the answer that shows the secret.
    scopes = granted(form.scopes.data or ())
    facts = form.facts()
    issued = register_client(
        facts,
        client_id=form.client_id.data or "",
        scopes=form.scopes.data or (),
        secret_expires_in=EXPIRES_IN[form.expires_in.data],
        actor=acting(),
        now=wiring().clock(),
    )
    page = NewSecretPage(
        heading="New client created: save the secret now",
        client_name=facts.name,
        scopes=tuple(scope.name for scope in scopes),
        audiences=audiences(scopes),
    )
    return show_secret(issued, page)


def _render(form: NewClientForm) -> str:
    return render_template(
        "admin/clients/new.html",
        form=form,
        scope_groups=scope_groups(),
        form_number=new_form_number(),
    )
