"""What is asked of APIs: the resource servers that own scopes and stand in ``aud``."""

from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session, selectinload

from signet.models.database import read
from signet.models.scopes import ResourceServerRow
from signet.models.secrets import SecretDetails, to_secret_details
from signet.oauth.resource_server import ResourceServer


@dataclass(frozen=True, slots=True, kw_only=True)
class ResourceServerDetails:
    """An API as people and scripts read it."""

    number: int
    identifier: str
    name: str
    #: ``alg`` of its tokens; ``None``: the server's default.
    signing_alg: str | None
    #: Names of the scopes it owns.
    scopes: tuple[str, ...]
    #: Newest first.
    secrets: tuple[SecretDetails, ...]
    created_at: datetime
    version: int


def list_resource_servers() -> tuple[ResourceServerDetails, ...]:
    """All APIs, by name."""
    query = select(ResourceServerRow).options(
        selectinload(ResourceServerRow.scopes), selectinload(ResourceServerRow.secrets)
    )
    with read() as session:
        rows = session.scalars(query.order_by(ResourceServerRow.name, ResourceServerRow.id))
        return tuple(_to_details(row) for row in rows)


def find_resource_server(identifier: str) -> ResourceServerDetails | None:
    """The API with exactly this identifier."""
    with read() as session:
        row = find_resource_server_row(session, identifier)
        return _to_details(row) if row else None


def find_resource_server_by_number(number: int) -> ResourceServerDetails | None:
    """The API with this row number, which pages use in their addresses."""
    with read() as session:
        row = session.get(ResourceServerRow, number)
        return _to_details(row) if row else None


def load_resource_server_snapshot(session: Session, identifier: str) -> ResourceServer | None:
    """The protocol's view of an API, all of it from one moment."""
    row = find_resource_server_row(session, identifier)
    return row.to_resource_server() if row else None


def load_api_algorithms(session: Session) -> frozenset[str]:
    """The algorithms that APIs have chosen for their tokens, from one moment."""
    query = select(ResourceServerRow.signing_alg).where(ResourceServerRow.signing_alg.is_not(None))
    return frozenset(alg for alg in session.scalars(query.distinct()) if alg is not None)


def find_resource_server_row(session: Session, identifier: str) -> ResourceServerRow | None:
    """The row of the API with exactly this identifier, for an operation's transaction."""
    query = select(ResourceServerRow).where(ResourceServerRow.identifier == identifier)
    return session.scalars(query).one_or_none()


def _to_details(row: ResourceServerRow) -> ResourceServerDetails:
    return ResourceServerDetails(
        number=row.id,
        identifier=row.identifier,
        name=row.name,
        signing_alg=row.signing_alg,
        scopes=tuple(scope.name for scope in row.scopes),
        secrets=tuple(to_secret_details(secret) for secret in reversed(row.secrets)),
        created_at=row.created_at,
        version=row.version,
    )
