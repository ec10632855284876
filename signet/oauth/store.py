"""The only questions that the protocol asks of outside.

Answered by ``models/store.py`` from a database, by a dictionary in tests.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from signet.oauth.client import Client, KeySource
from signet.oauth.jwks import SigningKey
from signet.oauth.public_keys import PublicKey
from signet.oauth.resource_server import ResourceServer


class StoreUnavailableError(Exception):
    """The question cannot be answered now: neither yes nor no, so never ``invalid_client``."""


class KeysUnavailableError(Exception):
    """The keys of others cannot be had now; the text says why, for the log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ReplayNote:
    """That an assertion or a DPoP proof has been used."""

    #: ``assertion`` or ``proof``: the two do not share their names.
    kind: str
    #: Whose it is: a client id, or the thumbprint of a key.
    owner: str
    jti: str
    #: Moment (UTC) from which it would be refused in any case, so the note may be forgotten.
    until: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ReferenceToken:
    """What is kept of a token that is only a reference: its digest, and what it stands for."""

    digest: str
    #: As a JWT would hold them (RFC 9068 §2.2), ``jti`` and ``exp`` included.
    claims: Mapping[str, Any]
    expires_at: datetime


class Store(Protocol):
    """Clients, APIs, keys and notes. Every question may raise :class:`StoreUnavailableError`."""

    def find_client(self, client_id: str, *, fresh: bool = False) -> Client | None:
        """The client with exactly this id, enabled or not.

        :param fresh: ask the database even where a snapshot is at hand. A refusal is only final
            for a fresh answer, so that a new client or secret works at once.
        """
        ...

    def find_resource_server(
        self, identifier: str, *, fresh: bool = False
    ) -> ResourceServer | None:
        """The API with exactly this identifier.

        :param fresh: as for :meth:`find_client`.
        """
        ...

    def find_secret_owner(self, client_secret: str) -> str | None:
        """The client id, or API identifier, of whoever has this secret, ended ones too.

        For people who look for the reason of a refusal; nothing is granted for it.
        """
        ...

    def signing_key(self, now: datetime, alg: str | None = None) -> SigningKey:
        """The key that signs now, its private half at hand.

        :param alg: of this algorithm and no other; ``None``: the server's own choice.
        """
        ...

    def signing_algorithms(self, now: datetime) -> tuple[str, ...]:
        """The algorithms that tokens are signed with now, sorted."""
        ...

    def published_keys(self, now: datetime) -> tuple[SigningKey, ...]:
        """The keys of the JWK set now."""
        ...

    def keys_of(self, source: KeySource, *, kid: str | None) -> tuple[PublicKey, ...]:
        """The keys of others, from where they publish them; kept for minutes.

        :param kid: the key that is needed: a set without it is fetched again, if that is due.
        :raises KeysUnavailableError: if there are none at hand and none can be fetched.
        """
        ...

    def remember(self, notes: Sequence[ReplayNote]) -> ReplayNote | None:
        """Note all of these as used, at once and for every worker, unless one was noted before.

        :return: the one that was noted before, a replay; nothing was noted then.
        """
        ...

    def save_reference_token(self, token: ReferenceToken) -> None:
        """Keep a reference token until it expires."""
        ...

    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        """The reference token with this digest, expired or revoked ones too while they are kept."""
        ...

    def revoke_token(self, jti: str, *, until: datetime) -> None:
        """Note that a token is revoked; may be repeated.

        :param until: when the token expires, and the note with it.
        """
        ...

    def is_token_revoked(self, jti: str) -> bool:
        """Whether that was noted, by whichever worker."""
        ...
