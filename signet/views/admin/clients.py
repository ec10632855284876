"""Clients: the list, and what is done to one of them."""

from flask import Blueprint, abort, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import Form, SelectField, StringField
from wtforms.validators import Length, Regexp

from signet.models.client_list import SORTS, ClientFilter, list_clients
from signet.models.credential_activity import activity_of
from signet.models.scopes import list_scope_names
from signet.views.admin import (
    client_authentication,
    client_editing,
    client_ends,
    client_registration,
    client_scopes,
    client_tokens,
)
from signet.views.admin.chart import draw_day
from signet.views.admin.client_claims import claim_lines
from signet.views.admin.client_credentials import (
    credential_ids,
    other_credentials,
    uses_in_words,
)
from signet.views.admin.client_facts import get_client
from signet.views.admin.client_issuers import issuer_lines
from signet.views.admin.client_keys import key_lines
from signet.views.admin.client_methods import METHODS, missing_variables
from signet.views.admin.client_status import FILTER_LABELS, status_of
from signet.views.admin.save_secret import token_endpoint
from signet.views.admin.scope_choices import audiences, granted
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
bp.add_url_rule("/<client_id>/scopes", view_func=client_scopes.scopes)
bp.add_url_rule("/<client_id>/scopes", view_func=client_scopes.set_scopes, methods=["POST"])
bp.add_url_rule("/<client_id>/disable", view_func=client_ends.ask_disable)
bp.add_url_rule("/<client_id>/disable", view_func=client_ends.disable, methods=["POST"])
bp.add_url_rule("/<client_id>/enable", view_func=client_ends.ask_enable)
bp.add_url_rule("/<client_id>/enable", view_func=client_ends.enable, methods=["POST"])
bp.add_url_rule("/<client_id>/delete", view_func=client_ends.ask_delete)
bp.add_url_rule("/<client_id>/delete", view_func=client_ends.delete, methods=["POST"])
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
    activity = activity_of(client_id, now=now)
    return render_template(
        "admin/clients/show.html",
        client=client,
        day=draw_day(client_id, now),
        status=status_of(client, now),
        granted=[scope.name for scope in scopes],
        audiences=audiences(scopes),
        method=METHODS[client.token_endpoint_auth_method],
        missing=missing_variables(client.token_endpoint_auth_method, wiring().settings),
        keys=key_lines(client.jwks),
        issuers=issuer_lines(client.trusted_issuers),
        claims=claim_lines(client.claims),
        secrets=secret_lines(client.secrets, activity, now, only_live=True),
        uses=uses_in_words(activity, credential_ids(client), now),
        other_credentials=other_credentials(client, activity, now),
        issuer=wiring().settings.issuer,
        token_endpoint=token_endpoint(),
        programs=client_programs(client, request.args.get("language", "")),
    )


def _matched(wanted: ClientFilter) -> list[str]:
    search = f"“{wanted.search}”" if wanted.search else ""
    return list(filter(None, (search, FILTER_LABELS.get(wanted.state), wanted.scope)))
