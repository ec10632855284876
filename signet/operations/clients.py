"""What an operator does to a client: register, edit, enable, disable, delete, assign scopes."""

from collections.abc import Collection
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from signet.models.audit import Actor, act, append_change, append_entry
from signet.models.clients import ClientRow, TrustDetails, to_details
from signet.models.columns import NEVER
from signet.models.principal_names import PrincipalNameRow, fold_name, is_name_taken
from signet.models.refused_requests import forget_refusals_of
from signet.models.scopes import ScopeRow, find_scope_rows
from signet.models.usage import forget_usage_of
from signet.oauth.client import CLIENT_SECRET_BASIC, FEDERATED_JWT, generate_client_id
from signet.operations.client_authentication import ClientAuthentication, authentication_of
from signet.operations.client_facts import (
    ClientFacts,
    audit_facts,
    set_authentication,
    set_facts,
    set_tokens,
)
from signet.operations.client_secrets import add_secret, audited_client, get_client_row
from signet.operations.errors import EditConflictError, NotFoundError, OperationError
from signet.operations.secret_end import secret_facts
from signet.operations.secret_life import (
    DEFAULT_EXPIRES_IN,
    IssuedSecret,
    check_expires_in,
)
from signet.operations.text import check_client_id
from signet.operations.token_options import TokenOptions

_ORDINARY_TOKENS = TokenOptions()


def register_client(
    facts: ClientFacts,
    *,
    tokens: TokenOptions = _ORDINARY_TOKENS,
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
    facts, tokens = facts.checked(), tokens.checked()
    chosen = _choose_client_id(client_id)
    check_expires_in(secret_expires_in)
    with act() as session:
        client = _new_row(session, chosen, facts, scopes, actor=actor, now=now)
        set_tokens(client, tokens)
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
            after=audit_facts(client) | {"secret": secret_facts(client.secrets[0])},
        )
    return issued


def register_client_without_secret(
    facts: ClientFacts,
    authentication: ClientAuthentication,
    *,
    tokens: TokenOptions = _ORDINARY_TOKENS,
    client_id: str = "",
    scopes: Collection[str] = (),
    actor: Actor,
    now: datetime,
) -> str:
    """Register a client that proves itself otherwise, and return its client id.

    :param client_id: empty: one is generated.
    """
    facts, tokens = facts.checked(), tokens.checked()
    authentication = authentication.checked()
    if authentication.method == CLIENT_SECRET_BASIC:
        raise OperationError("A client of this method gets a secret")
    chosen = _choose_client_id(client_id)
    with act() as session:
        client = _new_row(session, chosen, facts, scopes, actor=actor, now=now)
        set_authentication(client, authentication)
        set_tokens(client, tokens)
        session.add(client)
        append_entry(
            session,
            actor=actor,
            action="client.create",
            object=audited_client(client),
            now=now,
            after=audit_facts(client),
        )
    return chosen


def edit_client(
    client_id: str,
    facts: ClientFacts,
    *,
    authentication: ClientAuthentication | None = None,
    tokens: TokenOptions | None = None,
    scopes: Collection[str] | None = None,
    version: int | None = None,
    actor: Actor,
    now: datetime,
) -> None:
    """Change what is said of a client; what is ``None`` stays.

    A client that changes its method is refused from now on by the one it had. Its secrets stay,
    and work again if it changes back before they expire.

    :param scopes: exactly these are assigned afterwards.
    :param version: what the editor saw; an :class:`EditConflictError` if that is not the newest.
    """
    facts = facts.checked()
    authentication = authentication.checked() if authentication is not None else None
    tokens = tokens.checked() if tokens is not None else None
    with act() as session:
        client = get_client_row(session, client_id)
        _check_version(client, version)
        before = audit_facts(client)
        set_facts(client, facts)
        if authentication is not None:
            set_authentication(client, authentication)
        if tokens is not None:
            set_tokens(client, tokens)
        if scopes is not None:
            client.scopes = _find_scopes(session, scopes)
        _record(session, client, "client.edit", before=before, actor=actor, now=now)


def trust_issuer(client_id: str, trust: TrustDetails, *, actor: Actor, now: datetime) -> None:
    """Let one more issuer vouch for a client, beside those that may already."""
    with act() as session:
        client = get_client_row(session, client_id)
        before = audit_facts(client)
        authentication = authentication_of(to_details(client))
        if authentication.method != FEDERATED_JWT:
            raise OperationError(
                f"Only a client of the method {FEDERATED_JWT} trusts issuers", field="trust_issuer"
            )
        trusted = (*authentication.trusted_issuers, trust)
        set_authentication(client, replace(authentication, trusted_issuers=trusted).checked())
        _record(session, client, "client.edit", before=before, actor=actor, now=now)


def enable_client(client_id: str, *, actor: Actor, now: datetime) -> None:
    """Let a disabled client get tokens again, with the secrets it has."""
    _set_enabled(client_id, True, actor=actor, now=now)


def disable_client(client_id: str, *, actor: Actor, now: datetime) -> None:
    """Refuse a client from now on; it keeps everything and can be enabled again."""
    _set_enabled(client_id, False, actor=actor, now=now)


def delete_client(client_id: str, *, actor: Actor, now: datetime) -> None:
    """Remove a client for good, its secrets and what is known of their use."""
    with act() as session:
        client = get_client_row(session, client_id)
        about, before = audited_client(client), audit_facts(client)
        # Rows of use before the client, as a batch of them takes hold of both.
        forget_usage_of(session, client_id)
        forget_refusals_of(session, client_id)
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
        before = audit_facts(client)
        client.scopes = _find_scopes(session, scopes)
        _record(session, client, "client.set_scopes", before=before, actor=actor, now=now)


def assign_scope(client_id: str, scope: str, *, actor: Actor, now: datetime) -> None:
    """Assign one more scope to a client."""
    with act() as session:
        client = get_client_row(session, client_id)
        before = audit_facts(client)
        names = {row.name for row in client.scopes} | {scope}
        client.scopes = _find_scopes(session, names)
        _record(session, client, "client.set_scopes", before=before, actor=actor, now=now)


def remove_scope(client_id: str, scope: str, *, actor: Actor, now: datetime) -> None:
    """Take a scope from a client."""
    with act() as session:
        client = get_client_row(session, client_id)
        before = audit_facts(client)
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
        before = audit_facts(client)
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
    if append_change(
        session,
        actor=actor,
        action=action,
        object=audited_client(client),
        now=now,
        before=before,
        after=audit_facts(client),
    ):
        client.version += 1


def _choose_client_id(client_id: str) -> str:
    return check_client_id(client_id) if client_id else generate_client_id()


def _new_row(
    session: Session,
    client_id: str,
    facts: ClientFacts,
    scopes: Collection[str],
    *,
    actor: Actor,
    now: datetime,
) -> ClientRow:
    if is_name_taken(session, client_id):
        raise OperationError(
            "This client ID is taken, by a client or an API: choose another", field="client_id"
        )
    client = ClientRow(
        client_id=client_id,
        principal_name=PrincipalNameRow(folded=fold_name(client_id)),
        enabled=True,
        created_at=now,
        created_by=actor.name,
        last_used_at=NEVER,
    )
    set_facts(client, facts)
    set_authentication(client, ClientAuthentication())
    client.scopes = _find_scopes(session, scopes)
    return client


def _find_scopes(session: Session, names: Collection[str]) -> list[ScopeRow]:
    wanted = set(names)
    rows = find_scope_rows(session, wanted)
    if missing := wanted - {row.name for row in rows}:
        raise OperationError(f"There is no scope “{min(missing)[:200]}”", field="scopes")
    return rows
