"""What an operator does to the secrets of a client: create, rotate, revoke, undo that."""

from datetime import datetime, timedelta

from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject
from signet.models.clients import ClientRow, ClientSecretRow, find_client_row
from signet.oauth.client import CLIENT_SECRET_BASIC
from signet.operations import secret_life
from signet.operations.errors import NotFoundError
from signet.operations.secret_life import (
    IssuedSecret,
    SecretLife,
    SecretOwner,
)


def get_client_row(session: Session, client_id: str) -> ClientRow:
    """The row of the client; a :class:`NotFoundError` if there is none."""
    client = find_client_row(session, client_id)
    if client is None:
        raise NotFoundError(f"There is no client “{client_id[:100]}”")
    return client


def audited_client(client: ClientRow) -> AuditedObject:
    """The client as an audit entry names it."""
    return AuditedObject("client", client.client_id, client.name)


def add_secret(
    client: ClientRow,
    *,
    description: str,
    expires_in: timedelta | None,
    actor: Actor,
    now: datetime,
) -> IssuedSecret:
    """Generate a secret for a client in an operation's transaction."""
    return secret_life.add_secret(
        _owner(client), description=description, expires_in=expires_in, actor=actor, now=now
    )


def _owner(client: ClientRow) -> SecretOwner[ClientSecretRow]:
    return SecretOwner(
        row=client,
        new_secret_row=ClientSecretRow,
        client_id=client.client_id,
        audited=audited_client(client),
        scopes=tuple(sorted(scope.name for scope in client.scopes)),
        uses_secrets=client.token_endpoint_auth_method == CLIENT_SECRET_BASIC,
        is_enabled=client.enabled,
    )


LIFE = SecretLife(
    create_action="secret.create",
    rotate_action="secret.rotate",
    revoke_action="secret.revoke",
    undo_action="secret.undo_revoke",
    quiet_action="secret.end_quiet",
    owner="client",
    get_owner=lambda session, client_id: _owner(get_client_row(session, client_id)),
)
create_secret, rotate_secret, revoke_secret = LIFE.create, LIFE.rotate, LIFE.revoke
undo_revoke = LIFE.undo_revoke
