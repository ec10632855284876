"""What an operator does to a client: register, edit, enable, disable, delete, assign scopes."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from signet.models.audit import Actor, act, append_entry
from signet.models.clients import ClientRow
from signet.models.principal_names import PrincipalNameRow, fold_name, is_name_taken
from signet.models.scopes import ScopeRow, find_scope_rows
from signet.oauth.client import (
    DEFAULT_LIFETIME,
    LONGEST_LIFETIME,
    SHORTEST_LIFETIME,
    generate_client_id,
)
from signet.operations.client_secrets import (
    DEFAULT_EXPIRES_IN,
    IssuedSecret,
    add_secret,
    audited_client,
    check_expires_in,
    get_client_row,
    secret_facts,
)
from signet.operations.errors import EditConflictError, NotFoundError, OperationError
from signet.operations.text import check_client_id, check_line, check_paragraph


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientFacts:
    """What an operator says of a client."""

    name: str
    description: str = ""
    contact: str = ""
    access_token_lifetime: timedelta = DEFAULT_LIFETIME

    def checked(self) -> "ClientFacts":
        """The same, trimmed; or an ``OperationError``."""
        return ClientFacts(
            name=check_line(self.name, field="name", what="a name for the client", longest=100),
            description=check_paragraph(self.description, field="description", longest=2_000),
            contact=check_line(
                self.contact, field="contact", what="a contact", longest=200, required=False
            ),
            access_token_lifetime=_check_lifetime(self.access_token_lifetime),
        )


def register_client(
    facts: ClientFacts,
    *,
    client_id: str = "",
    scopes: Collection[str] = (),
    secret_expires_in: timedelta | None = DEFAULT_EXPIRES_IN,
    actor: Actor,
    now: datetime,
) -> IssuedSecret:
    """Register a client with a first secret, which is in the answer and nowhere else.

    :param client_id: empty: one is generated.
    :param secret_expires_in: ``None``: the secret does not expire.
    """
    facts = facts.checked()
    chosen = check_client_id(client_id) if client_id else generate_client_id()
    check_expires_in(secret_expires_in)
    with act() as session:
        if is_name_taken(session, chosen):
            raise OperationError(
                "This client ID is taken, by a client or an API: choose another",
                field="client_id",
            )
        client = ClientRow(
            client_id=chosen,
            principal_name=PrincipalNameRow(folded=fold_name(chosen)),
            enabled=True,
            created_at=now,
            created_by=actor.name,
        )
        _set_facts(client, facts)
        client.scopes = _find_scopes(session, scopes)
        issued = add_secret(
            client, description="", expires_in=secret_expires_in, actor=actor, now=now
        )
        session.add(client)
        append_entry(
            session,
            actor=actor,
            action="client.create",
            object=audited_client(client),
            now=now,
            after=_facts(client) | {"secret": secret_facts(client.secrets[0])},
        )
    return issued


def edit_client(
    client_id: str,
    facts: ClientFacts,
    *,
    scopes: Collection[str] | None = None,
    version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change what is said of a client.

    :param scopes: exactly these are assigned afterwards; ``None``: those that are.
    :param version: what the editor saw; an :class:`EditConflictError` if that is not the newest.
    """
    facts = facts.checked()
    with act() as session:
        client = get_client_row(session, client_id)
        _check_version(client, version)
        before = _facts(client)
        _set_facts(client, facts)
        if scopes is not None:
            client.scopes = _find_scopes(session, scopes)
        _record(session, client, "client.edit", before=before, actor=actor, now=now)


def enable_client(client_id: str, *, actor: Actor, now: datetime) -> None:
    """Let a disabled client get tokens again, with the secrets it has."""
    _set_enabled(client_id, True, actor=actor, now=now)


def disable_client(client_id: str, *, actor: Actor, now: datetime) -> None:
    """Refuse a client from now on; it keeps everything and can be enabled again."""
    _set_enabled(client_id, False, actor=actor, now=now)


def delete_client(client_id: str, *, actor: Actor, now: datetime) -> None:
    """Remove a client and its secrets for good."""
    with act() as session:
        client = get_client_row(session, client_id)
        about, before = audited_client(client), _facts(client)
        session.delete(client)
        append_entry(
            session, actor=actor, action="client.delete", object=about, now=now, before=before
        )


def set_scopes(
    client_id: str,
    scopes: Collection[str],
    *,
    version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Assign exactly these scopes to a client; counts for new tokens.

    :param version: what the editor saw; an :class:`EditConflictError` if that is not the newest.
    """
    with act() as session:
        client = get_client_row(session, client_id)
        _check_version(client, version)
        before = _facts(client)
        client.scopes = _find_scopes(session, scopes)
        _record(session, client, "client.set_scopes", before=before, actor=actor, now=now)


def assign_scope(client_id: str, scope: str, *, actor: Actor, now: datetime) -> None:
    """Assign one more scope to a client."""
    with act() as session:
        client = get_client_row(session, client_id)
        before = _facts(client)
        names = {row.name for row in client.scopes} | {scope}
        client.scopes = _find_scopes(session, names)
        _record(session, client, "client.set_scopes", before=before, actor=actor, now=now)


def remove_scope(client_id: str, scope: str, *, actor: Actor, now: datetime) -> None:
    """Take a scope from a client."""
    with act() as session:
        client = get_client_row(session, client_id)
        before = _facts(client)
        names = {row.name for row in client.scopes}
        if scope not in names:
            raise NotFoundError(f"“{scope}” is not assigned to this client", field="scope")
        client.scopes = _find_scopes(session, names - {scope})
        _record(session, client, "client.set_scopes", before=before, actor=actor, now=now)


def _check_version(client: ClientRow, version: int | None) -> None:
    if version is not None and client.version != version:
        raise EditConflictError("Somebody else has changed this client since you opened the form")


def _set_enabled(client_id: str, enabled: bool, *, actor: Actor, now: datetime) -> None:
    with act() as session:
        client = get_client_row(session, client_id)
        before = _facts(client)
        client.enabled = enabled
        action = "client.enable" if enabled else "client.disable"
        _record(session, client, action, before=before, actor=actor, now=now)


def _record(
    session: Session,
    client: ClientRow,
    action: str,
    *,
    before: dict[str, Any],
    actor: Actor,
    now: datetime,
) -> None:
    after = _facts(client)
    changed = {name for name in after if before[name] != after[name]}
    if not changed:
        return
    client.version += 1
    append_entry(
        session,
        actor=actor,
        action=action,
        object=audited_client(client),
        now=now,
        before={name: before[name] for name in changed},
        after={name: after[name] for name in changed},
    )


def _set_facts(client: ClientRow, facts: ClientFacts) -> None:
    client.name = facts.name
    client.folded_name = facts.name.casefold()
    client.description = facts.description
    client.contact = facts.contact
    client.access_token_lifetime = int(facts.access_token_lifetime.total_seconds())


def _facts(client: ClientRow) -> dict[str, Any]:
    return {
        "name": client.name,
        "description": client.description,
        "contact": client.contact,
        "enabled": client.enabled,
        "access_token_lifetime": client.access_token_lifetime,
        "scope": " ".join(sorted(scope.name for scope in client.scopes)),
    }


def _find_scopes(session: Session, names: Collection[str]) -> list[ScopeRow]:
    wanted = set(names)
    rows = find_scope_rows(session, wanted)
    if missing := wanted - {row.name for row in rows}:
        raise OperationError(f"There is no scope “{min(missing)[:200]}”", field="scopes")
    return rows


def _check_lifetime(lifetime: timedelta) -> timedelta:
    if not SHORTEST_LIFETIME <= lifetime <= LONGEST_LIFETIME or lifetime.microseconds:
        raise OperationError(
            "Choose a token lifetime from 60 to 86,400 seconds", field="access_token_lifetime"
        )
    return lifetime
