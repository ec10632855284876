"""What an operator does to APIs (resource servers): create, edit, delete."""

from datetime import datetime

from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.principal_names import PrincipalNameRow, fold_name, is_name_taken
from signet.models.resource_servers import find_resource_server_row
from signet.models.scopes import ResourceServerRow
from signet.operations.errors import EditConflictError, InUseError, NotFoundError, OperationError
from signet.operations.text import check_api_identifier, check_line


def create_resource_server(identifier: str, *, name: str = "", actor: Actor, now: datetime) -> None:
    """Register an API under the identifier that its tokens carry as ``aud``."""
    with act() as session:
        api = add_resource_server(session, identifier, name=name, now=now)
        append_entry(
            session,
            actor=actor,
            action="api.create",
            object=_audited(api),
            now=now,
            after={"name": api.name},
        )


def edit_resource_server(
    identifier: str, *, name: str, version: int | None = None, actor: Actor, now: datetime
) -> None:
    """Change the name of an API; its identifier stays.

    :param version: what the editor saw; an :class:`EditConflictError` if that is not the newest.
    """
    name = _check_name(name, identifier)
    with act() as session:
        api = _get_row(session, identifier)
        if version is not None and api.version != version:
            raise EditConflictError("Somebody else has changed this API in the meantime")
        if api.name == name:
            return
        before = {"name": api.name}
        api.name = name
        api.version += 1
        append_entry(
            session,
            actor=actor,
            action="api.edit",
            object=_audited(api),
            now=now,
            before=before,
            after={"name": name},
        )


def delete_resource_server(identifier: str, *, actor: Actor, now: datetime) -> None:
    """Remove an API that owns no scope any more."""
    with act() as session:
        api = _get_row(session, identifier)
        if api.scopes:
            raise InUseError(
                f"“{api.name}” still owns scopes: delete these first, or give them to another API",
                users=tuple(scope.name for scope in api.scopes),
            )
        about, before = _audited(api), {"name": api.name}
        session.delete(api)
        append_entry(
            session, actor=actor, action="api.delete", object=about, now=now, before=before
        )


def add_resource_server(
    session: Session, identifier: str, *, name: str = "", field: str = "identifier", now: datetime
) -> ResourceServerRow:
    """A new API in an operation's transaction."""
    identifier = check_api_identifier(identifier, field=field)
    if is_name_taken(session, identifier):
        raise OperationError(
            "This identifier is taken, by an API or a client: choose another", field=field
        )
    api = ResourceServerRow(
        identifier=identifier,
        principal_name=PrincipalNameRow(folded=fold_name(identifier)),
        name=_check_name(name, identifier),
        created_at=now,
    )
    session.add(api)
    return api


def _check_name(name: str, identifier: str) -> str:
    return (
        check_line(name, field="name", what="a name for the API", longest=100, required=False)
        or identifier[:100]
    )


def _get_row(session: Session, identifier: str) -> ResourceServerRow:
    api = find_resource_server_row(session, identifier)
    if api is None:
        raise NotFoundError(f"There is no API “{identifier[:200]}”")
    return api


def _audited(api: ResourceServerRow) -> AuditedObject:
    return AuditedObject("api", api.identifier, api.name)
