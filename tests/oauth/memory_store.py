"""A Store in a dictionary, and the clients and keys that tests put into it."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from signet.oauth.client import (
    Client,
    ClientScope,
    ClientSecret,
    digest_client_secret,
    generate_client_secret,
)
from signet.oauth.jwks import KeyRing, SigningKey, generate_private_key, public_jwk
from signet.oauth.store import StoreUnavailableError

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
#: Generated once: a key of its own for each test would take most of the time.
_PRIVATE_KEYS = {alg: generate_private_key(alg) for alg in ("RS256", "ES256", "PS256", "EdDSA")}


class MemoryStore:
    """Answers ``oauth.store.Store``; a snapshot differs from the truth only if a test says so."""

    def __init__(self, *clients: Client, keys: tuple[SigningKey, ...] | None = None) -> None:
        self.clients = {client.client_id: client for client in clients}
        self.snapshots: dict[str, Client | None] = {}
        self.keys = (make_signing_key(),) if keys is None else keys
        self.is_away = False
        self.fresh_questions = 0

    def find_client(self, client_id: str, *, fresh: bool = False) -> Client | None:
        self._ask()
        self.fresh_questions += fresh
        if not fresh and client_id in self.snapshots:
            return self.snapshots[client_id]
        return self.clients.get(client_id)

    def signing_key(self, now: datetime) -> SigningKey:
        self._ask()
        key = KeyRing(self.keys).signing_key(self.keys[0].alg, now) if self.keys else None
        if key is None:
            raise StoreUnavailableError("there is no signing key")
        return key

    def published_keys(self, now: datetime) -> tuple[SigningKey, ...]:
        self._ask()
        return KeyRing(self.keys).published_keys(now)

    def is_database_up(self) -> bool:
        return not self.is_away

    def is_ready(self, now: datetime) -> bool:
        return not self.is_away and bool(KeyRing(self.keys).published_keys(now))

    def put(self, client: Client) -> None:
        self.clients[client.client_id] = client

    def change(self, client_id: str, **changes: object) -> None:
        self.clients[client_id] = replace(self.clients[client_id], **changes)

    def _ask(self) -> None:
        if self.is_away:
            raise StoreUnavailableError("the database is away")


def make_secret(
    client_secret: str | None = None,
    *,
    client_id: str = "billing",
    expires_at: datetime | None = None,
    revoked_at: datetime | None = None,
) -> ClientSecret:
    client_secret = client_secret or generate_client_secret()
    return ClientSecret(
        secret_id="s1",
        digest=digest_client_secret(client_secret, client_id=client_id),
        expires_at=expires_at,
        revoked_at=revoked_at,
    )


def make_scope(name: str = "external-api", *audiences: str) -> ClientScope:
    return ClientScope(name=name, audiences=audiences or ("external-api",))


def make_client(client_id: str = "billing", client_secret: str | None = None, **fields) -> Client:
    fields.setdefault("secrets", (make_secret(client_secret, client_id=client_id),))
    fields.setdefault("scopes", (make_scope(),))
    return Client(client_id=client_id, **fields)


def make_signing_key(alg: str = "RS256", *, signing_at: datetime | None = None) -> SigningKey:
    key = _PRIVATE_KEYS[alg]
    return SigningKey(
        kid=key.thumbprint(),
        alg=alg,
        public_jwk=public_jwk(key, alg=alg),
        announced_at=NOON - timedelta(days=30),
        signing_at=signing_at or NOON - timedelta(days=16),
        private_key=key,
    )
