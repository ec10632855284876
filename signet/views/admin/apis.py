"""APIs: whom tokens are for, and what an API must know to check them."""

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, StringField
from wtforms.validators import InputRequired, Regexp

from signet.models.resource_servers import (
    ResourceServerDetails,
    find_resource_server_by_number,
    list_resource_servers,
)
from signet.models.scopes import ScopeDetails, list_scopes
from signet.oauth.metadata import server_metadata
from signet.operations import resource_servers
from signet.operations.errors import EditConflictError, InUseError, OperationError
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.admin.row_numbers import ROW_NUMBER
from signet.wiring import wiring

_RELOAD = "Nothing was changed. Reload the page and try again"

bp = Blueprint("apis", __name__, url_prefix="/apis")


def _strip(text: str | None) -> str:
    return (text or "").strip()


class NewApiForm(AdminForm):
    """An API: what tokens call it, and what people call it."""

    identifier = StringField(
        "Identifier", [InputRequired("Enter an identifier for the API")], filters=[_strip]
    )
    name = StringField("Name", filters=[_strip])


class EditApiForm(AdminForm):
    """An API as the editor saw it."""

    name = StringField("Name", filters=[_strip])
    version = HiddenField(validators=[Regexp(r"\d{1,9}\Z", message=_RELOAD)])


@bp.get("")
def index() -> ResponseReturnValue:
    """All APIs."""
    return render_template("admin/apis/index.html", apis=list_resource_servers())


@bp.get("/new")
def new() -> ResponseReturnValue:
    """Ask for a new API."""
    return render_template("admin/apis/new.html", form=NewApiForm())


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Register an API."""
    form = NewApiForm()
    if form.validate_on_submit():
        try:
            resource_servers.create_resource_server(
                form.identifier.data or "",
                name=form.name.data or "",
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
    """An API, its scopes, and how it checks a token."""
    api = _get_api(number)
    settings = wiring().settings
    return render_template(
        "admin/apis/show.html",
        api=api,
        scopes=_scopes(api),
        metadata=server_metadata(settings.issuer),
        signing_alg=settings.signing_alg,
    )


@bp.get(f"/{ROW_NUMBER}/edit")
def edit(number: int) -> ResponseReturnValue:
    """Ask what is to change."""
    api = _get_api(number)
    form = EditApiForm(name=api.name, version=str(api.version))
    return render_template("admin/apis/edit.html", form=form, api=api, conflict=False)


@bp.post(f"/{ROW_NUMBER}/edit")
def update(number: int) -> ResponseReturnValue:
    """Rename an API, unless somebody else was faster."""
    api = _get_api(number)
    form = EditApiForm()
    if form.validate_on_submit():
        try:
            resource_servers.edit_resource_server(
                api.identifier,
                name=form.name.data or "",
                version=int(form.version.data or 0),
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
    return render_template("admin/apis/edit.html", form=form, api=api, conflict=False), 422


@bp.get(f"/{ROW_NUMBER}/delete")
def ask_delete(number: int) -> ResponseReturnValue:
    """Ask whether an API is to go, or say what it still owns."""
    return _delete_page(number)


@bp.post(f"/{ROW_NUMBER}/delete")
def delete(number: int) -> ResponseReturnValue:
    """Remove an API that owns no scope any more."""
    api = _get_api(number)
    try:
        resource_servers.delete_resource_server(
            api.identifier, actor=acting(), now=wiring().clock()
        )
    except InUseError:
        return _delete_page(number), 409
    flash(f"API “{api.name}” was deleted.", "success")
    return redirect(url_for("admin.apis.index"), 303)


def _conflict_page(form: EditApiForm, number: int) -> ResponseReturnValue:
    newest = _get_api(number)
    # Whoever has read both versions may save over the newest one.
    form.version.data = str(newest.version)
    return render_template("admin/apis/edit.html", form=form, api=newest, conflict=True), 409


def _delete_page(number: int) -> str:
    api = _get_api(number)
    return render_template("admin/apis/delete.html", api=api, scopes=_scopes(api))


def _get_api(number: int) -> ResourceServerDetails:
    api = find_resource_server_by_number(number)
    if api is None:
        abort(404)
    return api


def _scopes(api: ResourceServerDetails) -> list[ScopeDetails]:
    return [scope for scope in list_scopes() if scope.name in api.scopes]
