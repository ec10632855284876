"""A Store in a dictionary, and the clients and keys that tests put into it."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from signet.oauth.certificate_authorities import CertificateAuthorities
from signet.oauth.client import (
    Audience,
    Client,
    ClientScope,
    ClientSecret,
    KeySource,
    digest_client_secret,
    generate_client_secret,
)
from signet.oauth.dpop import Nonces
from signet.oauth.jwks import KeyRing, SigningKey, generate_private_key, public_jwk
from signet.oauth.public_keys import PublicKey
from signet.oauth.resource_server import ResourceServer
from signet.oauth.store import (
    KeysUnavailableError,
    ReferenceToken,
    ReplayNote,
    StoreUnavailableError,
)

NOON = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)
#: Generated once: a key of its own for each test would take most of the time.
_PRIVATE_KEYS = {alg: generate_private_key(alg) for alg in ("RS256", "ES256", "PS256", "EdDSA")}


class MemoryStore:
    """Answers ``oauth.store.Store``; a snapshot differs from the truth only if a test says so."""

    def __init__(
        self,
        *clients: Client,
        apis: Sequence[ResourceServer] = (),
        keys: tuple[SigningKey, ...] | None = None,
    ) -> None:
        self.clients = {client.client_id: client for client in clients}
        self.apis = {api.identifier: api for api in apis}
        #: What others publish, by where they do.
        self.published: dict[KeySource, tuple[PublicKey, ...]] = {}
        self.notes: set[tuple[str, str, str]] = set()
        self.reference_tokens: dict[str, ReferenceToken] = {}
        self.revoked: set[str] = set()
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

    def find_resource_server(
        self, identifier: str, *, fresh: bool = False
    ) -> ResourceServer | None:
        self._ask()
        return self.apis.get(identifier)

    def find_secret_owner(self, client_secret: str) -> str | None:
        self._ask()
        for owner_id, owner in (self.clients | self.apis).items():
            digest = digest_client_secret(client_secret, client_id=owner_id)
            if digest in (secret.digest for secret in owner.secrets):
                return owner_id
        return None

    def signing_key(self, now: datetime, alg: str | None = None) -> SigningKey:
        self._ask()
        alg = alg or (self.keys[0].alg if self.keys else "RS256")
        key = KeyRing(self.keys).signing_key(alg, now)
        if key is None:
            raise StoreUnavailableError("there is no signing key")
        return key

    def signing_algorithms(self, now: datetime) -> tuple[str, ...]:
        self._ask()
        return tuple(sorted({key.alg for key in self.keys}))

    def published_keys(self, now: datetime) -> tuple[SigningKey, ...]:
        self._ask()
        return KeyRing(self.keys).published_keys(now)

    def keys_of(self, source: KeySource, *, kid: str | None) -> tuple[PublicKey, ...]:
        if source not in self.published:
            raise KeysUnavailableError("nothing is published there")
        return self.published[source]

    def remember(self, notes: Sequence[ReplayNote]) -> ReplayNote | None:
        self._ask()
        uses = {(note.kind, note.owner, note.jti): note for note in notes}
        for use, note in uses.items():
            if use in self.notes:
                return note
        self.notes |= uses.keys()
        return None

    def save_reference_token(self, token: ReferenceToken) -> None:
        self._ask()
        self.reference_tokens[token.digest] = token

    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        self._ask()
        return self.reference_tokens.get(digest)

    def revoke_token(self, jti: str, *, until: datetime) -> None:
        self._ask()
        self.revoked.add(jti)

    def is_token_revoked(self, jti: str) -> bool:
        self._ask()
        return jti in self.revoked

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


@dataclass(kw_only=True)
class MemoryServer:
    """A ``ProtocolServer`` around such a store."""

    store: MemoryStore
    issuer: str = "https://signet.example"
    now: datetime = NOON
    scope_claim: str = "string"
    takes_certificates: bool = False
    authorities: CertificateAuthorities | None = None
    nonces: Nonces | None = field(default=None)

    def clock(self) -> datetime:
        return self.now


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
    return ClientScope(name=name, audiences=tuple(map(Audience, audiences or ("external-api",))))


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
