"""Private keys at rest: AES-256-GCM under a key-encryption key that is not in the database.

An envelope is ``version | length of the id | id of the key | nonce (96 random bits) | ciphertext
and tag``. What belongs to the row (its table, kid, alg and purpose) is authenticated with it, so
that an envelope put into another row does not open.
"""

import secrets
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from signet.settings import KeyEncryptionKey

_VERSION = b"\x01"
_NONCE_LENGTH = 12


class KeyEncryptionError(Exception):
    """An envelope that does not open; its text names the reason, never a key."""


class KeyEncryption:
    """Closes envelopes with the first key and opens them with whichever one they name."""

    def __init__(self, keys: Sequence[KeyEncryptionKey]) -> None:
        self._keys = {key.kek_id: AESGCM(key.key) for key in keys}
        self._current = keys[0].kek_id if keys else None

    def __bool__(self) -> bool:
        """Whether there is any key."""
        return self._current is not None

    @property
    def current_kek_id(self) -> str | None:
        """Id of the key that closes new envelopes."""
        return self._current

    @property
    def kek_ids(self) -> tuple[str, ...]:
        """Ids of the keys at hand, the one that encrypts first."""
        return tuple(self._keys)

    def encrypt(self, plaintext: bytes, *, about: Sequence[str]) -> bytes:
        """An envelope of the plaintext.

        :param about: what the envelope belongs to; needed again to open it.
        """
        if self._current is None:
            raise KeyEncryptionError("there is no key-encryption key")
        nonce = secrets.token_bytes(_NONCE_LENGTH)
        kek_id = self._current.encode()
        head = _VERSION + bytes([len(kek_id)]) + kek_id + nonce
        ciphertext = self._keys[self._current].encrypt(nonce, plaintext, _associated(about))
        return head + ciphertext

    def decrypt(self, envelope: bytes, *, about: Sequence[str]) -> bytes:
        """The plaintext.

        :raises KeyEncryptionError: if the key is missing or anything was changed.
        """
        kek_id, nonce, ciphertext = _open(envelope)
        if kek_id not in self._keys:
            raise KeyEncryptionError(f"the key-encryption key {kek_id!r} is missing")
        try:
            return self._keys[kek_id].decrypt(nonce, ciphertext, _associated(about))
        except InvalidTag:
            raise KeyEncryptionError(
                f"the key-encryption key {kek_id!r} does not fit, or the row was changed"
            ) from None


def kek_id_of(envelope: bytes) -> str:
    """The id of the key that an envelope names.

    :raises KeyEncryptionError: if it is no envelope.
    """
    return _open(envelope)[0]


def _open(envelope: bytes) -> tuple[str, bytes, bytes]:
    if len(envelope) < 2 or envelope[:1] != _VERSION:
        raise KeyEncryptionError("not an envelope of this version")
    nonce_at = 2 + envelope[1]
    text_at = nonce_at + _NONCE_LENGTH
    if len(envelope) < text_at:
        raise KeyEncryptionError("an envelope that was cut off")
    kek_id = envelope[2:nonce_at].decode("ascii", "replace")
    return kek_id, envelope[nonce_at:text_at], envelope[text_at:]


def _associated(about: Sequence[str]) -> bytes:
    return "\0".join(about).encode()
