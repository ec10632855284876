"""What clients and APIs are called, many at once."""

from collections.abc import Collection

from sqlalchemy import select, union_all

from signet.models.clients import ClientRow
from signet.models.database import read
from signet.models.scopes import ResourceServerRow


def names_of(identifiers: Collection[str]) -> dict[str, str]:
    """The names by client id or API identifier; who is gone is left out."""
    of_clients = select(ClientRow.client_id, ClientRow.name).where(
        ClientRow.client_id.in_(identifiers)
    )
    of_apis = select(ResourceServerRow.identifier, ResourceServerRow.name).where(
        ResourceServerRow.identifier.in_(identifiers)
    )
    with read() as session:
        rows = session.execute(union_all(of_clients, of_apis)).all()
    return {str(identifier): str(name) for identifier, name in rows}
