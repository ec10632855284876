"""Changing how a client proves itself, and what belongs to it."""

from flask import flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from signet.models.clients import ClientDetails
from signet.operations.client_authentication import ClientAuthentication, authentication_of
from signet.operations.client_facts import facts_of
from signet.operations.clients import edit_client
from signet.operations.errors import EditConflictError, OperationError
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_issuers import issuer_lines
from signet.views.admin.client_keys import key_lines
from signet.views.admin.client_method_form import MethodForm, filled_in, method_field
from signet.views.admin.client_methods import METHODS, missing_variables
from signet.views.admin.client_versions import differences, version_field
from signet.views.admin.identity import acting
from signet.views.admin.trust_offer import find_offer
from signet.wiring import wiring


class EditMethodForm(MethodForm):
    """How a client proves itself, and the version that the editor saw."""

    #: A form without a choice has chosen nothing.
    token_endpoint_auth_method = method_field(None)
    version = version_field()

    def is_outdated(self, client: ClientDetails) -> bool:
        """Whether the client has changed since, and the form says enough to be compared."""
        fields = (self.version, self.token_endpoint_auth_method)
        return self.version.data != str(client.version) and all(f.validate(self) for f in fields)


def authentication(client_id: str) -> ResponseReturnValue:
    """The form with what is decided now."""
    client = get_client(client_id)
    fields = filled_in(authentication_of(client))
    offer = find_offer(request.args.get("refused", ""), client)
    if offer is not None:
        fields |= offer.fields
    return _render(EditMethodForm(**fields, version=str(client.version)), client, offer=offer)


def set_authentication(client_id: str) -> ResponseReturnValue:
    """Save it, unless the client has changed since the form was opened."""
    client = get_client(client_id)
    form = EditMethodForm()
    form.offer(wiring().settings, client)
    # Before anything else: what the form keeps of the client may be gone.
    if form.is_outdated(client):
        return _show_both_versions(form, client), 409
    if form.validate_on_submit():
        chosen = form.authentication()
        try:
            edit_client(
                client_id,
                facts_of(client),
                authentication=chosen,
                version=int(form.version.data or ""),
                actor=acting(),
                now=wiring().clock(),
            )
        except EditConflictError:
            return _show_both_versions(form, get_client(client_id)), 409
        except OperationError as error:
            form.refuse(error)
        else:
            flash(_done(client, chosen), "success")
            return redirect(url_for("admin.clients.show", client_id=client_id), 303)
    return _render(form, client), 422


def _done(client: ClientDetails, chosen: ClientAuthentication) -> str:
    if chosen.method == client.token_endpoint_auth_method:
        return f"How “{client.name}” proves itself was saved."
    return f"“{client.name}” now proves itself by {METHODS[chosen.method].means}."


def _show_both_versions(form: EditMethodForm, client: ClientDetails) -> str:
    # Whoever sends it again has seen what is overwritten then.
    form.version.data = str(client.version)
    form.offer(wiring().settings, client)
    found = differences(_labelled(authentication_of(client)), _labelled(form.authentication()))
    return _render(form, client, differences=found, has_errors=True)


def _render(form: EditMethodForm, client: ClientDetails, **more: object) -> str:
    settings = wiring().settings
    form.offer(settings, client)
    return render_template(
        "admin/clients/authentication.html",
        form=form,
        client=client,
        methods=METHODS,
        missing=missing_variables(client.token_endpoint_auth_method, settings),
        **more,
    )


def _labelled(authentication: ClientAuthentication) -> dict[str, str]:
    facts = {
        "Proves itself by": METHODS[authentication.method].label,
        "Signing algorithm": authentication.signing_alg or "",
        "Keys": "\n".join(line.thumbprint for line in key_lines(authentication.jwks)),
        "Address of its keys": authentication.jwks_uri,
        "Token endpoint as audience": "Yes"
        if authentication.allows_token_endpoint_audience
        else "",
        "Subject of its certificate": authentication.subject_dn,
        "Issuers": "\n".join(
            f"{line.issuer}, subject {line.subject}, audience {line.audience}, keys {line.keys}"
            for line in issuer_lines(authentication.trusted_issuers)
        ),
    }
    return {label: text for label, text in facts.items() if text}
