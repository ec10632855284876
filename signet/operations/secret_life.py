"""The life of a secret, whether a client or an API owns it: made, rotated, revoked, brought back.

A secret is generated here and returned once; what stays is its digest. Whose secrets there are
stands in ``client_secrets.py`` and ``resource_server_secrets.py``.
"""

import secrets as random_source
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Generic, Protocol, TypeVar

from sqlalchemy.orm import Session

from signet.models.audit import Actor, AuditedObject, act, append_entry
from signet.models.secrets import SecretRow
from signet.oauth.client import digest_client_secret, generate_client_secret, secret_hint
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.secret_end import (
    LATEST_QUIET_END,
    bring_back,
    check_undo,
    replace_secret,
    revoke_for_now,
    secret_facts,
)
from signet.operations.text import check_line

DEFAULT_EXPIRES_IN = timedelta(days=365)
DEFAULT_OVERLAP = timedelta(days=7)
LONGEST_OVERLAP = timedelta(days=365)
#: Enough for every rollout; a bound, because each is compared at each request.
MOST_LIVE_SECRETS = 10

Row = TypeVar("Row", bound=SecretRow)


@dataclass(frozen=True, slots=True, kw_only=True)
class IssuedSecret:
    """A new secret in clear: to be shown once, kept nowhere."""

    #: What is sent beside the secret: of an API its identifier.
    client_id: str
    secret_id: str
    client_secret: str = field(repr=False)
    expires_at: datetime | None
    #: Names of the scopes assigned to the client.
    scopes: tuple[str, ...] = ()


class OwnerRow(Protocol[Row]):
    """The row of a client or an API."""

    @property
    def secrets(self) -> list[Row]:
        """Its own, the oldest first."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretOwner(Generic[Row]):
    """A client or an API in an operation's transaction."""

    row: OwnerRow[Row]
    new_secret_row: Callable[..., Row]
    #: What is sent beside a secret, which is bound to it.
    client_id: str
    audited: AuditedObject
    scopes: tuple[str, ...] = ()
    #: Whether a secret is of any use to it.
    uses_secrets: bool = True
    #: Whether it is served at all: the quiet of one that is not says nothing.
    is_enabled: bool = True

    @property
    def secrets(self) -> list[Row]:
        """Its own, the oldest first; a new one is added here."""
        return self.row.secrets

    def live_secrets(self, now: datetime) -> list[Row]:
        """Those that authenticate the owner at this moment."""
        return [secret for secret in self.secrets if secret.to_client_secret().is_live(now)]


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretLife:
    """What an operator does to the secrets of one kind of owner."""

    #: How the audit log calls each act.
    create_action: str
    rotate_action: str
    revoke_action: str
    undo_action: str
    quiet_action: str
    #: What refusals call the owner.
    owner: str
    #: A :class:`NotFoundError` if nobody is called so.
    get_owner: Callable[[Session, str], SecretOwner[Any]]

    def create(
        self,
        owner_id: str,
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
            owner = self._get_owner_for_new(session, owner_id)
            self._check_room(owner, replaced=0, now=now)
            issued = add_secret(
                owner, description=description, expires_in=expires_in, actor=actor, now=now
            )
            append_entry(
                session,
                actor=actor,
                action=self.create_action,
                object=owner.audited,
                now=now,
                after=secret_facts(owner.secrets[-1]),
            )
        return issued

    def rotate(
        self,
        owner_id: str,
        *,
        overlap: timedelta = DEFAULT_OVERLAP,
        ends_when_quiet: bool = False,
        description: str = "",
        expires_in: timedelta | None = DEFAULT_EXPIRES_IN,
        replaces: Collection[str] | None = None,
        actor: Actor,
        now: datetime,
    ) -> IssuedSecret:
        """A new secret; the ones it replaces end when the overlap is over, by themselves.

        :param overlap: how long both work; zero: the replaced ones are refused at once.
        :param ends_when_quiet: instead, each ends once it is not used any more.
        :param replaces: ids of live secrets; ``None``: all of them.
        """
        check_expires_in(expires_in)
        description = _check_description(description)
        if ends_when_quiet:
            overlap = LATEST_QUIET_END
        if not timedelta() <= overlap <= LONGEST_OVERLAP:
            raise OperationError("Choose an overlap of at most 365 days", field="overlap")
        with act() as session:
            owner = self._get_owner_for_new(session, owner_id)
            replaced = _secrets_to_replace(owner, replaces, now=now)
            self._check_room(owner, replaced=len(replaced) if not overlap else 0, now=now)
            before = [secret_facts(secret) for secret in replaced]
            for secret in replaced:
                replace_secret(secret, overlap=overlap, when_quiet=ends_when_quiet, now=now)
            issued = add_secret(
                owner, description=description, expires_in=expires_in, actor=actor, now=now
            )
            append_entry(
                session,
                actor=actor,
                action=self.rotate_action,
                object=owner.audited,
                now=now,
                before={"replaced": before},
                after={
                    "secret": secret_facts(owner.secrets[-1]),
                    "replaced": [secret_facts(secret) for secret in replaced],
                },
            )
        return issued

    def revoke(self, owner_id: str, secret_id: str, *, actor: Actor, now: datetime) -> None:
        """Refuse a secret from now on; for an hour that can be taken back."""
        with act() as session:
            owner = self.get_owner(session, owner_id)
            secret = self.get_secret(owner, secret_id)
            if secret.revoked_at is not None:
                raise OperationError("This secret was revoked before")
            before = secret_facts(secret)
            revoke_for_now(secret, now=now)
            append_entry(
                session,
                actor=actor,
                action=self.revoke_action,
                object=owner.audited,
                now=now,
                before=before,
                after=secret_facts(secret),
            )

    def undo_revoke(self, owner_id: str, secret_id: str, *, actor: Actor, now: datetime) -> None:
        """Let a secret work again that was revoked a short time ago, as if nothing had been."""
        with act() as session:
            owner = self.get_owner(session, owner_id)
            secret = self.get_secret(owner, secret_id)
            check_undo(secret, now=now)
            self._check_room(owner, replaced=0, now=now)
            before = secret_facts(secret)
            bring_back(secret)
            append_entry(
                session,
                actor=actor,
                action=self.undo_action,
                object=owner.audited,
                now=now,
                before=before,
                after=secret_facts(secret),
            )

    def get_secret(self, owner: SecretOwner[Any], secret_id: str) -> SecretRow:
        """One of the owner's secrets; a :class:`NotFoundError` if it has no such one."""
        for secret in owner.secrets:
            if secret.secret_id == secret_id:
                found: SecretRow = secret
                return found
        raise NotFoundError(f"This {self.owner} has no such secret")

    def _get_owner_for_new(self, session: Session, owner_id: str) -> SecretOwner[Any]:
        owner = self.get_owner(session, owner_id)
        if not owner.uses_secrets:
            raise OperationError(f"This {self.owner} proves itself otherwise and uses no secret")
        return owner

    def _check_room(self, owner: SecretOwner[Any], *, replaced: int, now: datetime) -> None:
        if len(owner.live_secrets(now)) - replaced >= MOST_LIVE_SECRETS:
            raise OperationError(
                f"This {self.owner} has {MOST_LIVE_SECRETS} live secrets: revoke one of them first"
            )


def add_secret(
    owner: SecretOwner[Any],
    *,
    description: str,
    expires_in: timedelta | None,
    actor: Actor,
    now: datetime,
) -> IssuedSecret:
    """Generate a secret in an operation's transaction."""
    client_secret = generate_client_secret()
    row = owner.new_secret_row(
        secret_id=random_source.token_hex(6),
        description=description,
        digest=digest_client_secret(client_secret, client_id=owner.client_id),
        hint=secret_hint(client_secret),
        created_at=now,
        created_by=actor.name,
        expires_at=now + expires_in if expires_in is not None else None,
        replaced_at=None,
        revoked_at=None,
    )
    owner.secrets.append(row)
    return IssuedSecret(
        client_id=owner.client_id,
        secret_id=row.secret_id,
        client_secret=client_secret,
        expires_at=row.expires_at,
        scopes=owner.scopes,
    )


def check_expires_in(expires_in: timedelta | None) -> None:
    """Refuse a secret that would be born dead or outlive everybody."""
    if expires_in is None:
        return
    if not timedelta() < expires_in <= timedelta(days=3_650):
        raise OperationError("Choose an expiry of at most 3650 days, or never", field="expires_in")


def _secrets_to_replace(
    owner: SecretOwner[Row], replaces: Collection[str] | None, *, now: datetime
) -> list[Row]:
    live = owner.live_secrets(now)
    if replaces is None:
        return live
    chosen = [secret for secret in live if secret.secret_id in replaces]
    if len(chosen) != len(set(replaces)):
        raise OperationError("A secret to be replaced has ended in the meantime", field="replaces")
    return chosen


def _check_description(description: str) -> str:
    return check_line(description, field="description", what="a name", longest=100, required=False)
