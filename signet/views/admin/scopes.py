"""Scopes: what clients may ask for, by the APIs that own them."""

from collections.abc import Callable

from flask import Blueprint, abort, flash, redirect, render_template, url_for
from flask.typing import ResponseReturnValue
from wtforms import HiddenField, SelectMultipleField, StringField
from wtforms.form import BaseForm
from wtforms.validators import InputRequired, Regexp, ValidationError

from signet.models.resource_servers import ResourceServerDetails, list_resource_servers
from signet.models.scopes import AssignedScope, find_scope_by_number, list_assigned_scopes
from signet.operations import scopes
from signet.operations.errors import EditConflictError, InUseError, OperationError
from signet.operations.text import check_api_identifier, check_scope_name
from signet.views.admin.forms import AdminForm
from signet.views.admin.identity import acting
from signet.views.admin.impact import scope_impact
from signet.views.admin.row_numbers import ROW_NUMBER
from signet.wiring import wiring

_RELOAD = "Nothing was changed. Reload the page and try again"

bp = Blueprint("scopes", __name__, url_prefix="/scopes")


def _strip(text: str | None) -> str:
    return (text or "").strip()


def _check(rule: Callable[[str], str], text: str) -> None:
    try:
        rule(text)
    except OperationError as error:
        raise ValidationError(str(error)) from None


def _refuse_unknown_apis(form: BaseForm, field: SelectMultipleField) -> None:
    if not set(field.data or ()) <= {api.identifier for api in list_resource_servers()}:
        raise ValidationError("A chosen API is not there any more: look at the list again")


def _apis_field() -> SelectMultipleField:
    return SelectMultipleField("API", [_refuse_unknown_apis], validate_choice=False)


class NewScopeForm(AdminForm):
    """A scope, and perhaps an API of its own."""

    name = StringField("Name", [InputRequired("Enter a name for the scope")], filters=[_strip])
    description = StringField("Description")
    apis = _apis_field()
    new_api = StringField("New API", filters=[_strip])

    def validate_name(self, field: StringField) -> None:
        """Refuse what is no scope token."""
        _check(check_scope_name, field.data or "")

    def validate_new_api(self, field: StringField) -> None:
        """Refuse what cannot be an identifier; ask for one while there is no API to choose."""
        if field.data:
            _check(check_api_identifier, field.data)
        elif not list_resource_servers():
            raise ValidationError("Enter the identifier of an API")

    def refuse(self, error: OperationError) -> None:
        """Put a refusal of the new API at its own field: the others were choices."""
        if error.field == "apis" and self.new_api.data:
            error = OperationError(str(error), field="new_api")
        super().refuse(error)


class EditScopeForm(AdminForm):
    """A scope as the editor saw it."""

    description = StringField("Description")
    apis = _apis_field()
    version = HiddenField(validators=[Regexp(r"\d{1,9}\Z", message=_RELOAD)])


@bp.get("")
def index() -> ResponseReturnValue:
    """All scopes, grouped by API."""
    all_scopes = list_assigned_scopes()
    owners = list_resource_servers()
    groups = [(api, [scope for scope in all_scopes if scope.name in api.scopes]) for api in owners]
    return render_template(
        "admin/scopes/index.html", groups=[group for group in groups if group[1]]
    )


@bp.get("/new")
def new() -> ResponseReturnValue:
    """Ask for a new scope."""
    return _new_page(NewScopeForm())


@bp.post("/new")
def create() -> ResponseReturnValue:
    """Create a scope, with its API if that is new."""
    form = NewScopeForm()
    if form.validate_on_submit():
        try:
            scopes.create_scope(
                form.name.data or "",
                apis=[*(form.apis.data or []), form.new_api.data or ""],
                description=form.description.data or "",
                actor=acting(),
                now=wiring().clock(),
            )
        except OperationError as error:
            form.refuse(error)
        else:
            flash(f"Scope “{form.name.data}” was created.", "success")
            return redirect(url_for("admin.scopes.index"), 303)
    return _new_page(form), 422


@bp.get(f"/{ROW_NUMBER}")
def show(number: int) -> ResponseReturnValue:
    """A scope and what can be done to it."""
    scope = _get_scope(number)
    return render_template(
        "admin/scopes/show.html",
        scope=scope,
        owners=_owners(scope),
        impact=scope_impact(scope.name, wiring().clock()),
    )


@bp.get(f"/{ROW_NUMBER}/edit")
def edit(number: int) -> ResponseReturnValue:
    """Ask what is to change."""
    scope = _get_scope(number)
    form = EditScopeForm(
        description=scope.description, apis=list(scope.apis), version=str(scope.version)
    )
    return _edit_page(form, scope)


@bp.post(f"/{ROW_NUMBER}/edit")
def update(number: int) -> ResponseReturnValue:
    """Change a scope, unless somebody else was faster."""
    scope = _get_scope(number)
    form = EditScopeForm()
    if form.validate_on_submit():
        try:
            scopes.edit_scope(
                scope.name,
                description=form.description.data or "",
                apis=form.apis.data or [],
                version=int(form.version.data or 0),
                actor=acting(),
                now=wiring().clock(),
            )
        except EditConflictError:
            return _conflict_page(form, number)
        except OperationError as error:
            form.refuse(error)
        else:
            flash(f"Scope “{scope.name}” was saved.", "success")
            return redirect(url_for("admin.scopes.show", number=number), 303)
    return _edit_page(form, scope), 422


@bp.post(f"/{ROW_NUMBER}/disable")
def disable(number: int) -> ResponseReturnValue:
    """Grant a scope to nobody from now on."""
    scope = _get_scope(number)
    scopes.disable_scope(scope.name, actor=acting(), now=wiring().clock())
    flash(f"Scope “{scope.name}” was disabled.", "success")
    return redirect(url_for("admin.scopes.show", number=number), 303)


@bp.post(f"/{ROW_NUMBER}/enable")
def enable(number: int) -> ResponseReturnValue:
    """Grant a scope again."""
    scope = _get_scope(number)
    scopes.enable_scope(scope.name, actor=acting(), now=wiring().clock())
    flash(f"Scope “{scope.name}” was enabled.", "success")
    return redirect(url_for("admin.scopes.show", number=number), 303)


@bp.get(f"/{ROW_NUMBER}/delete")
def ask_delete(number: int) -> ResponseReturnValue:
    """Ask whether a scope is to go, or say who still uses it."""
    return _delete_page(_get_scope(number))


@bp.post(f"/{ROW_NUMBER}/delete")
def delete(number: int) -> ResponseReturnValue:
    """Remove a scope that no client has any more."""
    scope = _get_scope(number)
    try:
        scopes.delete_scope(scope.name, actor=acting(), now=wiring().clock())
    except InUseError:
        return _delete_page(_get_scope(number)), 409
    flash(f"Scope “{scope.name}” was deleted.", "success")
    return redirect(url_for("admin.scopes.index"), 303)


def _new_page(form: NewScopeForm) -> str:
    choices = _api_choices()
    if not choices:
        form.new_api.label.text = "API"
    return render_template("admin/scopes/new.html", form=form, choices=choices)


def _edit_page(form: EditScopeForm, scope: AssignedScope, *, conflict: bool = False) -> str:
    return render_template(
        "admin/scopes/edit.html",
        form=form,
        scope=scope,
        choices=_api_choices(),
        conflict=conflict,
    )


def _conflict_page(form: EditScopeForm, number: int) -> ResponseReturnValue:
    newest = _get_scope(number)
    # Whoever has read both versions may save over the newest one.
    form.version.data = str(newest.version)
    return _edit_page(form, newest, conflict=True), 409


def _delete_page(scope: AssignedScope) -> str:
    impact = scope_impact(scope.name, wiring().clock())
    return render_template("admin/scopes/delete.html", scope=scope, impact=impact)


def _get_scope(number: int) -> AssignedScope:
    scope = find_scope_by_number(number)
    if scope is None:
        abort(404)
    return scope


def _owners(scope: AssignedScope) -> list[ResourceServerDetails]:
    return [api for api in list_resource_servers() if api.identifier in scope.apis]


def _api_choices() -> list[tuple[str, str, str]]:
    return [
        (api.identifier, api.identifier, api.name if api.name != api.identifier else "")
        for api in list_resource_servers()
    ]
