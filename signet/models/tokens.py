"""What is kept of issued tokens: reference tokens, and the revocation of any.

A signed token is not kept at all. Both tables hold protocol, not acts of an operator, so nothing
here is audited; what is over is pruned beside the path.
"""

import json
from datetime import datetime, timedelta
from typing import cast

from sqlalchemy import String, Table, Text, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Mapped, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read, write_rows
from signet.models.pruning import forget_rows
from signet.oauth.store import ReferenceToken

#: Clocks of nodes differ: what one thinks is over, another may still ask for.
KEPT_LONGER = timedelta(minutes=5)


class ReferenceTokenRow(Base):
    """A reference token, as a digest, and the claims that it stands for."""

    __tablename__ = "reference_token"

    digest: Mapped[str] = mapped_column(String(80), primary_key=True)
    #: JSON.
    claims: Mapped[str] = mapped_column(Text)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime, index=True)

    def to_reference_token(self) -> ReferenceToken:
        """The frozen twin that the protocol works with."""
        return ReferenceToken(
            digest=self.digest,
            claims=json.loads(self.claims),
            expires_at=self.expires_at,
        )


class RevokedTokenRow(Base):
    """That a token, of either form, counts no more."""

    __tablename__ = "revoked_token"

    #: Its ``jti``.
    jti: Mapped[str] = mapped_column(String(64), primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime, index=True)


# The tables, not the classes: nothing of the ORM is needed.
_SAVE = insert(cast(Table, ReferenceTokenRow.__table__))
_REVOKE = insert(cast(Table, RevokedTokenRow.__table__))


def save_reference_token(token: ReferenceToken) -> None:
    """Keep a new reference token."""
    row = {
        "digest": token.digest,
        "claims": json.dumps(token.claims),
        "expires_at": token.expires_at,
    }
    write_rows(_SAVE, row, durable=False)


def find_reference_token(digest: str) -> ReferenceToken | None:
    """The reference token with this digest, while it is kept."""
    with read() as session:
        row = session.get(ReferenceTokenRow, digest)
        return row.to_reference_token() if row else None


def revoke_token(jti: str, *, until: datetime) -> None:
    """Note that a token is revoked; once more changes nothing."""
    try:
        write_rows(_REVOKE, {"jti": jti, "until": until})
    except IntegrityError:
        return


def is_token_revoked(jti: str) -> bool:
    """Whether that was noted."""
    with read() as session:
        return (
            session.scalar(select(RevokedTokenRow.jti).where(RevokedTokenRow.jti == jti))
            is not None
        )


def prune_tokens(*, now: datetime) -> None:
    """Forget tokens and revocations whose time is over."""
    over = now - KEPT_LONGER
    forget_rows(ReferenceTokenRow, ReferenceTokenRow.expires_at < over)
    forget_rows(RevokedTokenRow, RevokedTokenRow.until < over)
