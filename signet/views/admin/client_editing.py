"""Changing what is said of a client, without overwriting what somebody else has just written."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue

from signet.models.clients import ClientDetails
from signet.operations.client_facts import ClientFacts, facts_of
from signet.operations.clients import edit_client
from signet.operations.errors import EditConflictError, OperationError
from signet.views.admin.client_facts import ClientFactsForm, get_client
from signet.views.admin.client_versions import differences, version_field
from signet.views.admin.identity import acting
from signet.wiring import wiring


class EditClientForm(ClientFactsForm):
    """What is said of a client, and the version that the editor saw."""

    version = version_field()


def edit(client_id: str) -> ResponseReturnValue:
    """The form with what is said now."""
    client = get_client(client_id)
    form = EditClientForm(
        name=client.name,
        description=client.description,
        contact=client.contact,
        access_token_lifetime=int(client.access_token_lifetime.total_seconds()),
        version=str(client.version),
    )
    return render_template("admin/clients/edit.html", form=form, client=client)


def update(client_id: str) -> ResponseReturnValue:
    """Save it, unless it has changed since the form was opened."""
    client = get_client(client_id)
    form = EditClientForm()
    if form.validate_on_submit():
        try:
            edit_client(
                client_id,
                form.facts(),
                version=int(form.version.data or ""),
                actor=acting(),
                now=wiring().clock(),
            )
        except EditConflictError:
            return _show_both_versions(form, get_client(client_id))
        except OperationError as error:
            form.refuse(error)
        else:
            flash(f"Client “{form.facts().checked().name}” was saved.", "success")
            return redirect(url_for("admin.clients.show", client_id=client_id), 303)
    return render_template("admin/clients/edit.html", form=form, client=client), 422


def _show_both_versions(form: EditClientForm, client: ClientDetails) -> ResponseReturnValue:
    # Whoever sends it again has seen what is overwritten then.
    form.version.data = str(client.version)
    page = render_template(
        "admin/clients/edit_conflict.html",
        form=form,
        client=client,
        differences=differences(_labelled(facts_of(client)), _labelled(form.facts().checked())),
    )
    return page, 409


def _labelled(facts: ClientFacts) -> dict[str, str]:
    return {
        "Name": facts.name,
        "Description": facts.description,
        "Contact": facts.contact,
        "Token lifetime": f"{facts.access_token_lifetime.total_seconds():,.0f} seconds",
    }
