"""Clients: the list, and what is done to one of them."""

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form, HiddenField, SelectField, StringField
from wtforms.validators import AnyOf, Length, Regexp

from signet.models.client_list import SORTS, ClientFilter, list_clients
from signet.models.clients import ClientDetails
from signet.models.scopes import list_scope_names
from signet.operations import clients
from signet.operations.errors import EditConflictError, OperationError
from signet.views.admin import (
    client_authentication,
    client_editing,
    client_registration,
    client_tokens,
)
from signet.views.admin.client_claims import claim_lines
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_issuers import issuer_lines
from signet.views.admin.client_keys import key_lines
from signet.views.admin.client_methods import METHODS, missing_variables
from signet.views.admin.client_status import FILTER_LABELS, status_of
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.admin.save_secret import token_endpoint
from signet.views.admin.scope_choices import audiences, granted, scope_groups, scopes_field
from signet.views.admin.secret_lines import secret_lines
from signet.views.admin.snippets import client_programs
from signet.wiring import wiring

bp = Blueprint("clients", __name__, url_prefix="/clients")

bp.add_url_rule("/new", view_func=client_registration.new)
bp.add_url_rule("/new", view_func=client_registration.create, methods=["POST"])
bp.add_url_rule("/<client_id>/edit", view_func=client_editing.edit)
bp.add_url_rule("/<client_id>/edit", view_func=client_editing.update, methods=["POST"])
bp.add_url_rule("/<client_id>/authentication", view_func=client_authentication.authentication)
bp.add_url_rule(
    "/<client_id>/authentication",
    view_func=client_authentication.set_authentication,
    methods=["POST"],
)
bp.add_url_rule("/<client_id>/tokens", view_func=client_tokens.tokens)
bp.add_url_rule("/<client_id>/tokens", view_func=client_tokens.set_tokens, methods=["POST"])

#: What is looked for: a longer text is part of no name, and PostgreSQL takes no NUL.
_LOOKED_UP = (Length(max=300), Regexp(r"[^\0]*\Z"))


def _stripped(text: str | None) -> str:
    return (text or "").strip()


class FilterForm(Form):
    """What the list is narrowed to. It changes nothing, so it needs no token."""

    q = StringField("Search name or client ID", _LOOKED_UP, filters=[_stripped])
    status = SelectField("Status", choices={"": "Any", **FILTER_LABELS}, default="")
    scope = SelectField("Scope", default="")
    sort = SelectField(choices=dict.fromkeys(SORTS, ""), default="name")
    after = StringField(validators=_LOOKED_UP)
    before = StringField(validators=_LOOKED_UP)

    def wanted(self) -> ClientFilter:
        """What was chosen, for the query."""
        return ClientFilter(
            search=self.q.data or "",
            state=self.status.data,
            scope=self.scope.data,
            sort=self.sort.data,
        )

    def url(self, **changed: str | None) -> str:
        """The address of this list, or of one that differs in this."""
        values = {"q": self.q.data, "status": self.status.data, "scope": self.scope.data}
        values["sort"] = self.sort.data if self.sort.data != "name" else None
        kept = {name: value for name, value in (values | changed).items() if value}
        return url_for("admin.clients.index", **kept)


@bp.get("")
def index() -> ResponseReturnValue:
    """The clients that match, page by page."""
    form = FilterForm(request.args)
    form.scope.choices = {"": "Any", **{name: name for name in list_scope_names()}}
    if not form.validate():
        abort(400)
    now, after, before = wiring().clock(), form.after.data or None, form.before.data or None
    page = list_clients(form.wanted(), now=now, after=after, before=before)
    if page.matching and not page.clients:
        # The client that this page began with is gone, or never was.
        return redirect(form.url(), 303)
    return render_template(
        "admin/clients/index.html",
        filters=form,
        page=page,
        rows=[(client, status_of(client, now)) for client in page.clients],
        matched=_matched(form.wanted()),
    )


@bp.get("/<client_id>")
def show(client_id: str) -> ResponseReturnValue:
    """What a client is and how it connects."""
    client, now = get_client(client_id), wiring().clock()
    scopes = granted(client.scopes)
    return render_template(
        "admin/clients/show.html",
        client=client,
        status=status_of(client, now),
        granted=[scope.name for scope in scopes],
        audiences=audiences(scopes),
        method=METHODS[client.token_endpoint_auth_method],
        missing=missing_variables(client.token_endpoint_auth_method, wiring().settings),
        keys=key_lines(client.jwks),
        issuers=issuer_lines(client.trusted_issuers),
        claims=claim_lines(client.claims),
        secrets=secret_lines(client.live_secrets(now), now),
        issuer=wiring().settings.issuer,
        token_endpoint=token_endpoint(),
        programs=client_programs(client, request.args.get("language", "")),
    )


@bp.get("/<client_id>/disable")
def ask_disable(client_id: str) -> ResponseReturnValue:
    """Say what disabling does, and ask."""
    return render_template("admin/clients/disable.html", client=get_client(client_id))


@bp.post("/<client_id>/disable")
def disable(client_id: str) -> ResponseReturnValue:
    """Refuse the client from now on."""
    client = get_client(client_id)
    clients.disable_client(client_id, actor=acting(), now=wiring().clock())
    flash(f"Client “{client.name}” was disabled.", "success")
    return redirect(url_for("admin.clients.show", client_id=client_id), 303)


@bp.get("/<client_id>/enable")
def ask_enable(client_id: str) -> ResponseReturnValue:
    """Say what enabling does, and ask."""
    client = get_client(client_id)
    status = status_of(client, wiring().clock())
    return render_template("admin/clients/enable.html", client=client, status=status)


@bp.post("/<client_id>/enable")
def enable(client_id: str) -> ResponseReturnValue:
    """Let the client get tokens again."""
    client = get_client(client_id)
    clients.enable_client(client_id, actor=acting(), now=wiring().clock())
    flash(f"Client “{client.name}” was enabled.", "success")
    return redirect(url_for("admin.clients.show", client_id=client_id), 303)


class DeleteClientForm(AdminForm):
    """The client ID once more, so that nobody deletes the wrong one."""

    confirmation = StringField("Type the client ID to confirm", filters=[_stripped])

    def expect(self, client_id: str) -> None:
        """Take only this client ID."""
        message = f"Type {client_id} to delete this client"
        self.confirmation.validators = [AnyOf([client_id], message=message)]


@bp.get("/<client_id>/delete")
def ask_delete(client_id: str) -> ResponseReturnValue:
    """Say what deleting does, and ask for the client ID."""
    return _render_delete(DeleteClientForm(), get_client(client_id))


@bp.post("/<client_id>/delete")
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


class ScopesForm(AdminForm):
    """The scopes of a client, and the version of it that was looked at."""

    scopes = scopes_field()
    version = HiddenField(validators=[Regexp(r"\d{1,9}\Z", message="Open this form again")])


@bp.get("/<client_id>/scopes")
def scopes(client_id: str) -> ResponseReturnValue:
    """The scopes of a client among all there are."""
    client = get_client(client_id)
    form = ScopesForm(scopes=list(client.scopes), version=client.version)
    return _render_scopes(form, client)


@bp.post("/<client_id>/scopes")
def set_scopes(client_id: str) -> ResponseReturnValue:
    """Assign exactly the scopes that are ticked."""
    client = get_client(client_id)
    form = ScopesForm()
    if form.validate_on_submit():
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


def _render_delete(form: DeleteClientForm, client: ClientDetails) -> str:
    return render_template(
        "admin/clients/delete.html",
        form=form,
        client=client,
        live_secrets=len(client.live_secrets(wiring().clock())) if client.uses_secrets else 0,
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


def _matched(wanted: ClientFilter) -> list[str]:
    search = f"“{wanted.search}”" if wanted.search else ""
    return list(filter(None, (search, FILTER_LABELS.get(wanted.state), wanted.scope)))
