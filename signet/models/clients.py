"""Clients and their secrets: the tables, and the snapshot of a client that the protocol gets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ForeignKey, Index, String, Text, event, inspect, select, text
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from signet.extensions import Base
from signet.models.client_search import keep_endings
from signet.models.columns import FOREVER, NEVER, UtcDateTime
from signet.models.database import read
from signet.models.principal_names import PrincipalNameRow, fold_name
from signet.models.scopes import ScopeRow, client_scope
from signet.models.secrets import SecretDetails, SecretRow, live_secrets, to_secret_details
from signet.oauth.client import (
    CLIENT_SECRET_BASIC,
    JWT,
    TrustedIssuer,
)
from signet.oauth.public_keys import parse_jwk_set

#: On its way out: few secrets are at a time.
_REPLACED = text("replaced_at IS NOT NULL AND revoked_at IS NULL")


class ClientRow(Base):
    """A registered client; ``client_snapshots.py`` gives its twin for the protocol."""

    __tablename__ = "client"

    id: Mapped[int] = mapped_column(primary_key=True)
    client_id: Mapped[str] = mapped_column(String(100), unique=True)
    folded_client_id: Mapped[str] = mapped_column(ForeignKey(PrincipalNameRow.folded), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    #: ``name`` in one case: the order of the list, and what a search looks at.
    folded_name: Mapped[str] = mapped_column(String(300), active_history=True)
    description: Mapped[str] = mapped_column(Text)
    #: Whom to call before it is deleted.
    contact: Mapped[str] = mapped_column(String(200))
    enabled: Mapped[bool] = mapped_column(default=True)
    token_endpoint_auth_method: Mapped[str] = mapped_column(String(40), default=CLIENT_SECRET_BASIC)
    #: Seconds.
    access_token_lifetime: Mapped[int] = mapped_column(index=True)
    token_endpoint_auth_signing_alg: Mapped[str | None] = mapped_column(String(16))
    #: Public keys of the client's own, a JWK set as JSON …
    jwks: Mapped[str | None] = mapped_column(Text)
    #: … or where it publishes them.
    jwks_uri: Mapped[str | None] = mapped_column(String(2000))
    allows_token_endpoint_audience: Mapped[bool] = mapped_column(default=False)
    tls_client_auth_subject_dn: Mapped[str | None] = mapped_column(String(1000))
    #: JSON: a list of objects, each with the members of ``TrustDetails``.
    trusted_issuers: Mapped[str] = mapped_column(Text, default="[]")
    dpop_bound_access_tokens: Mapped[bool] = mapped_column(default=False)
    tls_client_certificate_bound_access_tokens: Mapped[bool] = mapped_column(default=False)
    #: ``jwt`` or ``reference``.
    token_format: Mapped[str] = mapped_column(String(16), default=JWT)
    #: JSON object: claims of its own.
    claims: Mapped[str] = mapped_column(Text, default="{}")
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(320))
    #: When one of its credentials was last found right, to the minute; ``NEVER``: not once.
    last_used_at: Mapped[datetime] = mapped_column(UtcDateTime, default=NEVER)
    #: When the last of its secrets ends or has ended; ``NEVER``: it has none, or they are revoked;
    #: ``FOREVER``: one does not end, or it proves itself otherwise. Kept by this file.
    usable_until: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Counts edits, so that two editors do not overwrite one another.
    version: Mapped[int] = mapped_column(default=1)

    principal_name: Mapped[PrincipalNameRow] = relationship(
        cascade="all, delete-orphan", single_parent=True
    )
    secrets: Mapped[list["ClientSecretRow"]] = relationship(
        back_populates="client",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="ClientSecretRow.id",
    )
    scopes: Mapped[list[ScopeRow]] = relationship(
        secondary=client_scope, order_by=ScopeRow.name, passive_deletes=True
    )

    __table_args__ = (
        # With what a list by name looks at besides.
        Index(
            "ix_client_by_name",
            "folded_name",
            "id",
            "folded_client_id",
            "enabled",
            "usable_until",
        ),
        Index(None, "last_used_at", "created_at", "id"),
        Index(None, "enabled", "usable_until", "id"),
    )


class ClientSecretRow(SecretRow, Base):
    """One of a client's secrets."""

    __tablename__ = "client_secret"

    client_row_id: Mapped[int] = mapped_column(
        ForeignKey(ClientRow.id, ondelete="CASCADE"), index=True
    )

    client: Mapped[ClientRow] = relationship(back_populates="secrets")

    __table_args__ = (
        Index(None, "expires_at"),
        Index(
            "ix_client_secret_replaced",
            "expires_at",
            postgresql_where=_REPLACED,
            sqlite_where=_REPLACED,
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TrustDetails:
    """An issuer whose tokens let a client in, as it is kept."""

    issuer: str
    subject: str
    audience: str
    #: A JWK set, where the issuer's keys are known beforehand.
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None

    def to_trusted_issuer(self) -> TrustedIssuer:
        """The frozen twin that the protocol works with."""
        return TrustedIssuer(
            issuer=self.issuer,
            subject=self.subject,
            audience=self.audience,
            jwks=parse_jwk_set(self.jwks) if self.jwks is not None else None,
            jwks_uri=self.jwks_uri,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientDetails:
    """A client as people and scripts read it."""

    client_id: str
    name: str
    description: str
    contact: str
    enabled: bool
    token_endpoint_auth_method: str
    access_token_lifetime: timedelta
    token_endpoint_auth_signing_alg: str | None
    #: A JWK set.
    jwks: Mapping[str, Any] | None
    jwks_uri: str | None
    allows_token_endpoint_audience: bool
    tls_client_auth_subject_dn: str | None
    trusted_issuers: tuple[TrustDetails, ...]
    dpop_bound_access_tokens: bool
    tls_client_certificate_bound_access_tokens: bool
    token_format: str
    claims: Mapping[str, Any]
    #: Names of the assigned scopes, sorted.
    scopes: tuple[str, ...]
    #: Newest first.
    secrets: tuple[SecretDetails, ...]
    created_at: datetime
    created_by: str
    #: When one of its credentials was last found right, to the minute; ``None``: never.
    last_used_at: datetime | None
    version: int

    @property
    def uses_secrets(self) -> bool:
        """Whether it proves itself by a secret; what is left of one is of no use otherwise."""
        return self.token_endpoint_auth_method == CLIENT_SECRET_BASIC

    def live_secrets(self, now: datetime) -> tuple[SecretDetails, ...]:
        """Those that authenticate the client at this moment."""
        return live_secrets(self.secrets, now)


def find_client(client_id: str) -> ClientDetails | None:
    """The client with exactly this id."""
    with read() as session:
        row = find_client_row(session, client_id)
        return to_details(row) if row else None


def find_client_like(client_id: str) -> ClientDetails | None:
    """The client that an id means which differs by case, or by space around it."""
    folded = fold_name(client_id.strip())
    query = select(ClientRow).where(ClientRow.folded_client_id == folded)
    with read() as session:
        row = session.scalars(query).one_or_none()
        return to_details(row) if row else None


def find_client_row(session: Session, client_id: str) -> ClientRow | None:
    """The row of the client with exactly this id, for an operation's transaction."""
    return session.scalars(select(ClientRow).where(ClientRow.client_id == client_id)).one_or_none()


def find_client_ids_of_scope(
    session: Session, scope: ScopeRow, *, limit: int = 100
) -> tuple[str, ...]:
    """Whom a scope is assigned to, by name, for an operation's transaction."""
    query = select(ClientRow.client_id).where(ClientRow.scopes.contains(scope))
    return tuple(session.scalars(query.order_by(ClientRow.folded_name, ClientRow.id).limit(limit)))


def to_details(row: ClientRow) -> ClientDetails:
    """What leaves this room of a row."""
    return ClientDetails(
        client_id=row.client_id,
        name=row.name,
        description=row.description,
        contact=row.contact,
        enabled=row.enabled,
        token_endpoint_auth_method=row.token_endpoint_auth_method,
        access_token_lifetime=timedelta(seconds=row.access_token_lifetime),
        token_endpoint_auth_signing_alg=row.token_endpoint_auth_signing_alg,
        jwks=json.loads(row.jwks) if row.jwks else None,
        jwks_uri=row.jwks_uri,
        allows_token_endpoint_audience=row.allows_token_endpoint_audience,
        tls_client_auth_subject_dn=row.tls_client_auth_subject_dn,
        trusted_issuers=trusts_of(row),
        dpop_bound_access_tokens=row.dpop_bound_access_tokens,
        tls_client_certificate_bound_access_tokens=row.tls_client_certificate_bound_access_tokens,
        token_format=row.token_format,
        claims=json.loads(row.claims),
        scopes=tuple(scope.name for scope in row.scopes),
        secrets=tuple(to_secret_details(secret) for secret in reversed(row.secrets)),
        created_at=row.created_at,
        created_by=row.created_by,
        last_used_at=row.last_used_at if row.last_used_at > NEVER else None,
        version=row.version,
    )


def trusts_of(row: Any) -> tuple[TrustDetails, ...]:
    """The issuers that let a client in, of its row or of what was read of it."""
    return tuple(TrustDetails(**members) for members in json.loads(row.trusted_issuers))


@event.listens_for(Session, "before_flush")
def _keep_usable_until(session: Session, _context: object, _instances: object) -> None:
    """Whoever changes a client or its secrets: lists by state rest on it."""
    for row in (*session.new, *session.dirty):
        client = row.client if isinstance(row, ClientSecretRow) else row
        if isinstance(client, ClientRow):
            client.usable_until = _usable_until(client)


def _usable_until(client: ClientRow) -> datetime:
    if client.token_endpoint_auth_method not in (CLIENT_SECRET_BASIC, None):
        return FOREVER
    ends = (secret.expires_at or FOREVER for secret in client.secrets if secret.revoked_at is None)
    return max(ends, default=NEVER)


@event.listens_for(Session, "after_flush")
def _keep_endings(session: Session, _context: object) -> None:
    """Whoever names a client anew: the search rests on it."""
    for row in (*session.new, *session.dirty, *session.deleted):
        if not isinstance(row, ClientRow):
            continue
        names = inspect(row).attrs.folded_name.history
        before = (
            ()
            if row in session.new
            else (*(names.deleted or names.unchanged), row.folded_client_id)
        )
        after = () if row in session.deleted else (row.folded_name, row.folded_client_id)
        keep_endings(session.connection(), row.id, before=before, after=after)
