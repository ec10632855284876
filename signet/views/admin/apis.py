"""APIs: whom tokens are for, and what an API must know to check them."""

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Regexp

from signet.models.credential_activity import activity_of
from signet.models.resource_servers import ResourceServerDetails, list_resource_servers
from signet.models.scopes import AssignedScope, list_assigned_scopes
from signet.models.secrets import live_secrets
from signet.oauth.server import INTROSPECTION_PATH, JWKS_PATH
from signet.operations import resource_servers
from signet.operations.errors import EditConflictError, InUseError, OperationError
from signet.views.admin.api_facts import (
    DEFAULT,
    ApiFactsForm,
    algorithm_name,
    get_api,
    stripped,
)
from signet.views.admin.identity import acting
from signet.views.admin.impact import api_impact
from signet.views.admin.row_numbers import ROW_NUMBER
from signet.views.admin.secret_lines import secret_lines
from signet.views.admin.snippets import api_programs
from signet.wiring import wiring

_RELOAD = "Nothing was changed. Reload the page and try again"

bp = Blueprint("apis", __name__, url_prefix="/apis")


class NewApiForm(ApiFactsForm):
    """An API: what tokens call it, what people call it, how its tokens are signed."""

    identifier = StringField(
        "Identifier", [InputRequired("Enter an identifier for the API")], filters=[stripped]
    )


class EditApiForm(ApiFactsForm):
    """An API as the editor saw it."""

    version = HiddenField(validators=[Regexp(r"\d{1,9}\Z", message=_RELOAD)])


@bp.get("")
def index() -> ResponseReturnValue:
    """All APIs."""
    return render_template("admin/apis/index.html", apis=list_resource_servers())


@bp.get("/new")
def new() -> ResponseReturnValue:
    """Ask for a new API."""
    form = NewApiForm()
    form.reserve_signing()
    return render_template("admin/apis/new.html", form=form)


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Register an API."""
    form = NewApiForm()
    form.reserve_signing()
    if form.validate_on_submit():
        try:
            resource_servers.create_resource_server(
                form.identifier.data or "",
                name=form.name.data or "",
                signing_alg=form.chosen_algorithm(None),
                rsa_bits=wiring().settings.rsa_bits,
                encryption=wiring().encryption,
                actor=acting(),
                now=wiring().clock(),
            )
        except OperationError as error:
            form.refuse(error)
        else:
            flash(f"API “{form.name.data or form.identifier.data}” was created.", "success")
            return redirect(url_for("admin.apis.index"), 303)
    return render_template("admin/apis/new.html", form=form), 422


@bp.get(f"/{ROW_NUMBER}")
def show(number: int) -> ResponseReturnValue:
    """An API, its scopes and secrets, and how it checks a token."""
    api, now, settings = get_api(number), wiring().clock(), wiring().settings
    scopes = _scopes(api)
    return render_template(
        "admin/apis/show.html",
        api=api,
        scopes=scopes,
        programs=api_programs(
            api,
            request.args.get("language", ""),
            scope=next((scope.name for scope in scopes if scope.enabled), "your-scope"),
        ),
        secrets=secret_lines(
            api.secrets, activity_of(api.identifier, now=now), now, only_live=True
        ),
        algorithm_name=algorithm_name(api.signing_alg),
        signing_alg=api.signing_alg or settings.signing_alg,
        issuer=settings.issuer,
        jwks_uri=settings.issuer + JWKS_PATH,
        introspection_endpoint=settings.issuer + INTROSPECTION_PATH,
    )


@bp.get(f"/{ROW_NUMBER}/edit")
def edit(number: int) -> ResponseReturnValue:
    """Ask what is to change."""
    api = get_api(number)
    form = EditApiForm(
        name=api.name, signing_alg=api.signing_alg or DEFAULT, version=str(api.version)
    )
    form.reserve_signing()
    return _render_edit(form, api)


@bp.post(f"/{ROW_NUMBER}/edit")
def update(number: int) -> ResponseReturnValue:
    """Change an API, unless somebody else was faster."""
    api = get_api(number)
    form = EditApiForm()
    form.reserve_signing()
    if form.validate_on_submit():
        try:
            resource_servers.edit_resource_server(
                api.identifier,
                name=form.name.data or "",
                signing_alg=form.chosen_algorithm(api.signing_alg),
                version=int(form.version.data or 0),
                rsa_bits=wiring().settings.rsa_bits,
                encryption=wiring().encryption,
                actor=acting(),
                now=wiring().clock(),
            )
        except EditConflictError:
            return _conflict_page(form, number)
        except OperationError as error:
            form.refuse(error)
        else:
            flash(f"API “{form.name.data or api.identifier}” was saved.", "success")
            return redirect(url_for("admin.apis.show", number=number), 303)
    return _render_edit(form, api), 422


@bp.get(f"/{ROW_NUMBER}/delete")
def ask_delete(number: int) -> ResponseReturnValue:
    """Ask whether an API is to go, or say what it still owns."""
    return _delete_page(number)


@bp.post(f"/{ROW_NUMBER}/delete")
def delete(number: int) -> ResponseReturnValue:
    """Remove an API that owns no scope any more."""
    api = get_api(number)
    try:
        resource_servers.delete_resource_server(
            api.identifier, actor=acting(), now=wiring().clock()
        )
    except InUseError:
        return _delete_page(number), 409
    flash(f"API “{api.name}” was deleted.", "success")
    return redirect(url_for("admin.apis.index"), 303)


def _conflict_page(form: EditApiForm, number: int) -> ResponseReturnValue:
    newest = get_api(number)
    # Whoever has read both versions may save over the newest one.
    form.version.data = str(newest.version)
    return _render_edit(form, newest, conflict=True), 409


def _render_edit(form: EditApiForm, api: ResourceServerDetails, *, conflict: bool = False) -> str:
    return render_template(
        "admin/apis/edit.html",
        form=form,
        api=api,
        saved_algorithm=algorithm_name(api.signing_alg),
        conflict=conflict,
    )


def _delete_page(number: int) -> str:
    api = get_api(number)
    now = wiring().clock()
    return render_template(
        "admin/apis/delete.html",
        api=api,
        scopes=_scopes(api),
        live_secrets=len(live_secrets(api.secrets, now)),
        impact=api_impact(api, activity_of(api.identifier, now=now), now),
    )


def _scopes(api: ResourceServerDetails) -> list[AssignedScope]:
    return [scope for scope in list_assigned_scopes() if scope.name in api.scopes]
