"""Whose a secret is: asked of the last four characters, and answered by the digest."""

import hmac

from sqlalchemy import select, union_all
from sqlalchemy.orm import Session

from signet.models.clients import ClientRow, ClientSecretRow
from signet.models.scopes import ResourceServerRow, ResourceServerSecretRow
from signet.oauth.client import digest_client_secret, secret_hint

#: Of 62⁴ endings few are shared; nobody can make the search long.
_MOST_CANDIDATES = 50


def find_secret_owner(session: Session, client_secret: str) -> str | None:
    """The client id or API identifier whose secret this is, live or not."""
    hint = secret_hint(client_secret)
    of_clients = (
        select(ClientRow.client_id, ClientSecretRow.digest)
        .join(ClientSecretRow, ClientSecretRow.client_row_id == ClientRow.id)
        .where(ClientSecretRow.hint == hint)
    )
    of_apis = (
        select(ResourceServerRow.identifier, ResourceServerSecretRow.digest)
        .join(
            ResourceServerSecretRow,
            ResourceServerSecretRow.resource_server_id == ResourceServerRow.id,
        )
        .where(ResourceServerSecretRow.hint == hint)
    )
    found = None
    for owner, digest in session.execute(union_all(of_clients, of_apis).limit(_MOST_CANDIDATES)):
        presented = digest_client_secret(client_secret, client_id=owner)
        if hmac.compare_digest(digest, presented):
            found = str(owner)
    return found
