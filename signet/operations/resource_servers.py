"""What an operator does to APIs (resource servers): create, edit, delete.

An API may want its tokens signed with an algorithm of its own. A key of it is then made before:
nothing may be granted that nobody can sign.
"""

from datetime import datetime

from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject, act, append_change, append_entry
from signet.models.database import read
from signet.models.key_encryption import KeyEncryption
from signet.models.principal_names import PrincipalNameRow, fold_name, is_name_taken
from signet.models.refused_requests import forget_refusals_of
from signet.models.resource_servers import find_resource_server_row
from signet.models.scopes import ResourceServerRow
from signet.models.usage import forget_usage_of
from signet.oauth.jwks import RSA_BITS
from signet.operations.errors import EditConflictError, InUseError, NotFoundError, OperationError
from signet.operations.signing_keys import ensure_signing_key
from signet.operations.text import check_api_identifier, check_line
from signet.settings import SIGNING_ALGORITHMS


def create_resource_server(
    identifier: str,
    *,
    name: str = "",
    signing_alg: str | None = None,
    rsa_bits: int = RSA_BITS,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> None:
    """Register an API under the identifier that its tokens carry as ``aud``.

    :param signing_alg: of its tokens; ``None``: the server's default.
    """
    identifier = check_api_identifier(identifier)
    name = _check_name(name, identifier)
    if signing_alg is not None:
        _check_signing_alg(signing_alg)
        with read() as session:
            _check_free(session, identifier, field="identifier")
        ensure_signing_key(
            signing_alg, rsa_bits=rsa_bits, encryption=encryption, actor=actor, now=now
        )
    with act() as session:
        api = add_resource_server(session, identifier, name=name, now=now)
        api.signing_alg = signing_alg
        append_entry(
            session,
            actor=actor,
            action="api.create",
            object=audited_api(api),
            now=now,
            after=_facts(api),
        )


def edit_resource_server(
    identifier: str,
    *,
    name: str,
    signing_alg: str | None,
    version: int | None = None,
    rsa_bits: int = RSA_BITS,
    encryption: KeyEncryption,
    actor: Actor,
    now: datetime,
) -> None:
    """Change the name of an API and how its tokens are signed; its identifier stays.

    :param signing_alg: ``None``: the server's default.
    :param version: what the editor saw; an :class:`EditConflictError` if that is not the newest.
    """
    name = _check_name(name, identifier)
    if signing_alg is not None:
        _check_signing_alg(signing_alg)
        with read() as session:
            _get_version(session, identifier, version)
        ensure_signing_key(
            signing_alg, rsa_bits=rsa_bits, encryption=encryption, actor=actor, now=now
        )
    with act() as session:
        api = _get_version(session, identifier, version)
        before = _facts(api)
        api.name, api.signing_alg = name, signing_alg
        if append_change(
            session,
            actor=actor,
            action="api.edit",
            object=audited_api(api),
            now=now,
            before=before,
            after=_facts(api),
        ):
            api.version += 1


def delete_resource_server(identifier: str, *, actor: Actor, now: datetime) -> None:
    """Remove an API that owns no scope any more, with its secrets and their use."""
    with act() as session:
        api = get_resource_server_row(session, identifier)
        if api.scopes:
            raise InUseError(
                f"“{api.name}” still owns scopes: delete these first, or give them to another API",
                users=tuple(scope.name for scope in api.scopes),
            )
        about, before = audited_api(api), _facts(api)
        session.delete(api)
        forget_usage_of(session, identifier)
        forget_refusals_of(session, identifier)
        append_entry(
            session, actor=actor, action="api.delete", object=about, now=now, before=before
        )


def add_resource_server(
    session: Session, identifier: str, *, name: str = "", field: str = "identifier", now: datetime
) -> ResourceServerRow:
    """A new API in an operation's transaction."""
    identifier = check_api_identifier(identifier, field=field)
    _check_free(session, identifier, field=field)
    api = ResourceServerRow(
        identifier=identifier,
        principal_name=PrincipalNameRow(folded=fold_name(identifier)),
        name=_check_name(name, identifier),
        signing_alg=None,
        created_at=now,
    )
    session.add(api)
    return api


def get_resource_server_row(session: Session, identifier: str) -> ResourceServerRow:
    """The row of the API; a :class:`NotFoundError` if there is none."""
    api = find_resource_server_row(session, identifier)
    if api is None:
        raise NotFoundError(f"There is no API “{identifier[:200]}”")
    return api


def audited_api(api: ResourceServerRow) -> AuditedObject:
    """The API as an audit entry names it."""
    return AuditedObject("api", api.identifier, api.name)


def _get_version(session: Session, identifier: str, version: int | None) -> ResourceServerRow:
    api = get_resource_server_row(session, identifier)
    if version is not None and api.version != version:
        raise EditConflictError("Somebody else has changed this API in the meantime")
    return api


def _facts(api: ResourceServerRow) -> dict[str, str | None]:
    return {"name": api.name, "signing_alg": api.signing_alg}


def _check_free(session: Session, identifier: str, *, field: str) -> None:
    if is_name_taken(session, identifier):
        raise OperationError(
            "This identifier is taken, by an API or a client: choose another", field=field
        )


def _check_name(name: str, identifier: str) -> str:
    return (
        check_line(name, field="name", what="a name for the API", longest=100, required=False)
        or identifier[:100]
    )


def _check_signing_alg(signing_alg: str) -> None:
    if signing_alg not in SIGNING_ALGORITHMS:
        raise OperationError(
            f"Choose one of {', '.join(SIGNING_ALGORITHMS)}, or the default", field="signing_alg"
        )
