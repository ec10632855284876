"""Scopes to choose from, grouped by the APIs that own them; and what a choice amounts to."""

from collections.abc import Collection, Iterable
from typing import NamedTuple

from wtforms import SelectMultipleField, ValidationError
from wtforms.form import BaseForm

from signet.models.resource_servers import ResourceServerDetails, list_resource_servers
from signet.models.scopes import ScopeDetails, list_scope_names, list_scopes


class ScopeChoice(NamedTuple):
    """One check box: what is sent, what is read, the line under it."""

    value: str
    label: str
    description: str


class ScopeGroup(NamedTuple):
    """The scopes of an API, or those that several APIs share."""

    heading: str
    choices: tuple[ScopeChoice, ...]


def scopes_field() -> SelectMultipleField:
    """Check boxes of scopes; a name that is none is refused before it reaches the database."""
    return SelectMultipleField(
        "Scopes", [_refuse_unknown_scopes], choices=[], validate_choice=False
    )


def scope_groups() -> tuple[ScopeGroup, ...]:
    """All scopes; each stands once, in the group of exactly the APIs that own it."""
    names = {api.identifier: _heading(api) for api in list_resource_servers()}
    groups: dict[tuple[str, ...], list[ScopeChoice]] = {}
    for scope in list_scopes():
        groups.setdefault(scope.apis, []).append(_to_choice(scope))
    headings = {apis: " and ".join(names.get(api, api) for api in apis) for apis in groups}
    ordered = sorted(groups, key=lambda apis: (len(apis), headings[apis].casefold(), apis))
    return tuple(ScopeGroup(headings[apis], tuple(groups[apis])) for apis in ordered)


def granted(names: Collection[str]) -> tuple[ScopeDetails, ...]:
    """Of the scopes assigned to a client those that it gets, which a disabled one is not."""
    return tuple(scope for scope in list_scopes() if scope.enabled and scope.name in names)


def audiences(scopes: Iterable[ScopeDetails]) -> tuple[str, ...]:
    """The identifiers of the APIs that own these scopes: what ``aud`` will be."""
    return tuple(sorted({api for scope in scopes for api in scope.apis}))


def _refuse_unknown_scopes(form: BaseForm, field: SelectMultipleField) -> None:
    if not set(field.data or ()) <= set(list_scope_names()):
        raise ValidationError("A chosen scope is not there any more: look at the list again")


def _heading(api: ResourceServerDetails) -> str:
    return api.identifier if api.name == api.identifier else f"{api.name} ({api.identifier})"


def _to_choice(scope: ScopeDetails) -> ScopeChoice:
    description = scope.description
    if not scope.enabled:
        description = f"{description} (disabled: granted to nobody)".strip()
    return ScopeChoice(scope.name, scope.name, description)
