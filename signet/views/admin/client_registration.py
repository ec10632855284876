"""Registering a client: the form, and in the answer its first secret if it uses one."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.oauth.client import CLIENT_SECRET_BASIC
from signet.operations.clients import register_client, register_client_without_secret
from signet.operations.errors import OperationError
from signet.views.admin.client_facts import ClientFactsForm, client_id_field
from signet.views.admin.client_method_form import MethodForm
from signet.views.admin.client_methods import METHODS
from signet.views.admin.client_tokens import TokenFields
from signet.views.admin.forms import claim_form_number, new_form_number, release_form_number
from signet.views.admin.identity import acting
from signet.views.admin.save_secret import Leave, NewSecretPage, already_shown, show_secret
from signet.views.admin.scope_choices import audiences, granted, scope_groups, scopes_field
from signet.views.admin.secret_form import EXPIRES_IN, expires_in_field
from signet.wiring import wiring


class NewClientForm(ClientFactsForm, MethodForm, TokenFields):
    """What is said of a client, its ID, scopes, how it proves itself, and its tokens."""

    client_id = client_id_field()
    scopes = scopes_field()
    expires_in = expires_in_field("Secret expires")

    @property
    def uses_secret(self) -> bool:
        """Whether the client gets a first secret."""
        return bool(self.token_endpoint_auth_method.data == CLIENT_SECRET_BASIC)


def new() -> ResponseReturnValue:
    """The empty form."""
    return _render(NewClientForm())


def create() -> ResponseReturnValue:
    """Register the client; show its secret, this once, or lead to its page."""
    form = NewClientForm()
    form.offer(wiring().settings)
    if form.validate_on_submit():
        if not claim_form_number():
            return _refuse_to_repeat(form)
        try:
            return _register_with_secret(form) if form.uses_secret else _register(form)
        except OperationError as error:
            release_form_number()
            form.refuse(error)
    return _render(form), 422


def _register_with_secret(form: NewClientForm) -> ResponseReturnValue:
    # Read before: nothing may fail between the operation and the answer that shows the secret.
    scopes = granted(form.scopes.data or ())
    facts, tokens = form.facts(), form.tokens()
    issued = register_client(
        facts,
        tokens=tokens,
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
        is_dpop_bound=tokens.dpop_bound_access_tokens,
        is_certificate_bound=tokens.tls_client_certificate_bound_access_tokens,
    )
    return show_secret(issued, page)


def _register(form: NewClientForm) -> ResponseReturnValue:
    facts = form.facts()
    client_id = register_client_without_secret(
        facts,
        form.authentication(),
        tokens=form.tokens(),
        client_id=form.client_id.data or "",
        scopes=form.scopes.data or (),
        actor=acting(),
        now=wiring().clock(),
    )
    flash(f"Client “{facts.checked().name}” was created.", "success")
    return redirect(url_for("admin.clients.show", client_id=client_id), 303)


def _refuse_to_repeat(form: NewClientForm) -> ResponseReturnValue:
    if form.uses_secret:
        return already_shown(Leave("Go to the clients", url_for("admin.clients.index")))
    return render_template("admin/clients/already_created.html"), 409


def _render(form: NewClientForm) -> str:
    form.offer(wiring().settings)
    return render_template(
        "admin/clients/new.html",
        form=form,
        methods=METHODS,
        scope_groups=scope_groups(),
        form_number=new_form_number(),
    )
