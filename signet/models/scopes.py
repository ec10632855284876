"""Scopes (RFC 6749 §3.3) and the APIs that own them; one scope may belong to several.

The tables of both stand here because each knows the other; what is asked of APIs is in
``resource_servers.py``.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Column, ForeignKey, Index, String, Table, func, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship, selectinload

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read
from signet.models.principal_names import PrincipalNameRow
from signet.models.secrets import SecretRow
from signet.oauth.resource_server import ResourceServer

scope_resource_server = Table(
    "scope_resource_server",
    Base.metadata,
    Column("scope_id", ForeignKey("scope.id", ondelete="CASCADE"), primary_key=True),
    Column("resource_server_id", ForeignKey("resource_server.id"), primary_key=True, index=True),
)

client_scope = Table(
    "client_scope",
    Base.metadata,
    Column("client_id", ForeignKey("client.id", ondelete="CASCADE"), primary_key=True),
    Column("scope_id", ForeignKey("scope.id"), primary_key=True),
    Index(None, "scope_id", "client_id"),
)


class ResourceServerRow(Base):
    """An API (RFC 9068 §3); ``to_resource_server`` gives its twin for the protocol.

    Its identifier, the ``aud``, never changes: issued tokens carry it.
    """

    __tablename__ = "resource_server"

    id: Mapped[int] = mapped_column(primary_key=True)
    identifier: Mapped[str] = mapped_column(String(200), unique=True)
    folded_identifier: Mapped[str] = mapped_column(ForeignKey(PrincipalNameRow.folded), unique=True)
    name: Mapped[str] = mapped_column(String(100))
    #: ``alg`` of its tokens; ``None``: the server's default.
    signing_alg: Mapped[str | None] = mapped_column(String(16))
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Counts edits, so that two editors do not overwrite one another.
    version: Mapped[int] = mapped_column(default=1)

    principal_name: Mapped[PrincipalNameRow] = relationship(
        cascade="all, delete-orphan", single_parent=True
    )
    scopes: Mapped[list["ScopeRow"]] = relationship(
        secondary=scope_resource_server,
        back_populates="resource_servers",
        order_by="ScopeRow.name",
    )
    secrets: Mapped[list["ResourceServerSecretRow"]] = relationship(
        back_populates="resource_server",
        cascade="all, delete-orphan",
        passive_deletes=True,
        order_by="ResourceServerSecretRow.id",
    )

    def to_resource_server(self) -> ResourceServer:
        """The frozen twin that the protocol works with."""
        return ResourceServer(
            identifier=self.identifier,
            signing_alg=self.signing_alg,
            secrets=tuple(secret.to_client_secret() for secret in self.secrets),
            scopes=frozenset(scope.name for scope in self.scopes),
        )


class ResourceServerSecretRow(SecretRow, Base):
    """One of an API's secrets, with which it asks about tokens (RFC 7662 §2.1)."""

    __tablename__ = "resource_server_secret"

    resource_server_id: Mapped[int] = mapped_column(
        ForeignKey(ResourceServerRow.id, ondelete="CASCADE"), index=True
    )

    resource_server: Mapped[ResourceServerRow] = relationship(back_populates="secrets")


class ScopeRow(Base):
    """A scope. Its name never changes: issued tokens carry it."""

    __tablename__ = "scope"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(200), unique=True)
    description: Mapped[str] = mapped_column(String(500))
    #: A disabled scope is granted to nobody; clients keep it assigned.
    enabled: Mapped[bool] = mapped_column(default=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    #: Counts edits, so that two editors do not overwrite one another.
    version: Mapped[int] = mapped_column(default=1)

    resource_servers: Mapped[list[ResourceServerRow]] = relationship(
        secondary=scope_resource_server,
        back_populates="scopes",
        order_by=ResourceServerRow.identifier,
    )


_ALL = select(ScopeRow).options(selectinload(ScopeRow.resource_servers)).order_by(ScopeRow.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class ScopeDetails:
    """A scope as people and scripts read it."""

    number: int
    name: str
    description: str
    enabled: bool
    #: Identifiers of the APIs that own it.
    apis: tuple[str, ...]
    created_at: datetime
    version: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AssignedScope(ScopeDetails):
    """A scope and how many clients it is assigned to, who must be counted for that."""

    client_count: int


def list_scopes() -> tuple[ScopeDetails, ...]:
    """All scopes, by name."""
    with read() as session:
        return tuple(ScopeDetails(**_facts(row)) for row in session.scalars(_ALL))


def list_assigned_scopes() -> tuple[AssignedScope, ...]:
    """The same, with how many clients each is assigned to."""
    with read() as session:
        return _count_clients(session, list(session.scalars(_ALL)))


def list_scope_names() -> tuple[str, ...]:
    """The names of all scopes, sorted."""
    with read() as session:
        return tuple(session.scalars(select(ScopeRow.name).order_by(ScopeRow.name)))


def find_scope(name: str) -> AssignedScope | None:
    """The scope with exactly this name."""
    with read() as session:
        row = find_scope_row(session, name)
        return _count_clients(session, [row])[0] if row else None


def find_scope_by_number(number: int) -> AssignedScope | None:
    """The scope with this row number, which pages use in their addresses."""
    with read() as session:
        row = session.get(ScopeRow, number)
        return _count_clients(session, [row])[0] if row else None


def find_scope_row(session: Session, name: str) -> ScopeRow | None:
    """The row of the scope with exactly this name, for an operation's transaction."""
    return session.scalars(select(ScopeRow).where(ScopeRow.name == name)).one_or_none()


def find_scope_rows(session: Session, names: set[str]) -> list[ScopeRow]:
    """The rows of those scopes that exist, for an operation's transaction."""
    return list(session.scalars(select(ScopeRow).where(ScopeRow.name.in_(names))))


def _count_clients(session: Session, rows: list[ScopeRow]) -> tuple[AssignedScope, ...]:
    columns = client_scope.c
    query = select(columns.scope_id, func.count()).group_by(columns.scope_id)
    if len(rows) == 1:
        query = query.where(columns.scope_id == rows[0].id)
    counts: dict[int, int] = dict(session.execute(query).all())
    return tuple(AssignedScope(**_facts(row), client_count=counts.get(row.id, 0)) for row in rows)


def _facts(row: ScopeRow) -> dict[str, Any]:
    return {
        "number": row.id,
        "name": row.name,
        "description": row.description,
        "enabled": row.enabled,
        "apis": tuple(api.identifier for api in row.resource_servers),
        "created_at": row.created_at,
        "version": row.version,
    }
