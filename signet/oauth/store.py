"""The only questions that the protocol asks of outside.

Answered by ``models/store.py`` from a database, by a dictionary in tests.
"""

from datetime import datetime
from typing import Protocol

from signet.oauth.client import Client
from signet.oauth.jwks import SigningKey


class StoreUnavailableError(Exception):
    """The question cannot be answered now: neither yes nor no, so never ``invalid_client``."""


class Store(Protocol):
    """Clients and keys. Every question may raise :class:`StoreUnavailableError`."""

    def find_client(self, client_id: str, *, fresh: bool = False) -> Client | None:
        """The client with exactly this id, enabled or not.

        :param fresh: ask the database even where a snapshot is at hand. A refusal is only final
            for a fresh answer, so that a new client or secret works at once.
        """
        ...

    def signing_key(self, now: datetime) -> SigningKey:
        """The key that signs access tokens now, its private half at hand."""
        ...

    def published_keys(self, now: datetime) -> tuple[SigningKey, ...]:
        """The keys of the JWK set now."""
        ...
