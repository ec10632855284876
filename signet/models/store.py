"""The Store that answers the protocol: frozen snapshots of clients and APIs, and the key ring.

The audit log is the feed of changes. At most every half ``cache_time`` one request looks whether
there is an entry newer than the last it saw: an entry about a client drops that snapshot, one about
a scope, an API or a key drops all. So a change counts within the bound on every worker and node,
and an unchanged client costs no query. While the database is away, snapshots serve for
``stale_time`` after the last good look.
"""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime, timedelta

from signet.models import replay_notes, tokens
from signet.models.audit import LONGEST_FEED, Change, changes_from, last_change
from signet.models.client_snapshots import Scopes, load_client_snapshot, load_scopes
from signet.models.database import DatabaseUnavailableError, read
from signet.models.foreign_keys import ForeignKeys
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.models.resource_servers import load_api_algorithms, load_resource_server_snapshot
from signet.models.secret_owners import find_secret_owner
from signet.models.signing_keys import load_private_key_ring
from signet.oauth.client import Client, KeySource
from signet.oauth.jwks import KeyRing, SigningKey
from signet.oauth.public_keys import PublicKey
from signet.oauth.resource_server import ResourceServer
from signet.oauth.store import ReferenceToken, ReplayNote, StoreUnavailableError

#: Snapshots kept; the least recently used leave first.
MOST_SNAPSHOTS = 10_000
#: While the database answers, nothing older than this is served, feed or no feed (seconds).
OLDEST_SNAPSHOT = 60.0
#: What snapshots share is loaded anew sooner, or they would all be old from the beginning.
OLDEST_SCOPES = 10.0
#: A look that takes longer is a failed one (seconds).
LONGEST_LOOK = 2.0


_Principal = Client | ResourceServer


@dataclass(slots=True)
class _Snapshot:
    principal: _Principal
    #: That of the oldest part of it.
    loaded_at: float


#: What is there of this name; all of it anew if it is to be fresh.
_Load = Callable[[str, bool], _Snapshot | None]


class SqlStore:
    """Answers ``oauth.store.Store`` from the database, for one process."""

    def __init__(
        self,
        *,
        encryption: KeyEncryption,
        foreign_keys: ForeignKeys,
        alg: str,
        cache_time: timedelta,
        stale_time: timedelta,
        monotonic: Callable[[], float] = time.monotonic,
        context: Callable[[], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        """:param context: the app's, which the database is found by; a snapshot needs none."""
        self._context = context
        self._encryption = encryption
        self._foreign_keys = foreign_keys
        self._alg = alg
        self._monotonic = monotonic
        self._promised = cache_time.total_seconds()
        self._stale_after = stale_time.total_seconds()
        #: By client id or API identifier, which are one name space.
        self._snapshots: OrderedDict[str, _Snapshot] = OrderedDict()
        #: What clients share, and when it was loaded.
        self._scopes: Scopes = {}
        self._scopes_loaded_at = float("-inf")
        self._ring: KeyRing | None = None
        #: Algorithms that APIs have chosen, known as long as the ring is.
        self._api_algorithms: frozenset[str] = frozenset()
        self._ring_loaded_at = 0.0
        #: The newest entry seen; ``None`` before the first look, and for an empty log.
        self._seen: Change | None = None
        #: When the next look is due, and the beginning of the last good one.
        self._next_look = float("-inf")
        self._last_good_look = float("-inf")
        self._is_failing = False
        self._looking = threading.Lock()

    def find_client(self, client_id: str, *, fresh: bool = False) -> Client | None:
        """See ``Store``."""
        found = self._find(client_id, self._load_client, fresh=fresh)
        return found if isinstance(found, Client) else None

    def find_resource_server(
        self, identifier: str, *, fresh: bool = False
    ) -> ResourceServer | None:
        """See ``Store``."""
        found = self._find(identifier, self._load_resource_server, fresh=fresh)
        return found if isinstance(found, ResourceServer) else None

    def find_secret_owner(self, client_secret: str) -> str | None:
        """See ``Store``."""
        with self._reachable(), read() as session:
            return find_secret_owner(session, client_secret)

    def signing_key(self, now: datetime, alg: str | None = None) -> SigningKey:
        """See ``Store``."""
        key = self._find_signing_key(now, alg)
        if key is None:
            # Made a moment ago, perhaps, for an API that wants this algorithm.
            self._look(at_once=not self._is_failing)
            key = self._find_signing_key(now, alg)
        if key is None or key.private_key is None:
            raise StoreUnavailableError("there is no signing key")
        return key

    def signing_algorithms(self, now: datetime) -> tuple[str, ...]:
        """See ``Store``."""
        default = self.signing_key(now).alg
        return tuple(sorted(self._api_algorithms | {default}))

    def published_keys(self, now: datetime) -> tuple[SigningKey, ...]:
        """See ``Store``; with a look each time.

        Another worker may sign with a key since a moment ago. An API that meets it asks for the
        set once, and must not hear from this worker that there is no such key.
        """
        self._look(at_once=not self._is_failing)
        return self._key_ring(now).published_keys(now)

    def keys_of(self, source: KeySource, *, kid: str | None) -> tuple[PublicKey, ...]:
        """See ``Store``."""
        return self._foreign_keys.keys_of(source, kid=kid)

    def remember(self, notes: Sequence[ReplayNote]) -> ReplayNote | None:
        """See ``Store``."""
        with self._context():
            return replay_notes.remember(notes)

    def save_reference_token(self, token: ReferenceToken) -> None:
        """See ``Store``."""
        with self._context():
            tokens.save_reference_token(token)

    def find_reference_token(self, digest: str) -> ReferenceToken | None:
        """See ``Store``."""
        with self._context():
            return tokens.find_reference_token(digest)

    def revoke_token(self, jti: str, *, until: datetime) -> None:
        """See ``Store``."""
        with self._context():
            tokens.revoke_token(jti, until=until)

    def is_token_revoked(self, jti: str) -> bool:
        """See ``Store``."""
        with self._context():
            return tokens.is_token_revoked(jti)

    def is_database_up(self) -> bool:
        """Whether the last look at the database was a good one."""
        self._look()
        return not self._is_failing

    def is_ready(self, now: datetime) -> bool:
        """Whether this worker can issue tokens: a key at hand, a good look not too long ago."""
        try:
            self._look()
            self.signing_key(now)
        except StoreUnavailableError:
            return False
        return self._age(self._last_good_look) <= self._stale_after

    def _find_signing_key(self, now: datetime, alg: str | None) -> SigningKey | None:
        ring = self._key_ring(now)
        return ring.key_in_use(self._alg, now) if alg is None else ring.key_of(alg, now)

    def _key_ring(self, now: datetime) -> KeyRing:
        self._look()
        if self._ring is not None and self._may_serve(self._ring_loaded_at):
            return self._ring
        seen = self._seen
        ring, algorithms = self._load_ring(now)
        if seen is self._seen:
            self._ring, self._ring_loaded_at = ring, self._monotonic()
            self._api_algorithms = algorithms
        return ring

    def _find(self, name: str, load: _Load, *, fresh: bool) -> _Principal | None:
        self._look()
        snapshot = self._snapshots.get(name)
        if snapshot is not None and not fresh and self._may_serve(snapshot.loaded_at):
            self._snapshots.move_to_end(name)
            return snapshot.principal
        seen = self._seen
        with self._reachable():
            loaded = load(name, fresh)
        if loaded is None:
            self._snapshots.pop(name, None)
            return None
        # Not kept if a look has come in between: it may have been about this very client.
        if seen is self._seen:
            self._keep(name, loaded)
        return loaded.principal

    def _keep(self, name: str, snapshot: _Snapshot) -> None:
        self._snapshots[name] = snapshot
        self._snapshots.move_to_end(name)
        if len(self._snapshots) > MOST_SNAPSHOTS:
            self._snapshots.popitem(last=False)

    def _load_client(self, client_id: str, fresh: bool) -> _Snapshot | None:
        scopes, loaded_at = self._scopes, self._scopes_loaded_at
        if fresh or self._age(loaded_at) > OLDEST_SCOPES:
            seen, loaded_at = self._seen, self._monotonic()
            scopes = load_scopes()
            if seen is self._seen:
                self._scopes, self._scopes_loaded_at = scopes, loaded_at
        client = load_client_snapshot(client_id, scopes)
        return _Snapshot(client, loaded_at) if client is not None else None

    def _load_resource_server(self, identifier: str, _fresh: bool) -> _Snapshot | None:
        with read() as session:
            api = load_resource_server_snapshot(session, identifier)
        return _Snapshot(api, self._monotonic()) if api is not None else None

    def _load_ring(self, now: datetime) -> tuple[KeyRing, frozenset[str]]:
        try:
            with self._reachable(), read() as session:
                ring = load_private_key_ring(session, self._encryption, now=now)
                return ring, load_api_algorithms(session)
        except KeyEncryptionError as error:
            raise StoreUnavailableError(str(error)) from error

    @contextmanager
    def _reachable(self) -> Iterator[None]:
        # A look has just failed, and the next one will tell: nobody waits for more of that.
        if self._is_failing:
            raise DatabaseUnavailableError("no good look at the database")
        with self._context():
            yield

    def _may_serve(self, loaded_at: float) -> bool:
        """Whether something loaded at this time is fresh enough to be served.

        :raises StoreUnavailableError: if it is not, and the database cannot say better.
        """
        if not self._is_failing:
            return self._age(loaded_at) <= OLDEST_SNAPSHOT
        if self._age(self._last_good_look) > self._stale_after:
            raise DatabaseUnavailableError("away for longer than snapshots may serve")
        return True

    def _look(self, *, at_once: bool = False) -> None:
        """Drop what has changed since the last look, if a look is due or asked for."""
        # Asked for each request: the time is the one call.
        if self._monotonic() < self._next_look and not at_once:
            return
        # One looks. The others serve on, unless they might miss a change that they promised to
        # see by now; for a database that has just failed nobody waits.
        overdue = at_once or self._age(self._last_good_look) > self._promised
        if not self._looking.acquire(blocking=overdue and not self._is_failing):
            return
        try:
            if at_once or self._is_due():
                self._look_now()
        finally:
            self._looking.release()

    def _look_now(self) -> None:
        started = self._monotonic()
        try:
            with self._context(), read(at_most=LONGEST_LOOK) as session:
                if self._seen is None:
                    newest, changes = last_change(session), None
                else:
                    newest, changes = None, changes_from(session, self._seen.number)
        except DatabaseUnavailableError:
            self._is_failing = True
        else:
            if changes is None:
                self._drop_all()
                self._seen = newest
            else:
                self._take(changes)
            self._is_failing, self._last_good_look = False, started
        finally:
            self._next_look = self._monotonic() + self._promised / 2

    def _is_due(self) -> bool:
        return self._monotonic() >= self._next_look

    def _age(self, moment: float) -> float:
        return self._monotonic() - moment

    def _take(self, changes: tuple[Change, ...]) -> None:
        if not changes or changes[0] != self._seen or len(changes) > LONGEST_FEED:
            # Another log than the one last seen (a restored backup), or too much to read.
            self._drop_all()
            self._seen = None if not changes or changes[0] != self._seen else changes[-1]
            return
        for change in changes[1:]:
            if change.object_type == "client":
                self._snapshots.pop(change.object_id, None)
            elif change.object_type != "admin":
                self._drop_all()
            self._seen = change

    def _drop_all(self) -> None:
        self._snapshots.clear()
        self._scopes, self._scopes_loaded_at = {}, float("-inf")
        self._ring = None
