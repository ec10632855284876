"""The scopes of a client: ticked, and asked about once more where taking one away may hurt."""

from datetime import timedelta

from flask import flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField
from wtforms.validators import Regexp

from signet.models.clients import ClientDetails
from signet.models.credential_activity import activity_of, has_had_tokens
from signet.operations import clients
from signet.operations.errors import EditConflictError, OperationError
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_status import status_of
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.admin.impact import scope_removal_impact
from signet.views.admin.scope_choices import scope_groups, scopes_field
from signet.wiring import wiring

#: Taking a scope from a client that has got tokens since then is asked about.
_LATELY = timedelta(days=30)


class ScopesForm(AdminForm):
    """The scopes of a client, and the version of it that was looked at."""

    scopes = scopes_field()
    version = HiddenField(validators=[Regexp(r"\d{1,9}\Z", message="Open this form again")])
    #: Sent by the page that asks whether some may really be taken away.
    confirmed = HiddenField()


def scopes(client_id: str) -> ResponseReturnValue:
    """The scopes of a client among all there are."""
    client = get_client(client_id)
    form = ScopesForm(scopes=list(client.scopes), version=client.version)
    return _render_scopes(form, client)


def set_scopes(client_id: str) -> ResponseReturnValue:
    """Assign exactly the scopes that are ticked."""
    client = get_client(client_id)
    form = ScopesForm()
    if form.validate_on_submit():
        if _needs_question(form, client):
            return _render_question(form, client)
        try:
            clients.set_scopes(
                client_id,
                form.scopes.data or (),
                version=int(form.version.data or 0),
                actor=acting(),
                now=wiring().clock(),
            )
        except EditConflictError:
            return _answer_scopes_conflict(form, get_client(client_id)), 409
        except OperationError as error:
            form.refuse(error)
        else:
            flash(f"Scopes of “{client.name}” saved.", "success")
            return redirect(url_for("admin.clients.scopes", client_id=client_id), 303)
    return _render_scopes(form, client), 422


def _needs_question(form: ScopesForm, client: ClientDetails) -> bool:
    # What somebody else has changed in the meantime is told first.
    if (
        form.confirmed.data
        or form.version.data != str(client.version)
        or not _removed(form, client)
    ):
        return False
    return has_had_tokens(client.client_id, since=wiring().clock() - _LATELY)


def _removed(form: ScopesForm, client: ClientDetails) -> list[str]:
    return sorted(set(client.scopes) - set(form.scopes.data or ()))


def _render_question(form: ScopesForm, client: ClientDetails) -> str:
    now = wiring().clock()
    return render_template(
        "admin/clients/remove_scopes.html",
        client=client,
        removed=_removed(form, client),
        kept=form.scopes.data or (),
        impact=scope_removal_impact(client, activity_of(client.client_id, now=now), now),
    )


def _render_scopes(form: ScopesForm, client: ClientDetails) -> str:
    return render_template(
        "admin/clients/scopes.html",
        form=form,
        client=client,
        status=status_of(client, wiring().clock()),
        scope_groups=scope_groups(),
    )


def _answer_scopes_conflict(form: ScopesForm, client: ClientDetails) -> str:
    # The ticks stay as they were set; saving them again is then a decision.
    saved = ", ".join(client.scopes) or "none"
    form.form_errors.append(
        "Somebody else has changed this client since you opened the form, and nothing was saved. "
        f"Its scopes are now: {saved}. Save again to set the ones below"
    )
    form.version.data = str(client.version)
    return _render_scopes(form, client)
