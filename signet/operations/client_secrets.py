"""What an operator does to the secrets of a client: create, rotate, revoke.

A secret is generated here and returned once; what stays is its digest.
"""

import secrets as random_source
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.clients import ClientRow, ClientSecretRow, find_client_row
from signet.oauth.client import digest_client_secret, generate_client_secret, secret_hint
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.text import check_line

DEFAULT_EXPIRES_IN = timedelta(days=365)
DEFAULT_OVERLAP = timedelta(days=7)
LONGEST_OVERLAP = timedelta(days=365)
#: Enough for every rollout; a bound, because each is compared at each request.
MOST_LIVE_SECRETS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """A new secret in clear: to be shown once, kept nowhere."""

    client_id: str
    secret_id: str
    client_secret: str = field(repr=False)
    expires_at: datetime | None
    #: Names of the scopes assigned to the client.
    scopes: tuple[str, ...] = ()


def create_secret(
    client_id: str,
    *,
    description: str = "",
    expires_in: timedelta | None = DEFAULT_EXPIRES_IN,
    actor: Actor,
    now: datetime,
) -> IssuedSecret:
    """One more secret; those there are stay as they are.

    :param expires_in: ``None``: it does not expire.
    """
    check_expires_in(expires_in)
    description = _check_description(description)
    with act() as session:
        client = get_client_row(session, client_id)
        _check_room(client, replaced=0, now=now)
        issued = add_secret(
            client, description=description, expires_in=expires_in, actor=actor, now=now
        )
        append_entry(
            session,
            actor=actor,
            action="secret.create",
            object=audited_client(client),
            now=now,
            after=secret_facts(client.secrets[-1]),
        )
    return issued


def rotate_secret(
    client_id: str,
    *,
    overlap: timedelta = DEFAULT_OVERLAP,
    description: str = "",
    expires_in: timedelta | None = DEFAULT_EXPIRES_IN,
    replaces: Collection[str] | None = None,
    actor: Actor,
    now: datetime,
) -> IssuedSecret:
    """A new secret; the ones it replaces end when the overlap is over, by themselves.

    :param overlap: how long both work; zero: the replaced ones are refused at once.
    :param replaces: ids of live secrets; ``None``: all of them.
    """
    check_expires_in(expires_in)
    description = _check_description(description)
    if not timedelta() <= overlap <= LONGEST_OVERLAP:
        raise OperationError("Choose an overlap of at most 365 days", field="overlap")
    with act() as session:
        client = get_client_row(session, client_id)
        replaced = _secrets_to_replace(client, replaces, now=now)
        _check_room(client, replaced=len(replaced) if not overlap else 0, now=now)
        before = [secret_facts(secret) for secret in replaced]
        for secret in replaced:
            _end_secret(secret, overlap=overlap, now=now)
        issued = add_secret(
            client, description=description, expires_in=expires_in, actor=actor, now=now
        )
        append_entry(
            session,
            actor=actor,
            action="secret.rotate",
            object=audited_client(client),
            now=now,
            before={"replaced": before},
            after={
                "secret": secret_facts(client.secrets[-1]),
                "replaced": [secret_facts(secret) for secret in replaced],
            },
        )
    return issued


def revoke_secret(client_id: str, secret_id: str, *, actor: Actor, now: datetime) -> None:
    """Refuse a secret from now on, for good."""
    with act() as session:
        client = get_client_row(session, client_id)
        secret = next((row for row in client.secrets if row.secret_id == secret_id), None)
        if secret is None:
            raise NotFoundError("This client has no such secret")
        if secret.revoked_at is not None:
            raise OperationError("This secret was revoked before")
        before = secret_facts(secret)
        secret.revoked_at = now
        append_entry(
            session,
            actor=actor,
            action="secret.revoke",
            object=audited_client(client),
            now=now,
            before=before,
            after=secret_facts(secret),
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
    client_secret = generate_client_secret()
    row = ClientSecretRow(
        secret_id=random_source.token_hex(6),
        description=description,
        digest=digest_client_secret(client_secret, client_id=client.client_id),
        hint=secret_hint(client_secret),
        created_at=now,
        created_by=actor.name,
        expires_at=now + expires_in if expires_in is not None else None,
        replaced_at=None,
        revoked_at=None,
    )
    client.secrets.append(row)
    return IssuedSecret(
        client_id=client.client_id,
        secret_id=row.secret_id,
        client_secret=client_secret,
        expires_at=row.expires_at,
        scopes=tuple(sorted(scope.name for scope in client.scopes)),
    )


def check_expires_in(expires_in: timedelta | None) -> None:
    """Refuse a secret that would be born dead or outlive everybody."""
    if expires_in is None:
        return
    if not timedelta() < expires_in <= timedelta(days=3_650):
        raise OperationError("Choose an expiry of at most 3650 days, or never", field="expires_in")


def secret_facts(secret: ClientSecretRow) -> dict[str, Any]:
    """What an audit entry says of a secret: nothing of the secret itself."""
    return {
        "secret_id": secret.secret_id,
        "description": secret.description,
        "expires_at": _text(secret.expires_at),
        "revoked_at": _text(secret.revoked_at),
    }


def _secrets_to_replace(
    client: ClientRow, replaces: Collection[str] | None, *, now: datetime
) -> list[ClientSecretRow]:
    live = _live_secrets(client, now)
    if replaces is None:
        return live
    chosen = [secret for secret in live if secret.secret_id in replaces]
    if len(chosen) != len(set(replaces)):
        raise OperationError("A secret to be replaced has ended in the meantime", field="replaces")
    return chosen


def _live_secrets(client: ClientRow, now: datetime) -> list[ClientSecretRow]:
    return [secret for secret in client.secrets if secret.to_client_secret().is_live(now)]


def _end_secret(secret: ClientSecretRow, *, overlap: timedelta, now: datetime) -> None:
    secret.replaced_at = secret.replaced_at or now
    if not overlap:
        secret.revoked_at = now
        return
    end = now + overlap
    secret.expires_at = min(secret.expires_at, end) if secret.expires_at else end


def _check_room(client: ClientRow, *, replaced: int, now: datetime) -> None:
    if len(_live_secrets(client, now)) - replaced >= MOST_LIVE_SECRETS:
        raise OperationError(
            f"This client has {MOST_LIVE_SECRETS} live secrets: revoke one of them first"
        )


def _check_description(description: str) -> str:
    return check_line(description, field="description", what="a name", longest=100, required=False)


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat(timespec="seconds") if moment else None
