"""What an operator does to the secrets of an API, with which it asks about tokens (RFC 7662 §2.1).

They live as those of a client do.
"""

from sqlalchemy.orm import Session

from signet.models.scopes import ResourceServerSecretRow
from signet.operations.resource_servers import audited_api, get_resource_server_row
from signet.operations.secret_life import SecretLife, SecretOwner


def _get_owner(session: Session, identifier: str) -> SecretOwner[ResourceServerSecretRow]:
    api = get_resource_server_row(session, identifier)
    return SecretOwner(
        row=api,
        new_secret_row=ResourceServerSecretRow,
        client_id=api.identifier,
        audited=audited_api(api),
    )


LIFE = SecretLife(
    create_action="api_secret.create",
    rotate_action="api_secret.rotate",
    revoke_action="api_secret.revoke",
    undo_action="api_secret.undo_revoke",
    quiet_action="api_secret.end_quiet",
    owner="API",
    get_owner=_get_owner,
)
create_secret, rotate_secret, revoke_secret = LIFE.create, LIFE.rotate, LIFE.revoke
undo_revoke = LIFE.undo_revoke
