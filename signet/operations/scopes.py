"""What an operator does to scopes: create, edit, enable, disable, delete."""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject, act, append_change, append_entry
from signet.models.clients import find_client_ids_of_scope
from signet.models.resource_servers import find_resource_server_row
from signet.models.scopes import ResourceServerRow, ScopeRow, find_scope_row
from signet.operations.errors import EditConflictError, InUseError, NotFoundError, OperationError
from signet.operations.resource_servers import add_resource_server
from signet.operations.text import check_api_identifier, check_line, check_scope_name


def create_scope(
    name: str,
    *,
    apis: Collection[str],
    description: str = "",
    actor: Actor,
    now: datetime,
) -> None:
    """Create a scope.

    :param apis: identifiers of the APIs that own it, at least one; those missing are created.
    """
    name = check_scope_name(name)
    description = _check_description(description)
    owners = _check_owners(apis)
    with act() as session:
        if find_scope_row(session, name) is not None:
            raise OperationError(f"There is a scope “{name}” already", field="name")
        scope = ScopeRow(name=name, description=description, enabled=True, created_at=now)
        scope.resource_servers = [
            find_resource_server_row(session, identifier)
            or add_resource_server(session, identifier, field="apis", now=now)
            for identifier in owners
        ]
        session.add(scope)
        append_entry(
            session,
            actor=actor,
            action="scope.create",
            object=_audited(scope),
            now=now,
            after=_facts(scope),
        )


def edit_scope(
    name: str,
    *,
    description: str,
    apis: Collection[str],
    version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change the description of a scope and the APIs that own it; its name stays.

    :param version: what the editor saw; an :class:`EditConflictError` if that is not the newest.
    """
    description = _check_description(description)
    owners = _check_owners(apis)
    with act() as session:
        scope = _get_row(session, name)
        if version is not None and scope.version != version:
            raise EditConflictError("Somebody else has changed this scope in the meantime")
        before = _facts(scope)
        scope.description = description
        scope.resource_servers = [_get_owner(session, identifier) for identifier in owners]
        _record(session, scope, "scope.edit", before=before, actor=actor, now=now)


def enable_scope(name: str, *, actor: Actor, now: datetime) -> None:
    """Grant a disabled scope again to the clients it is assigned to."""
    _set_enabled(name, True, actor=actor, now=now)


def disable_scope(name: str, *, actor: Actor, now: datetime) -> None:
    """Grant a scope to nobody from now on; it stays assigned and can be enabled again."""
    _set_enabled(name, False, actor=actor, now=now)


def delete_scope(name: str, *, actor: Actor, now: datetime) -> None:
    """Remove a scope that no client has any more."""
    with act() as session:
        scope = _get_row(session, name)
        if users := find_client_ids_of_scope(session, scope):
            raise InUseError(
                f"“{name}” is still assigned to clients: take it from them first", users=users
            )
        about, before = _audited(scope), _facts(scope)
        session.delete(scope)
        append_entry(
            session, actor=actor, action="scope.delete", object=about, now=now, before=before
        )


def _set_enabled(name: str, enabled: bool, *, actor: Actor, now: datetime) -> None:
    with act() as session:
        scope = _get_row(session, name)
        before = _facts(scope)
        scope.enabled = enabled
        action = "scope.enable" if enabled else "scope.disable"
        _record(session, scope, action, before=before, actor=actor, now=now)


def _record(
    session: Session,
    scope: ScopeRow,
    action: str,
    *,
    before: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    if append_change(
        session,
        actor=actor,
        action=action,
        object=_audited(scope),
        now=now,
        before=before,
        after=_facts(scope),
    ):
        scope.version += 1


def _facts(scope: ScopeRow) -> dict[str, Any]:
    return {
        "description": scope.description,
        "enabled": scope.enabled,
        "apis": sorted(api.identifier for api in scope.resource_servers),
    }


def _check_owners(apis: Collection[str]) -> list[str]:
    named = {identifier.strip() for identifier in apis} - {""}
    if not named:
        raise OperationError("Select at least one API for the scope", field="apis")
    return sorted(check_api_identifier(identifier, field="apis") for identifier in named)


def _get_owner(session: Session, identifier: str) -> ResourceServerRow:
    api = find_resource_server_row(session, identifier)
    if api is None:
        raise OperationError(f"There is no API “{identifier[:200]}”", field="apis")
    return api


def _check_description(description: str) -> str:
    return check_line(
        description, field="description", what="a description", longest=500, required=False
    )


def _get_row(session: Session, name: str) -> ScopeRow:
    scope = find_scope_row(session, name)
    if scope is None:
        raise NotFoundError(f"There is no scope “{name[:200]}”")
    return scope


def _audited(scope: ScopeRow) -> AuditedObject:
    return AuditedObject("scope", scope.name, scope.name)
