"""Secrets, as digests: what is kept of one, whether a client or an API owns it."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import String, false
from sqlalchemy.orm import Mapped, mapped_column

from signet.models.columns import UtcDateTime
from signet.oauth.client import ClientSecret


class SecretRow:
    """The columns of a secret; a table adds whose it is.

    Ended secrets stay, so that people can read why.
    """

    id: Mapped[int] = mapped_column(primary_key=True)
    #: Names the secret in addresses and commands; says nothing about it.
    secret_id: Mapped[str] = mapped_column(String(20), unique=True)
    description: Mapped[str] = mapped_column(String(100))
    digest: Mapped[str] = mapped_column(String(80))
    #: The last four characters.
    hint: Mapped[str] = mapped_column(String(4), index=True)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime)
    created_by: Mapped[str] = mapped_column(String(320))
    expires_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: When a rotation replaced it; it works on until ``expires_at``.
    replaced_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    #: Replaced, and revoked by itself once it has not been used for a while.
    ends_when_quiet: Mapped[bool] = mapped_column(default=False, server_default=false())
    #: Until when a revocation can be taken back; ``None``: not at all.
    undo_until: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def to_client_secret(self) -> ClientSecret:
        """The frozen twin that the protocol works with."""
        return ClientSecret(
            secret_id=self.secret_id,
            digest=self.digest,
            created_at=self.created_at,
            replaced_at=self.replaced_at,
            expires_at=self.expires_at,
            revoked_at=self.revoked_at,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretDetails:
    """A secret as people and scripts read it: everything but the secret and its digest."""

    secret_id: str
    description: str
    hint: str
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    replaced_at: datetime | None
    revoked_at: datetime | None
    #: Replaced, and revoked by itself once it has not been used for a while.
    ends_when_quiet: bool = False
    #: Until when a revocation can be taken back; ``None``: not at all.
    undo_until: datetime | None = None

    def state(self, now: datetime) -> str:
        """``live``, ``expired`` or ``revoked``."""
        if self.revoked_at is not None:
            return "revoked"
        if self.expires_at is not None and self.expires_at <= now:
            return "expired"
        return "live"


def live_secrets(secrets: Iterable[SecretDetails], now: datetime) -> tuple[SecretDetails, ...]:
    """Those that authenticate their owner at this moment."""
    return tuple(secret for secret in secrets if secret.state(now) == "live")


def to_secret_details(row: SecretRow) -> SecretDetails:
    """What leaves this room of a row."""
    return SecretDetails(
        secret_id=row.secret_id,
        description=row.description,
        hint=row.hint,
        created_at=row.created_at,
        created_by=row.created_by,
        expires_at=row.expires_at,
        replaced_at=row.replaced_at,
        revoked_at=row.revoked_at,
        ends_when_quiet=row.ends_when_quiet,
        undo_until=row.undo_until,
    )
