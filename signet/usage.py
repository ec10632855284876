"""What a worker remembers of its requests until the next flush: bounded, no I/O.

The token path only counts here, in a dictionary; who writes it down is ``background.py``. Whatever
is sent, the memory stays small: what nobody knows is counted together, and beyond the bounds it is
only counted that something is missing.
"""

import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import islice
from typing import Any

#: Different counts that are kept between two flushes.
MOST_COUNTS = 10_000
#: Of these, how many are written at once: after an outage there may be all of them.
MOST_AT_ONCE = 1_000
#: Refused requests that are kept between two flushes, of one client and in all.
MOST_REFUSED_OF_CLIENT, MOST_REFUSED = 200, 1_000
#: Clients and APIs that there are not are counted under this name.
NOBODY = ""
_HOUR = 3_600


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusedRequest:
    """A request that was refused, and why: for people, never for the caller."""

    request_id: str
    at: datetime
    #: Of a client or API that there is, else :data:`NOBODY`.
    client_id: str
    #: What the caller has said it is, if that can be told.
    claimed_client_id: str
    address: str
    user_agent: str
    #: The last part of the path: ``token``, ``introspect``, ``revocation``.
    endpoint: str
    status: int
    #: The ``error`` of the answer.
    error: str
    #: One of ``oauth.refusal.Reason``.
    reason: str
    #: The same in the words of the log.
    text: str
    facts: Mapping[str, Any]


@dataclass(slots=True)
class LastUse:
    """When and by whom a credential was used, first and last in this batch."""

    first_at: datetime
    last_at: datetime
    address: str
    user_agent: str


@dataclass(slots=True)
class Batch:
    """What has come together since the last flush."""

    #: By client and credential.
    uses: dict[tuple[str, str], LastUse] = field(default_factory=dict)
    #: By client, credential, outcome and the hour (seconds since the epoch) in which it begins.
    counts: dict[tuple[str, str, str, int], int] = field(default_factory=dict)
    refused: dict[str, deque[RefusedRequest]] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        """Whether nothing has happened."""
        return not (self.counts or self.refused)

    def parts(self) -> Iterator["Batch"]:
        """The same in pieces that are quickly written; refused requests come last and alone."""
        counts, uses = iter(self.counts.items()), iter(self.uses.items())
        while some := dict(islice(counts, MOST_AT_ONCE)):
            # Whoever is used is counted: there are never more uses than counts.
            yield Batch(counts=some, uses=dict(islice(uses, MOST_AT_ONCE)))
        if self.refused:
            yield Batch(refused=self.refused)

    def refused_requests(self) -> list[RefusedRequest]:
        """All that are kept, the oldest first."""
        return sorted(
            (request for kept in self.refused.values() for request in kept),
            key=lambda request: request.at,
        )


class UsageMemory:
    """Counts what one worker serves."""

    def __init__(self) -> None:
        self._batch = Batch()
        self._refused = 0
        #: Counts and refused requests that found no room, or that were never written, since start.
        self.lost = 0
        #: Held by whoever writes: between taking and writing, a batch is in nobody's memory.
        self.writing = threading.Lock()

    def note_use(
        self,
        client_id: str,
        credential_id: str,
        outcome: str,
        *,
        at: datetime,
        address: str,
        user_agent: str,
    ) -> None:
        """Count a request that was served, and remember who came.

        :param outcome: ``token``, ``introspection`` or ``revocation``.
        """
        if not self._count(client_id, credential_id, outcome, at, 1):
            return
        use = self._batch.uses.get((client_id, credential_id))
        if use is None:
            self._batch.uses[client_id, credential_id] = LastUse(at, at, address, user_agent)
        elif at >= use.last_at:
            use.last_at, use.address, use.user_agent = at, address, user_agent

    def note_refusal(self, request: RefusedRequest) -> None:
        """Count a refused request, and keep it if there is room: the latest of a client stay."""
        if self._count(request.client_id, "", request.reason, request.at, 1):
            self._keep(request)

    def take(self) -> Batch:
        """Everything since the last time; the memory begins anew."""
        batch, self._batch, self._refused = self._batch, Batch(), 0
        return batch

    def put_back(self, batch: Batch) -> None:
        """Remember a batch that could not be written, as far as there is room."""
        newer = self.take()
        for older in (batch, newer):
            for (client_id, credential_id, outcome, hour), count in older.counts.items():
                at = datetime.fromtimestamp(hour, UTC)
                self._count(client_id, credential_id, outcome, at, count)
            for key, use in older.uses.items():
                self._batch.uses[key] = _joined(self._batch.uses.get(key), use)
            for request in older.refused_requests():
                self._keep(request)

    def give_up(self) -> int:
        """Forget everything, as nobody will write it any more, and say how much it was."""
        batch = self.take()
        lost = sum(batch.counts.values()) + len(batch.refused_requests())
        self.lost += lost
        return lost

    def _count(
        self, client_id: str, credential_id: str, outcome: str, at: datetime, count: int
    ) -> bool:
        hour = int(at.timestamp()) // _HOUR * _HOUR
        key = (client_id, credential_id, outcome, hour)
        counts = self._batch.counts
        if key not in counts and len(counts) >= MOST_COUNTS:
            self.lost += count
            return False
        counts[key] = counts.get(key, 0) + count
        return True

    def _keep(self, request: RefusedRequest) -> None:
        kept = self._batch.refused.get(request.client_id)
        if kept is None:
            kept = self._batch.refused[request.client_id] = deque(maxlen=MOST_REFUSED_OF_CLIENT)
        if len(kept) < MOST_REFUSED_OF_CLIENT:
            if self._refused >= MOST_REFUSED:
                self.lost += 1
                return
            self._refused += 1
        kept.append(request)


def flush(memory: UsageMemory, write: Callable[[Batch], object]) -> None:
    """Hand over what has come together; what fails to be written is remembered for the next time.

    :param write: writes a part of it, all of that or nothing.
    """
    with memory.writing:
        parts = deque(memory.take().parts())
        try:
            while parts:
                write(parts[0])
                parts.popleft()
        except Exception:
            for part in parts:
                memory.put_back(part)
            raise


def _joined(older: LastUse | None, newer: LastUse) -> LastUse:
    if older is None:
        return newer
    return LastUse(older.first_at, newer.last_at, newer.address, newer.user_agent)
