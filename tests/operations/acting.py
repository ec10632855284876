"""An operator at work: who acts, when, and short ways to what many tests need."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime

import pytest
from argon2 import PasswordHasher, Type
from flask import Flask
from sqlalchemy import event

from signet.extensions import Base, db
from signet.models.audit import Actor
from signet.models.audit_log import AuditEntry, list_entries
from signet.models.audit_query import AuditFilter
from signet.models.database import read
from signet.models.key_encryption import KeyEncryption
from signet.operations import passwords
from signet.operations.admins import create_admin
from signet.operations.clients import ClientFacts, register_client
from signet.operations.errors import OperationError
from signet.operations.scopes import create_scope
from signet.operations.secret_life import IssuedSecret
from signet.operations.signing_keys import take_due_step
from signet.settings import KeyEncryptionKey

NOON = datetime(2026, 7, 1, 12, tzinfo=UTC)
ADA = Actor(name="ada@example.org", address="192.0.2.1", user_agent="a browser", request_id="r-1")
ENCRYPTION = KeyEncryption([KeyEncryptionKey("k1", bytes(range(32)))])
#: For rules about texts, which are the same on any engine, and for long stories.
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
PASSWORD = "glacier-harbour-lantern-moss"


def register(
    client_id: str = "billing",
    *,
    name: str = "Billing",
    scopes: Sequence[str] = (),
    now: datetime = NOON,
) -> IssuedSecret:
    return register_client(
        ClientFacts(name=name),
        client_id=client_id,
        scopes=scopes,
        actor=ADA,
        now=now,
    )


def make_scope(name: str = "external-api", *apis: str) -> str:
    create_scope(name, apis=apis or (f"{name}-owner",), actor=ADA, now=NOON)
    return name


def make_admin(name: str = "ada@example.org", role: str = "administrator") -> str:
    create_admin(name, role=role, password=PASSWORD, actor=ADA, now=NOON)
    return name


def make_key(now: datetime = NOON) -> str | None:
    """A signing key of the kind that is generated fastest."""
    return take_due_step("EdDSA", encryption=ENCRYPTION, actor=ADA, now=now)


def entries(**wanted: str) -> tuple[AuditEntry, ...]:
    """The audit log, oldest first."""
    return list_entries(AuditFilter(**wanted), limit=1_000).entries[::-1]


def at_once(app: Flask, *acts: Callable[[], object]) -> list[object]:
    """What becomes of acts that begin at the same moment: what they return, or their error."""
    outcomes: list[object] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(number: int) -> None:
        with app.app_context():
            start.wait()
            try:
                outcomes[number] = acts[number]()
            except Exception as error:
                outcomes[number] = error

    threads = [threading.Thread(target=run, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes


class Statements:
    """The statements that the app of this context sends to its database."""

    def __init__(self) -> None:
        self.sent: list[str] = []
        #: Called with each statement before it is sent, after it was answered.
        self.before: Callable[[str], None] = lambda statement: None
        self.after: Callable[[str], None] = lambda statement: None

    @contextmanager
    def heard(self) -> Iterator["Statements"]:
        engine = db.engine
        event.listen(engine, "before_cursor_execute", self._before)
        event.listen(engine, "after_cursor_execute", self._after)
        yield self
        event.remove(engine, "before_cursor_execute", self._before)
        event.remove(engine, "after_cursor_execute", self._after)

    def count(self, act: Callable[[], object]) -> int:
        before = len(self.sent)
        act()
        return len(self.sent) - before

    def _before(self, _connection, _cursor, statement, *_rest) -> None:
        self.sent.append(statement)
        self.before(statement)

    def _after(self, _connection, _cursor, statement, *_rest) -> None:
        self.after(statement)


def make_hashes_quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have hashes that cost next to nothing, where only their number and order matter."""
    quick = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1, type=Type.ID)
    monkeypatch.setattr(passwords, "_hasher", quick)
    monkeypatch.setattr(passwords, "_DUMMY_HASH", quick.hash("nobody's"))


def hash_in_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hash in the thread that asks: the turns of gevent's greenlets are no turns of threads."""
    monkeypatch.setattr(passwords, "_in_turn", lambda function, *arguments: function(*arguments))


@contextmanager
def unchanged(
    error: type[OperationError] = OperationError, *, field: str | None = None
) -> Iterator[None]:
    """An act that is refused, with nothing in any table of the mission changed by it."""
    before = _contents()
    with pytest.raises(error) as caught:
        yield
    assert _contents() == before
    if field is not None:
        assert caught.value.field == field


def _contents() -> dict[str, list[str]]:
    with read() as session:
        return {
            table.name: sorted(map(repr, session.execute(table.select())))
            for table in Base.metadata.sorted_tables
            if table.name != "sign_in_throttle"
        }
