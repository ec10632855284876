"""Disabling, enabling and deleting a client, each after a question that says whom it hits."""

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import StringField
from wtforms.validators import AnyOf

from signet.models.clients import ClientDetails
from signet.models.credential_activity import activity_of
from signet.operations import clients
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_status import status_of
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.admin.impact import Impact, client_impact
from signet.wiring import wiring


def ask_disable(client_id: str) -> ResponseReturnValue:
    """Say what disabling does, and ask."""
    client = get_client(client_id)
    return render_template("admin/clients/disable.html", client=client, impact=_impact(client))


def disable(client_id: str) -> ResponseReturnValue:
    """Refuse the client from now on."""
    client = get_client(client_id)
    clients.disable_client(client_id, actor=acting(), now=wiring().clock())
    flash(f"Client “{client.name}” was disabled.", "success")
    return redirect(url_for("admin.clients.show", client_id=client_id), 303)


def ask_enable(client_id: str) -> ResponseReturnValue:
    """Say what enabling does, and ask."""
    client = get_client(client_id)
    status = status_of(client, wiring().clock())
    return render_template("admin/clients/enable.html", client=client, status=status)


def enable(client_id: str) -> ResponseReturnValue:
    """Let the client get tokens again."""
    client = get_client(client_id)
    clients.enable_client(client_id, actor=acting(), now=wiring().clock())
    flash(f"Client “{client.name}” was enabled.", "success")
    return redirect(url_for("admin.clients.show", client_id=client_id), 303)


def _stripped(text: str | None) -> str:
    return (text or "").strip()


class DeleteClientForm(AdminForm):
    """The client ID once more, so that nobody deletes the wrong one."""

    confirmation = StringField("Type the client ID to confirm", filters=[_stripped])

    def expect(self, client_id: str) -> None:
        """Take only this client ID."""
        message = f"Type {client_id} to delete this client"
        self.confirmation.validators = [AnyOf([client_id], message=message)]


def ask_delete(client_id: str) -> ResponseReturnValue:
    """Say what deleting does, and ask for the client ID."""
    return _render_delete(DeleteClientForm(), get_client(client_id))


def delete(client_id: str) -> ResponseReturnValue:
    """Remove the client for good."""
    client = get_client(client_id)
    form = DeleteClientForm()
    form.expect(client_id)
    if not form.validate_on_submit():
        return _render_delete(form, client), 422
    clients.delete_client(client_id, actor=acting(), now=wiring().clock())
    flash(f"Client “{client.name}” was deleted.", "success")
    return redirect(url_for("admin.clients.index"), 303)


def _render_delete(form: DeleteClientForm, client: ClientDetails) -> str:
    return render_template(
        "admin/clients/delete.html",
        form=form,
        client=client,
        impact=_impact(client),
        live_secrets=len(client.live_secrets(wiring().clock())) if client.uses_secrets else 0,
    )


def _impact(client: ClientDetails) -> Impact:
    now = wiring().clock()
    return client_impact(client, activity_of(client.client_id, now=now), now)
