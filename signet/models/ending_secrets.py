"""Secrets on their way out that somebody still uses: a rotation that is not finished."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import and_, select

from signet.models.clients import ClientRow, ClientSecretRow
from signet.models.database import read
from signet.models.narrowing import unindexed
from signet.models.secrets import SecretDetails, to_secret_details
from signet.models.usage import CredentialUseRow

#: So long before the end somebody should look.
WARN_BEFORE = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class EndingSecret:
    """A replaced secret that ends soon and was used after it was replaced."""

    client_id: str
    client_name: str
    secret: SecretDetails
    ends_at: datetime
    last_used_at: datetime
    last_address: str


def find_ending_secrets(*, now: datetime, limit: int = 5) -> tuple[EndingSecret, ...]:
    """Whose callers will be refused soon if nobody moves them, the first to end first."""
    used = and_(
        CredentialUseRow.client_id == ClientRow.client_id,
        CredentialUseRow.credential_id == ClientSecretRow.secret_id,
        CredentialUseRow.last_used_at > ClientSecretRow.replaced_at,
    )
    query = (
        select(ClientRow.client_id, ClientRow.name, ClientSecretRow, CredentialUseRow)
        .join(ClientSecretRow, ClientSecretRow.client_row_id == ClientRow.id)
        .join(CredentialUseRow, used)
        .where(
            unindexed(ClientRow.enabled),
            ClientSecretRow.replaced_at.is_not(None),
            ClientSecretRow.revoked_at.is_(None),
            ClientSecretRow.expires_at > now,
            ClientSecretRow.expires_at <= now + WARN_BEFORE,
        )
        .order_by(ClientSecretRow.expires_at, ClientSecretRow.id)
        .limit(limit)
    )
    with read() as session:
        return tuple(
            EndingSecret(
                client_id=client_id,
                client_name=name,
                secret=to_secret_details(secret),
                ends_at=secret.expires_at,
                last_used_at=use.last_used_at,
                last_address=use.last_address,
            )
            for client_id, name, secret, use in session.execute(query)
            if secret.expires_at is not None
        )
