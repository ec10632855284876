"""The Store over a database: what it remembers, and how it learns that this is no longer true."""

import threading
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import text

from signet.models import store as store_module
from signet.models.database import write
from signet.models.foreign_keys import ForeignKeys
from signet.models.key_encryption import KeyEncryption
from signet.models.store import SqlStore
from signet.oauth.client import Client, matching_secret
from signet.oauth.store import StoreUnavailableError
from signet.operations import admins, client_secrets, clients, resource_servers, scopes
from signet.operations.secret_life import IssuedSecret
from signet.operations.signing_keys import ensure_signing_key, rotate_key
from signet.outbound import Outbound
from tests.models.outage import away
from tests.operations.acting import (
    ADA,
    ENCRYPTION,
    NOON,
    Statements,
    make_admin,
    make_key,
    make_scope,
    register,
)
from tests.tampering import tamper

#: What the store reads.
TABLES = ("audit_entry", "client", "signing_key")
CACHE, STALE = timedelta(seconds=1), timedelta(seconds=60)


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.seconds = 1_000.0

    def __call__(self) -> float:
        return self.seconds

    def pass_(self, seconds: float) -> None:
        self.seconds += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(app: Flask, clock: Clock) -> SqlStore:
    """A store over a database with a signing key, a scope and the client ``billing``."""
    make_key()
    register(scopes=[make_scope()])
    return make_store(clock)


def make_store(clock: Clock, encryption: KeyEncryption = ENCRYPTION) -> SqlStore:
    return SqlStore(
        encryption=encryption,
        foreign_keys=ForeignKeys(Outbound()),
        alg="EdDSA",
        cache_time=CACHE,
        stale_time=STALE,
        monotonic=clock,
    )


def knows(client: Client, issued: IssuedSecret) -> bool:
    """Whether the snapshot holds the secret."""
    secret = issued.client_secret
    return bool(matching_secret(client.secrets, secret, client_id=client.client_id, now=NOON))


@pytest.fixture
def statements(app: Flask) -> Iterator[Statements]:
    with Statements().heard() as statements:
        yield statements


def find(store: SqlStore, client_id: str = "billing") -> Client:
    client = store.find_client(client_id)
    assert client is not None
    return client


def use(store: SqlStore, client_id: str = "billing") -> Client:
    """What the token endpoint asks for one token."""
    store.signing_key(NOON)
    return find(store, client_id)


# What it remembers


def test_an_unchanged_client_costs_no_statement(store, statements):
    use(store)
    assert statements.count(lambda: use(store)) == 0


def test_a_look_is_one_statement_at_most_every_half_cache_time(store, statements, clock):
    use(store)
    clock.pass_(0.49)
    assert statements.count(lambda: use(store)) == 0
    clock.pass_(0.02)
    assert statements.count(lambda: use(store)) == 1
    assert "audit_entry" in statements.sent[-1]
    assert statements.count(lambda: use(store)) == 0


def test_only_so_many_snapshots_are_kept_and_the_least_used_leave(store, statements, monkeypatch):
    monkeypatch.setattr(store_module, "MOST_SNAPSHOTS", 2)
    register("second")
    register("third")
    for client_id in ("billing", "second", "billing", "third"):
        use(store, client_id)
    assert statements.count(lambda: use(store, "billing")) == 0
    assert statements.count(lambda: use(store, "third")) == 0
    assert statements.count(lambda: use(store, "second")) > 0


def test_a_client_that_is_not_there_is_not_remembered(store, statements):
    for _ in range(2):
        assert statements.count(lambda: store.find_client("nobody")) > 0


def test_a_client_registered_a_moment_ago_is_found_at_once(store):
    assert store.find_client("new-one") is None
    register("new-one")
    assert find(store, "new-one").enabled


def test_a_fresh_question_sees_a_secret_made_a_moment_ago(store):
    use(store)
    issued = client_secrets.create_secret("billing", actor=ADA, now=NOON)
    assert not knows(find(store), issued)
    fresh = store.find_client("billing", fresh=True)
    assert fresh is not None
    assert knows(fresh, issued)
    assert knows(find(store), issued)


def test_a_key_made_a_moment_ago_signs_at_once_for_the_api_that_wants_it(store):
    """Or the first requests for its tokens would be 503."""
    use(store)
    ensure_signing_key("ES256", encryption=ENCRYPTION, actor=ADA, now=NOON)
    assert store.signing_key(NOON, "ES256").alg == "ES256"


def test_a_client_id_is_compared_exactly(store):
    assert store.find_client("Billing") is None


# How it learns of changes


def test_a_disabled_client_is_noticed_within_the_cache_time(store, clock):
    assert use(store).enabled
    clients.disable_client("billing", actor=ADA, now=NOON)
    clock.pass_(0.4)
    assert use(store).enabled
    clock.pass_(0.1)
    assert not use(store).enabled


def test_a_revoked_secret_is_noticed_within_the_cache_time(store, clock):
    issued = client_secrets.create_secret("billing", actor=ADA, now=NOON)
    assert knows(use(store), issued)
    client_secrets.revoke_secret("billing", issued.secret_id, actor=ADA, now=NOON)
    clock.pass_(0.5)
    assert not knows(use(store), issued)


def test_a_deleted_client_is_noticed_within_the_cache_time(store, clock):
    use(store)
    clients.delete_client("billing", actor=ADA, now=NOON)
    clock.pass_(0.5)
    assert store.find_client("billing") is None


CHANGES: dict[str, tuple[Callable[[], object], set[str]]] = {
    "a client": (
        lambda: clients.disable_client("billing", actor=ADA, now=NOON),
        {"billing"},
    ),
    "another client": (lambda: register("third"), set()),
    "a scope": (
        lambda: scopes.disable_scope("external-api", actor=ADA, now=NOON),
        {"billing", "second", "key"},
    ),
    "an API": (
        lambda: resource_servers.create_resource_server(
            "orders", encryption=ENCRYPTION, actor=ADA, now=NOON
        ),
        {"billing", "second", "key"},
    ),
    "a key": (
        lambda: rotate_key(
            "EdDSA", default_alg="EdDSA", at_once=False, encryption=ENCRYPTION, actor=ADA, now=NOON
        ),
        {"billing", "second", "key"},
    ),
    "an admin": (
        lambda: admins.disable_admin("second@example.org", actor=ADA, now=NOON),
        set(),
    ),
}


@pytest.mark.parametrize("what", CHANGES)
def test_an_entry_drops_what_it_may_concern_and_nothing_else(store, statements, clock, what):
    change, dropped = CHANGES[what]
    register("second")
    make_admin()
    make_admin("second@example.org")
    use(store)
    use(store, "second")
    change()
    clock.pass_(0.5)
    store.is_database_up()
    questions: dict[str, Callable[[], object]] = {
        "billing": lambda: find(store),
        "second": lambda: find(store, "second"),
        "key": lambda: store.signing_key(NOON),
    }
    asked = {name for name, ask in questions.items() if statements.count(ask)}
    assert asked == dropped


def test_more_entries_than_a_look_reads_drop_everything(store, statements, clock, monkeypatch):
    monkeypatch.setattr("signet.models.audit.LONGEST_FEED", 3)
    monkeypatch.setattr(store_module, "LONGEST_FEED", 3)
    use(store)
    for number in range(8):
        register(f"client-{number}")
    clients.disable_client("billing", actor=ADA, now=NOON)
    for _ in range(3):
        clock.pass_(0.5)
        assert not use(store).enabled
    clock.pass_(0.5)
    assert statements.count(lambda: use(store)) == 1


def test_what_an_operation_forgot_to_record_is_noticed_within_a_minute(store, clock):
    use(store)
    with write() as session:
        session.execute(text("UPDATE client SET enabled = false"))
    for _ in range(120):
        clock.pass_(0.5)
        assert use(store).enabled
    clock.pass_(0.5)
    assert not use(store).enabled


@pytest.mark.parametrize(
    "restore",
    [
        "DELETE FROM audit_entry WHERE number = (SELECT max(number) FROM audit_entry)",
        "UPDATE audit_entry SET hash = 'other'",
        "DELETE FROM audit_entry",
    ],
    ids=["fewer entries", "another last entry", "no entry"],
)
def test_a_restored_backup_drops_everything(store, clock, restore):
    use(store)
    with write() as session:
        session.execute(text("UPDATE client SET enabled = false"))
    tamper(restore)
    clock.pass_(0.5)
    assert not use(store).enabled
    register("later")
    clients.enable_client("billing", actor=ADA, now=NOON)
    clock.pass_(0.5)
    assert use(store).enabled


def test_a_restored_backup_that_has_grown_since_drops_everything(store, clock):
    use(store)
    with write() as session:
        session.execute(text("UPDATE client SET enabled = false"))
    tamper("UPDATE audit_entry SET hash = 'other'")
    register("later")
    clock.pass_(0.5)
    assert not use(store).enabled


def test_a_store_over_an_empty_log_serves_and_learns(app, clock):
    store = make_store(clock)
    assert store.find_client("billing") is None
    register()
    assert find(store).enabled
    clock.pass_(0.5)
    assert find(store).enabled
    clients.disable_client("billing", actor=ADA, now=NOON)
    clock.pass_(0.5)
    assert not find(store).enabled


# Changes at an awkward moment


@pytest.mark.parametrize(
    ("table", "change", "is_seen"),
    [
        (
            "FROM client ",
            lambda: clients.disable_client("billing", actor=ADA, now=NOON),
            lambda client: not client.enabled,
        ),
        (
            "FROM scope",
            lambda: scopes.disable_scope("external-api", actor=ADA, now=NOON),
            lambda client: not client.scopes,
        ),
    ],
    ids=["the client", "its scopes, which are loaded before"],
)
def test_a_change_while_a_snapshot_is_being_loaded_is_not_missed(
    app, store, statements, clock, table, change, is_seen
):
    """The load has read the old state when the change and a look at it come in between."""

    def change_meanwhile(statement: str) -> None:
        if table not in statement.replace("\n", ""):
            return
        statements.after = lambda statement: None
        changed.append(table)
        in_thread(app, change)
        clock.pass_(0.5)
        in_thread(app, store.is_database_up)

    changed: list[str] = []
    store.is_database_up()
    statements.after = change_meanwhile
    find(store)
    assert changed and is_seen(find(store))


def test_a_key_that_is_made_while_the_ring_is_being_loaded_is_not_missed(
    app, store, statements, clock
):
    def change_meanwhile(statement: str) -> None:
        if "FROM signing_key" not in statement.replace("\n", ""):
            return
        statements.after = lambda statement: None
        in_thread(
            app,
            lambda: rotate_key(
                "EdDSA",
                default_alg="EdDSA",
                at_once=True,
                encryption=ENCRYPTION,
                actor=ADA,
                now=NOON,
            ),
        )
        clock.pass_(0.5)
        in_thread(app, store.is_database_up)

    store.is_database_up()
    statements.after = change_meanwhile
    before = store.signing_key(NOON).kid
    assert store.signing_key(NOON).kid != before


def in_thread(app: Flask, act: Callable[[], object]) -> None:
    """Do something as another request would, and wait for it."""
    thread = start(app, act)
    thread.join(5)
    assert not thread.is_alive()


def start(app: Flask, act: Callable[[], object]) -> threading.Thread:
    def run() -> None:
        with app.app_context():
            act()

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    return thread


class HangingLook:
    """A look that does not come back before ``end`` is called."""

    def __init__(self, app: Flask, store: SqlStore, statements: Statements) -> None:
        self._begun, self._may_end = threading.Event(), threading.Event()
        statements.before = self._hang
        self._looker = start(app, store.is_database_up)
        assert self._begun.wait(5)

    def _hang(self, statement: str) -> None:
        if "audit_entry" in statement:
            self._begun.set()
            assert self._may_end.wait(5)

    def end(self) -> None:
        self._may_end.set()
        self._looker.join(5)


def test_while_one_looks_the_others_are_served(app, store, statements, clock):
    use(store)
    clock.pass_(0.5)
    look = HangingLook(app, store, statements)
    assert statements.count(lambda: use(store)) == 0
    look.end()


def test_nobody_is_served_past_the_cache_time_before_a_look_that_is_under_way(
    app, store, statements, clock
):
    """A worker that was idle for long: its second request knows no more than its first."""
    use(store)
    clients.disable_client("billing", actor=ADA, now=NOON)
    clock.pass_(1.1)
    look = HangingLook(app, store, statements)
    seen: list[bool] = []
    waiting = start(app, lambda: seen.append(use(store).enabled))
    waiting.join(0.1)
    assert seen == []
    look.end()
    waiting.join(5)
    assert seen == [False]


def test_after_a_slow_look_nobody_repeats_it(app, store, statements, clock):
    use(store)
    clock.pass_(5)
    look = HangingLook(app, store, statements)
    others = [start(app, lambda: use(store)) for _ in range(5)]
    clock.pass_(0.8)
    sent = len(statements.sent)
    look.end()
    for other in others:
        other.join(5)
    assert len(statements.sent) == sent


# A database that fails (SECURITY R7)


def test_snapshots_serve_for_the_stale_time_while_the_database_is_away(store, clock):
    use(store)
    with away(*TABLES):
        for _ in range(12):
            clock.pass_(5)
            assert use(store).enabled
        clock.pass_(0.5)
        with pytest.raises(StoreUnavailableError):
            find(store)
        with pytest.raises(StoreUnavailableError):
            store.signing_key(NOON)


def test_what_is_not_at_hand_is_unavailable_and_not_missing(store, clock):
    use(store)
    with away(*TABLES):
        clock.pass_(0.5)
        with pytest.raises(StoreUnavailableError):
            store.find_client("nobody")
        with pytest.raises(StoreUnavailableError):
            store.find_client("billing", fresh=True)


def test_a_database_that_has_just_failed_is_not_asked_for_more(store, statements, clock):
    use(store)
    with away(*TABLES):
        clock.pass_(0.5)
        store.is_database_up()
        for fresh in (False, True):
            with pytest.raises(StoreUnavailableError):
                statements.count(lambda fresh=fresh: store.find_client("other", fresh=fresh))
        assert "audit_entry" in statements.sent[-1]


def test_a_store_that_never_saw_the_database_is_unavailable(store, clock):
    with away(*TABLES):
        unlucky = make_store(clock)
        with pytest.raises(StoreUnavailableError):
            unlucky.find_client("billing")
        with pytest.raises(StoreUnavailableError):
            unlucky.signing_key(NOON)
        assert not unlucky.is_ready(NOON)


def test_the_store_recovers_by_itself(store, clock):
    use(store)
    with away(*TABLES):
        clock.pass_(100)
        with pytest.raises(StoreUnavailableError):
            use(store)
    clients.disable_client("billing", actor=ADA, now=NOON)
    clock.pass_(0.5)
    assert not use(store).enabled


def test_a_change_made_while_the_database_was_out_of_reach_is_seen_afterwards(store, clock):
    use(store)
    with away("audit_entry"):
        clock.pass_(0.5)
        assert use(store).enabled
    clients.disable_client("billing", actor=ADA, now=NOON)
    clock.pass_(0.5)
    assert not use(store).enabled


def test_nobody_waits_for_a_look_at_a_database_that_has_just_failed(app, store, statements, clock):
    use(store)
    with away("audit_entry"):
        clock.pass_(2)
        store.is_database_up()
    clock.pass_(2)
    look = HangingLook(app, store, statements)
    assert statements.count(lambda: use(store)) == 0
    look.end()


def test_readiness_lasts_as_long_as_snapshots_may_serve(store, clock):
    assert store.is_ready(NOON)
    assert store.is_database_up()
    with away(*TABLES):
        clock.pass_(59)
        assert store.is_ready(NOON)
        assert not store.is_database_up()
        clock.pass_(2)
        assert not store.is_ready(NOON)
    clock.pass_(1)
    assert store.is_ready(NOON)
    assert store.is_database_up()


def test_without_its_key_encryption_key_a_store_is_unavailable(store, clock):
    keyless = make_store(clock, KeyEncryption([]))
    with pytest.raises(StoreUnavailableError):
        keyless.signing_key(NOON)
    assert not keyless.is_ready(NOON)


def test_without_a_signing_key_a_store_is_unavailable(app, clock):
    with pytest.raises(StoreUnavailableError):
        make_store(clock).signing_key(NOON)
