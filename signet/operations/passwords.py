"""Passwords of admins: how good they must be, and argon2id.

Hashing is slow on purpose, and guessing is slow for some passwords (seconds), so both run in real
threads, two at a time; who would have to wait long is refused instead, and the token endpoint is
not slowed.
"""

from typing import cast

import gevent
from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError
from gevent.lock import BoundedSemaphore
from zxcvbn import zxcvbn

from signet.operations.errors import OperationError

SHORTEST = 15
LONGEST_BYTES = 1_024
#: zxcvbn's scale, 0 to 4: at least 10^8 guesses.
WEAKEST_SCORE = 3
#: zxcvbn takes quadratic time; what stands behind only makes a password better.
_LOOKED_AT = 72
_PARALLEL_HASHES = 2
_LONGEST_QUEUE = 8

# OWASP: argon2id with m = 19 MiB needs t >= 2.
_hasher = PasswordHasher(
    time_cost=3, memory_cost=19 * 1_024, parallelism=1, hash_len=32, type=Type.ID
)


class BusyError(OperationError):
    """Too many passwords are being checked at this moment."""


class _Hashing:
    """Counts who hashes and who waits."""

    def __init__(self) -> None:
        self.turns = BoundedSemaphore(_PARALLEL_HASHES)
        self.waiting = 0


_hashing = _Hashing()
#: Compared where there is no admin of the name, so that the answer takes as long.
_DUMMY_HASH = (
    "$argon2id$v=19$m=19456,t=3,p=1$r0LoWrbEEzELr7mQKG0"
    "s7g$r9wm7ZsETACD4HIGcUwambDT2HBtCD+WpLwyDK5/0C4"
)


def check_password(password: str, *, name: str) -> None:
    """Refuse a password that is short, long or easy to guess.

    :param name: of the admin; it and the product's name make bad passwords.
    :raises BusyError: instead of waiting long.
    """
    if len(password) < SHORTEST:
        raise OperationError(f"Use {SHORTEST} characters or more", field="password")
    if len(password.encode("utf-8", "surrogatepass")) > LONGEST_BYTES:
        raise OperationError(f"Use at most {LONGEST_BYTES} bytes", field="password")
    words = ["signet", name, *name.replace("@", ".").split(".")]
    if cast(int, _in_turn(_score, password[:_LOOKED_AT], words)) < WEAKEST_SCORE:
        raise OperationError(
            "This password is easy to guess: use several words that do not belong together",
            field="password",
        )


def hash_password(password: str) -> str:
    """The argon2id hash to store, with its parameters."""
    return str(_in_turn(_hasher.hash, _encoded(password)))


def is_password(password: str, stored_hash: str | None) -> bool:
    """Whether the password belongs to the hash; takes as long where there is none.

    :raises BusyError: instead of waiting long.
    """
    matches = bool(_in_turn(_verify, stored_hash or _DUMMY_HASH, _encoded(password)))
    return matches and stored_hash is not None


def needs_new_hash(stored_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _hasher.check_needs_rehash(stored_hash)


def _score(password: str, words: list[str]) -> int:
    return int(zxcvbn(password, user_inputs=words)["score"])


def _verify(stored_hash: str, password: bytes) -> bool:
    try:
        return _hasher.verify(stored_hash, password)
    except (VerificationError, InvalidHashError):
        return False


def _in_turn(function: object, *arguments: object) -> object:
    if _hashing.waiting >= _LONGEST_QUEUE:
        raise BusyError("Many people sign in at this moment: try again in a few seconds")
    _hashing.waiting += 1
    try:
        with _hashing.turns:
            return gevent.get_hub().threadpool.apply(function, arguments)
    finally:
        _hashing.waiting -= 1


def _encoded(password: str) -> bytes:
    return password.encode("utf-8", "surrogatepass")[: LONGEST_BYTES + 1]
