"""The signing keys' table: public half in clear, private half in an envelope, times of its life."""

import json
from datetime import datetime

from joserfc.jwk import Key, import_key
from sqlalchemy import LargeBinary, String, Text, select
from sqlalchemy.orm import Mapped, Session, mapped_column

from signet.extensions import Base
from signet.models.columns import UtcDateTime
from signet.models.database import read
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.oauth.jwks import ANNOUNCED, SIGNING, KeyRing, SigningKey, public_jwk


class SigningKeyRow(Base):
    """A signing key; ``to_signing_key`` gives its twin for the protocol."""

    __tablename__ = "signing_key"

    #: RFC 7638 thumbprint.
    kid: Mapped[str] = mapped_column(String(64), primary_key=True)
    alg: Mapped[str] = mapped_column(String(16))
    #: JSON.
    public_jwk: Mapped[str] = mapped_column(Text)
    #: Envelope of the private JWK as JSON.
    encrypted_private_jwk: Mapped[bytes] = mapped_column(LargeBinary)
    announced_at: Mapped[datetime] = mapped_column(UtcDateTime)
    signing_at: Mapped[datetime] = mapped_column(UtcDateTime)
    retired_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    def to_signing_key(self, private_key: Key | None = None) -> SigningKey:
        """The frozen twin that the protocol works with."""
        return SigningKey(
            kid=self.kid,
            alg=self.alg,
            public_jwk=json.loads(self.public_jwk),
            announced_at=self.announced_at,
            signing_at=self.signing_at,
            retired_at=self.retired_at,
            removed_at=self.removed_at,
            revoked_at=self.revoked_at,
            private_key=private_key,
        )

    def decrypt_private_key(self, encryption: KeyEncryption) -> Key:
        """The private key.

        :raises KeyEncryptionError: naming the kid.
        """
        try:
            plaintext = encryption.decrypt(
                self.encrypted_private_jwk, about=about_private_key(self.kid, self.alg)
            )
        except KeyEncryptionError as error:
            raise KeyEncryptionError(f"signing key {self.kid}: {error}") from None
        return import_key(json.loads(plaintext))


def new_signing_key_row(
    key: Key, *, alg: str, encryption: KeyEncryption, announced_at: datetime, signing_at: datetime
) -> SigningKeyRow:
    """A row for a fresh private key."""
    jwk = public_jwk(key, alg=alg)
    private = json.dumps(key.as_dict(private=True)).encode()
    return SigningKeyRow(
        kid=jwk["kid"],
        alg=alg,
        public_jwk=json.dumps(jwk),
        encrypted_private_jwk=encryption.encrypt(private, about=about_private_key(jwk["kid"], alg)),
        announced_at=announced_at,
        signing_at=signing_at,
        retired_at=None,
        removed_at=None,
        revoked_at=None,
    )


def list_signing_keys() -> tuple[SigningKey, ...]:
    """All keys there ever were, the newest last, without their private halves."""
    with read() as session:
        return load_key_ring(session).keys


def load_key_ring(session: Session) -> KeyRing:
    """All keys from one moment, without their private halves."""
    return KeyRing(tuple(row.to_signing_key() for row in load_signing_key_rows(session)))


def load_private_key_ring(session: Session, encryption: KeyEncryption, *, now: datetime) -> KeyRing:
    """All keys from one moment, with the private halves of those that sign now or later.

    :raises KeyEncryptionError: if one of these does not open.
    """
    keys = []
    for row in load_signing_key_rows(session):
        key = row.to_signing_key()
        if key.state(now) in (ANNOUNCED, SIGNING):
            key = row.to_signing_key(row.decrypt_private_key(encryption))
        keys.append(key)
    return KeyRing(tuple(keys))


def load_signing_key_rows(session: Session) -> list[SigningKeyRow]:
    """The rows, for an operation's transaction."""
    query = select(SigningKeyRow).order_by(SigningKeyRow.signing_at, SigningKeyRow.kid)
    return list(session.scalars(query))


def about_private_key(kid: str, alg: str) -> tuple[str, ...]:
    """What the envelope of a signing key is tied to."""
    return (SigningKeyRow.__tablename__, kid, alg, "access token signing")
