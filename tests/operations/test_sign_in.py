"""Signing in: what the throttle counts, whom it spares, what the log keeps (SECURITY U12–U15).

What visitors see of it is tested with the pages.
"""

from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import select

from signet.models.admins import AdminRow
from signet.models.audit import Actor
from signet.models.database import read, write
from signet.models.sign_in_throttle import ALLOWANCES, WINDOW, Attempt, SignInThrottleRow
from signet.operations import admins, passwords
from signet.operations.attempts import ThrottledError
from signet.operations.passwords import BusyError
from signet.operations.sign_in import (
    SignInRefusedError,
    sign_in,
    sign_out,
)
from signet.operations.sign_in_failures import close_throttle_windows
from tests.operations.acting import (
    ADA,
    NOON,
    PASSWORD,
    at_once,
    entries,
    hash_in_place,
    make_admin,
    make_hashes_quick,
)

NAME = "ada@example.org"
HOME, AWAY = "192.0.2.1", "198.51.100.7"
SECOND = timedelta(seconds=1)
GRACE = Actor(name="grace@example.org")


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    make_hashes_quick(monkeypatch)


@pytest.fixture
def ada(app) -> str:
    return make_admin()


def attempt(password: str = "wrong", *, name: str = NAME, address: str = HOME, now=NOON) -> str:
    return sign_in(name, password, actor=Actor(name="", address=address), now=now)


def fail(times: int = 1, **options) -> None:
    for _ in range(times):
        with pytest.raises(SignInRefusedError):
            attempt(**options)


def wait(**options) -> timedelta:
    """How long somebody who tries now is told to wait."""
    with pytest.raises(ThrottledError) as caught:
        attempt(**options)
    return caught.value.wait


def counters() -> dict[str, int]:
    with read() as session:
        rows = session.scalars(select(SignInThrottleRow))
        return {row.key.partition(":")[0]: row.failures for row in rows}


# What is counted


def test_pauses_grow_with_each_failure_up_to_five_minutes(ada):
    now, pauses = NOON, []
    fail(4)
    for _ in range(12):
        fail(now=now)
        pauses.append(wait(now=now))
        now += pauses[-1]
    assert [pause.total_seconds() for pause in pauses] == [
        1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300,
    ]  # fmt: skip


def test_who_waits_is_not_looked_at_and_not_counted(ada):
    fail(5)
    before = counters()
    assert wait(password=PASSWORD) == SECOND
    assert counters() == before
    assert attempt(PASSWORD, now=NOON + SECOND)


def test_a_throttled_address_leaves_no_counter_for_each_name_it_tries(ada):
    for number in range(20):
        fail(name=f"name-{number}")
    with read() as session:
        count = len(session.scalars(select(SignInThrottleRow)).all())
    for number in range(5):
        wait(name=f"other-{number}")
    with read() as session:
        assert len(session.scalars(select(SignInThrottleRow)).all()) == count


def test_attempts_at_once_are_all_counted_and_no_more_pass_than_one_by_one(app, ada, monkeypatch):
    hash_in_place(monkeypatch)
    outcomes = at_once(app, *[attempt] * 20)
    kinds = [type(outcome) for outcome in outcomes]
    assert kinds.count(SignInRefusedError) == 5
    assert kinds.count(ThrottledError) == 15
    assert counters() == {"pair": 5, "address": 5, "account": 5}


def test_attempts_at_once_from_many_addresses_are_all_counted(app, ada, monkeypatch):
    hash_in_place(monkeypatch)
    outcomes = at_once(
        app, *[partial(attempt, address=f"203.0.113.{number}") for number in range(20)]
    )
    assert [type(outcome) for outcome in outcomes] == [SignInRefusedError] * 20
    assert counters()["account"] == 20


def test_a_counter_starts_anew_after_a_quarter_of_an_hour(ada):
    fail(5)
    assert wait() == SECOND
    later = NOON + WINDOW + SECOND
    fail(4, now=later)
    assert attempt(PASSWORD, now=later)


def test_a_success_forgets_the_failures_of_that_account_from_there(ada):
    fail(4)
    attempt(PASSWORD)
    assert counters() == {"address": 4, "account": 4}
    fail(4)
    assert attempt(PASSWORD)


def test_a_success_makes_nobody_else_at_the_address_wait(ada):
    """As many people as may sit behind one address: it had been let through, so it was free."""
    for number in range(19):
        fail(name=f"name-{number}")
    attempt(PASSWORD)
    make_admin(GRACE.name)
    assert attempt(PASSWORD, name="grace@example.org")


def test_who_is_turned_away_for_other_people_s_passwords_is_not_counted(ada, monkeypatch):
    monkeypatch.setattr(passwords, "_LONGEST_QUEUE", 0)
    fail_busy = pytest.raises(BusyError)
    for _ in range(10):
        with fail_busy:
            attempt(PASSWORD)
    assert counters() == {}
    monkeypatch.undo()


# Whom the throttle spares


def test_the_right_password_works_from_elsewhere_whatever_a_stranger_does(ada):
    """SECURITY U14: no lock-out by strangers."""
    fail(5, address=AWAY)
    wait(address=AWAY)
    assert attempt(PASSWORD, address=HOME)


def test_an_account_under_attack_from_everywhere_waits_half_a_minute_at_most(ada):
    failures = ALLOWANCES["account"].failures
    set_account_failures(failures + 50, blocked_for=timedelta(seconds=30))
    assert wait(password=PASSWORD) == timedelta(seconds=30)
    assert attempt(PASSWORD, now=NOON + timedelta(seconds=30))


def test_the_address_that_last_signed_in_does_not_wait_for_an_account_under_attack(ada):
    attempt(PASSWORD, address=HOME)
    set_account_failures(150, blocked_for=timedelta(seconds=30))
    assert wait(password=PASSWORD, address=AWAY) == timedelta(seconds=30)
    assert attempt(PASSWORD, address=HOME)


def test_no_address_at_all_is_trusted_by_nobody(ada):
    set_account_failures(150, blocked_for=timedelta(seconds=30))
    assert wait(password=PASSWORD, address="") == timedelta(seconds=30)


def set_account_failures(failures: int, *, blocked_for: timedelta) -> None:
    with write() as session:
        session.merge(
            SignInThrottleRow(
                key=Attempt.of(NAME, "").account,
                failures=failures,
                last_failure_at=NOON,
                blocked_until=NOON + blocked_for,
                admin_name=NAME,
                address=AWAY,
            )
        )


@pytest.mark.parametrize(
    ("one", "other", "is_one"),
    [
        ("192.0.2.1", "192.0.2.1", True),
        ("192.0.2.1", "192.0.2.2", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("2001:db8:1:2::1", "2001:db8:1:2:ffff::9", True),
        ("2001:db8:1:2::1", "2001:db8:1:3::1", False),
        ("", "nonsense", True),
    ],
)
def test_what_counts_as_one_address(one, other, is_one):
    assert (Attempt.of(NAME, one) == Attempt.of(NAME, other)) is is_one


def test_one_account_is_one_account_whatever_the_case_of_its_name():
    assert Attempt.of("Ada@Example.org", HOME) == Attempt.of(NAME, HOME)
    assert "ada" not in Attempt.of(NAME, HOME).pair


# What the log keeps


def test_failures_are_one_entry_per_window_and_one_with_their_count(ada):
    fail(4)
    opened = entries(action="admin.sign_in_failed")
    assert [(entry.actor, entry.address, entry.object.name) for entry in opened] == [
        ("", HOME, NAME)
    ]
    close_throttle_windows(now=NOON + WINDOW)
    assert len(entries(action="admin.sign_in_failed")) == 1
    close_throttle_windows(now=NOON + WINDOW + SECOND)
    assert [entry.after["failures"] for entry in entries(action="admin.sign_in_failed")] == [1, 4]
    assert counters() == {}
    close_throttle_windows(now=NOON + 2 * WINDOW)
    assert len(entries(action="admin.sign_in_failed")) == 2


def test_a_single_failure_is_one_entry(ada):
    fail()
    close_throttle_windows(now=NOON + 2 * WINDOW)
    assert len(entries(action="admin.sign_in_failed")) == 1


def test_an_unknown_name_is_never_written_down(ada):
    fail(3, name=PASSWORD)
    close_throttle_windows(now=NOON + 2 * WINDOW)
    failed = entries(action="admin.sign_in_failed")
    assert {entry.object.name for entry in failed} == {"an unknown name"}
    assert PASSWORD not in str(entries())


def test_a_sign_in_and_a_sign_out_are_entries_of_the_admin(ada):
    session_id = attempt(PASSWORD)
    sign_out(session_id, NAME, actor=ADA, now=NOON)
    assert [(entry.action, entry.actor, entry.object.id) for entry in entries()[-2:]] == [
        ("admin.sign_in", NAME, NAME),
        ("admin.sign_out", NAME, NAME),
    ]


# The account


def test_a_sign_in_notes_when_and_from_where(ada):
    attempt(PASSWORD, address="f" * 99, now=NOON + SECOND)
    with read() as session:
        admin = session.scalars(select(AdminRow)).one()
        assert (admin.last_sign_in_at, admin.last_sign_in_address) == (NOON + SECOND, "f" * 64)


@pytest.mark.parametrize("name", ["nobody", "", "x" * 5_000, "a\0b", "' OR 1=1 --"])
def test_nobody_signs_in_by_a_name_that_is_not_there(ada, name):
    fail(name=name, password=PASSWORD)


@pytest.mark.parametrize(
    "meanwhile",
    [
        partial(admins.disable_admin, NAME, actor=GRACE, now=NOON),
        partial(admins.delete_admin, NAME, actor=GRACE, now=NOON),
        partial(admins.reset_password, NAME, "walnut-saddle-quartz-ribbon", actor=ADA, now=NOON),
    ],
    ids=["disabled", "deleted", "given another password"],
)
def test_an_admin_changed_while_the_password_was_checked_is_refused(
    app, ada, monkeypatch, meanwhile
):
    make_admin(GRACE.name)
    verify = passwords._verify

    def change_meanwhile(*arguments):
        monkeypatch.setattr(passwords, "_verify", verify)
        with app.app_context():
            meanwhile()
        return verify(*arguments)

    monkeypatch.setattr(passwords, "_verify", change_meanwhile)
    fail(password=PASSWORD)
