"""Codes of an app and recovery codes (SECURITY U14, U17 to U19)."""

from datetime import timedelta
from functools import partial

import pyotp
import pytest
from sqlalchemy import select

from signet.models.admin_sessions import (
    SessionEndedError,
    SessionLimits,
    Stage,
    find_session,
    open_session,
)
from signet.models.admins import AdminRow, find_admin, find_admin_row
from signet.models.audit import Actor
from signet.models.database import read, write
from signet.models.second_factors import RecoveryCodeRow, TotpRow
from signet.operations import recovery_codes, totp
from signet.operations.attempts import ThrottledError
from signet.operations.errors import OperationError
from signet.operations.second_step import (
    CodeRefusedError,
    pass_with_code,
    pass_with_recovery_code,
)
from signet.operations.sign_in import SignInRefusedError, sign_in
from signet.operations.sign_in_failures import close_throttle_windows
from tests.operations.acting import (
    ADA,
    ENCRYPTION,
    NOON,
    PASSWORD,
    at_once,
    entries,
    make_admin,
    make_hashes_quick,
    on_sqlite,
)

NAME = "ada@example.org"
HOME, AWAY = "192.0.2.1", "198.51.100.7"
STEP = timedelta(seconds=30)
LIMITS = SessionLimits(idle=timedelta(hours=1), longest=timedelta(hours=12))
VISITOR = Actor(name="", address=HOME)


@pytest.fixture(autouse=True)
def quick_hashes(monkeypatch):
    make_hashes_quick(monkeypatch)


@pytest.fixture
def ada(app) -> str:
    return make_admin()


@pytest.fixture
def seed(ada) -> str:
    """What the app of an admin has scanned, an hour ago."""
    return enrol(NOON - timedelta(hours=1))


def begin(now=NOON, *, address: str = HOME) -> str:
    """A session for which the password was right."""
    return sign_in(NAME, PASSWORD, actor=Actor(name="", address=address), now=now)


def enrol(now=NOON) -> str:
    session_id = begin(now)
    offer = totp.offer_totp(NAME, session_id, issuer="Signet", encryption=ENCRYPTION)
    seed = offer.key.replace(" ", "")
    code = pyotp.TOTP(seed).at(now)
    totp.set_totp(session_id, offer.sealed, code, encryption=ENCRYPTION, actor=ADA, now=now)
    return seed


def code_at(seed: str, now=NOON) -> str:
    return pyotp.TOTP(seed).at(now)


def send(session_id: str, code: str, *, now=NOON, address: str = HOME) -> str:
    actor = Actor(name="", address=address)
    return pass_with_code(session_id, code, encryption=ENCRYPTION, actor=actor, now=now)


def stage(session_id: str, now=NOON) -> Stage | None:
    found = find_session(session_id, limits=LIMITS, now=now)
    return found.stage if found else None


def make_codes(session_id: str) -> tuple[str, ...]:
    codes = recovery_codes.make_recovery_codes(session_id, actor=ADA, now=NOON)
    recovery_codes.prove_recovery_codes(session_id, codes[0], actor=ADA, now=NOON)
    return codes


# How far a session comes


@on_sqlite
def test_u17_a_password_alone_opens_a_session_that_waits(seed):
    assert stage(begin()) is Stage.SECOND_STEP


@on_sqlite
def test_u17_without_any_second_factor_a_session_is_for_setting_one_up(ada):
    assert stage(begin()) is Stage.ENROLMENT


def test_u17_without_proven_recovery_codes_a_session_is_not_complete(seed):
    session_id = send(begin(), code_at(seed))
    assert stage(session_id) is Stage.RECOVERY_CODES
    recovery_codes.make_recovery_codes(session_id, actor=ADA, now=NOON)
    assert stage(session_id) is Stage.RECOVERY_CODES
    make_codes(session_id)
    assert stage(session_id) is Stage.COMPLETE


@on_sqlite
def test_u2_the_code_gives_the_session_another_id(seed):
    waiting = begin()
    session_id = send(waiting, code_at(seed))
    assert session_id != waiting
    assert stage(waiting) is None


@on_sqlite
def test_u17_who_only_knows_the_password_cannot_set_up_a_second_factor_beside_the_other(seed):
    session_id = begin()
    offer = totp.offer_totp(NAME, session_id, issuer="Signet", encryption=ENCRYPTION)
    code = code_at(offer.key.replace(" ", ""))
    with pytest.raises(SessionEndedError):
        totp.set_totp(session_id, offer.sealed, code, encryption=ENCRYPTION, actor=ADA, now=NOON)
    with pytest.raises(SessionEndedError):
        recovery_codes.make_recovery_codes(session_id, actor=ADA, now=NOON)


@on_sqlite
def test_u17_of_two_who_set_up_the_first_second_factor_one_does(ada):
    first, second = begin(), begin()
    offer = totp.offer_totp(NAME, second, issuer="Signet", encryption=ENCRYPTION)
    enrol()
    code = code_at(offer.key.replace(" ", ""))
    with pytest.raises(SessionEndedError):
        totp.set_totp(second, offer.sealed, code, encryption=ENCRYPTION, actor=ADA, now=NOON)
    assert stage(first) is Stage.SECOND_STEP


@on_sqlite
def test_a_session_that_is_past_the_second_step_takes_no_code(seed):
    session_id = send(begin(), code_at(seed))
    with pytest.raises(SessionEndedError):
        send(session_id, code_at(seed, NOON + STEP), now=NOON + STEP)


@on_sqlite
def test_the_sign_in_is_noted_when_the_second_factor_was_right(seed):
    session_id = begin(address=AWAY)
    admin = find_admin(NAME)
    assert admin is not None
    assert admin.last_sign_in_at == NOON - timedelta(hours=1)
    send(session_id, code_at(seed), address=AWAY)
    admin = find_admin(NAME)
    assert admin is not None
    assert admin.last_sign_in_at == NOON
    last = entries(action="admin.sign_in")[-1]
    assert (last.actor, last.address) == (NAME, AWAY)
    assert last.after == {"second_factor": "app"}


# Codes of an app


def test_u18_a_code_works_once(seed):
    send(begin(), code_at(seed))
    for later in (timedelta(), STEP):
        with pytest.raises(CodeRefusedError):
            send(begin(NOON + later), code_at(seed), now=NOON + later)


@on_sqlite
def test_u18_the_code_of_setting_up_does_not_sign_in_as_well(ada):
    seed = enrol()
    with pytest.raises(CodeRefusedError):
        send(begin(), code_at(seed))


def test_u18_a_code_works_once_also_in_parallel(app, seed):
    sessions = [begin() for _ in range(4)]
    outcomes = at_once(app, *[partial(send, each, code_at(seed)) for each in sessions])
    assert [type(outcome) for outcome in outcomes].count(str) == 1
    assert [type(outcome) for outcome in outcomes].count(CodeRefusedError) == 3


@on_sqlite
def test_u18_an_older_code_does_not_work_after_a_newer_one(seed):
    send(begin(), code_at(seed))
    with pytest.raises(CodeRefusedError):
        send(begin(), code_at(seed, NOON - STEP))


@on_sqlite
@pytest.mark.parametrize("steps", [-1, 0, 1])
def test_u18_a_code_of_one_step_beside_works(seed, steps):
    assert send(begin(), code_at(seed, NOON + steps * STEP))


@on_sqlite
@pytest.mark.parametrize("steps", [-2, 2, -100, 1_000_000])
def test_u18_a_code_of_another_time_is_refused(seed, steps):
    with pytest.raises(CodeRefusedError):
        send(begin(), code_at(seed, NOON + steps * STEP))


@on_sqlite
def test_a_code_may_be_typed_with_a_space(seed):
    code = code_at(seed)
    assert send(begin(), f" {code[:3]} {code[3:]} ")


@on_sqlite
@pytest.mark.parametrize("code", ["", " ", "12345", "1234567", "١٢٣٤٥٦", "abcdef", "0" * 10_000])
def test_what_is_no_code_is_refused(seed, code):
    with pytest.raises(CodeRefusedError) as caught:
        send(begin(), code)
    assert caught.value.field == "code"


def test_u18_wrong_codes_have_to_wait_and_a_right_password_gives_no_new_tries(seed):
    for _ in range(5):
        with pytest.raises(CodeRefusedError):
            send(begin(), "000000")
    with pytest.raises(ThrottledError):
        begin()
    waiting = begin(address=AWAY)
    with pytest.raises(ThrottledError) as caught:
        send(waiting, code_at(seed))
    assert caught.value.wait == timedelta(seconds=1)
    later = NOON + timedelta(seconds=1)
    with pytest.raises(CodeRefusedError):
        send(begin(later), "000000", now=later)
    with pytest.raises(ThrottledError) as caught:
        begin(later)
    assert caught.value.wait == timedelta(seconds=2)


@on_sqlite
def test_u18_a_right_code_forgives_the_wrong_ones(seed):
    for _ in range(4):
        with pytest.raises(CodeRefusedError):
            send(begin(), "000000")
    send(begin(), code_at(seed))
    for _ in range(4):
        with pytest.raises(SignInRefusedError):
            sign_in(NAME, "wrong", actor=VISITOR, now=NOON)


@on_sqlite
def test_u18_wrong_codes_from_everywhere_wait_and_a_recovery_code_does_not(codes):
    """Six digits are few, and whoever has the password and many addresses could try for days."""
    looked_at, now = 0, NOON
    while now < NOON + timedelta(days=1):
        address = f"203.0.113.{looked_at}"
        try:
            send(begin(now, address=address), "000000", now=now, address=address)
        except ThrottledError as error:
            now += error.wait
        except CodeRefusedError:
            looked_at += 1
    assert looked_at <= 45
    now = NOON + timedelta(days=1)
    visitor = Actor(name="", address="203.0.113.200")
    session_id = begin(now, address=visitor.address)
    with pytest.raises(ThrottledError):
        send(session_id, "000000", now=now, address=visitor.address)
    assert pass_with_recovery_code(session_id, codes[1], actor=visitor, now=now)


def test_u18_wrong_codes_are_remembered_for_longer_than_other_failures(seed):
    for number in range(12):
        address, now = f"203.0.113.{number}", NOON + number * timedelta(minutes=1)
        with pytest.raises(CodeRefusedError):
            send(begin(now, address=address), "000000", now=now, address=address)
    later = NOON + timedelta(hours=2)
    close_throttle_windows(now=later)
    with pytest.raises(CodeRefusedError):
        send(begin(later, address=AWAY), "000000", now=later, address=AWAY)
    with pytest.raises(ThrottledError) as caught:
        send(begin(later, address=HOME), "000000", now=later, address=HOME)
    assert caught.value.wait == timedelta(seconds=2**3)


def test_wrong_codes_stand_in_the_audit_log_once_for_the_window(seed):
    waiting = begin()
    for _ in range(3):
        with pytest.raises(CodeRefusedError):
            send(waiting, "000000")
    assert [entry.object.name for entry in entries(action="admin.sign_in_failed")] == [NAME]


@on_sqlite
def test_u18_the_seed_is_sealed_to_its_admin(seed):
    other = make_admin("eve@example.org")
    with write() as session:
        row = session.scalars(select(TotpRow)).one()
        assert seed.encode() not in row.encrypted_seed
        eve = find_admin_row(session, other)
        assert eve is not None
        swapped = TotpRow(
            admin_id=eve.id,
            encrypted_seed=row.encrypted_seed,
            last_used_step=0,
            added_at=NOON,
            last_used_at=NOON,
        )
        session.add(swapped)
        session_id = open_session(session, eve, address=HOME, user_agent="", now=NOON)
    with pytest.raises(CodeRefusedError, match="cannot be checked now"):
        send(session_id, code_at(seed))


@on_sqlite
def test_a_seed_is_taken_only_in_the_session_that_it_was_offered_to(ada):
    offer = totp.offer_totp(NAME, begin(), issuer="Signet", encryption=ENCRYPTION)
    code = code_at(offer.key.replace(" ", ""))
    other = begin()
    for sealed in (offer.sealed, offer.sealed[:-4], "", "é" * 50):
        with pytest.raises(OperationError):
            totp.set_totp(other, sealed, code, encryption=ENCRYPTION, actor=ADA, now=NOON)
    assert stage(other) is Stage.ENROLMENT


@on_sqlite
def test_another_app_takes_the_place_of_the_first(seed):
    session_id = send(begin(), code_at(seed))
    offer = totp.offer_totp(NAME, session_id, issuer="Signet", encryption=ENCRYPTION)
    new, later = offer.key.replace(" ", ""), NOON + 2 * STEP
    session_id = totp.set_totp(
        session_id, offer.sealed, code_at(new), encryption=ENCRYPTION, actor=ADA, now=NOON
    )
    with pytest.raises(CodeRefusedError):
        send(begin(later), code_at(seed, later), now=later)
    assert send(begin(later), code_at(new, later), now=later)


@on_sqlite
def test_the_only_second_factor_cannot_be_removed(seed):
    session_id = send(begin(), code_at(seed))
    with pytest.raises(OperationError):
        totp.remove_totp(session_id, actor=ADA, now=NOON)


# Recovery codes


@pytest.fixture
def codes(seed) -> tuple[str, ...]:
    return make_codes(send(begin(), code_at(seed)))


def recover(code: str, *, now=NOON) -> str:
    return pass_with_recovery_code(begin(now), code, actor=VISITOR, now=now)


@on_sqlite
def test_u19_ten_codes_of_117_bits_are_kept_as_digests(codes):
    assert len(set(codes)) == 10
    assert all(len(set(code) - {"-"}) > 4 and len(code.replace("-", "")) == 24 for code in codes)
    with read() as session:
        digests = [row.digest for row in session.scalars(select(RecoveryCodeRow))]
    assert len(digests) == 10
    assert not any(code.replace("-", "") in digest for code in codes for digest in digests)


def test_u19_a_recovery_code_works_once(codes):
    assert stage(recover(codes[4])) is Stage.COMPLETE
    with pytest.raises(CodeRefusedError):
        recover(codes[4])
    assert recover(codes[5])


def test_u19_a_recovery_code_works_once_also_in_parallel(app, codes):
    sessions = [begin() for _ in range(4)]
    acts = [
        partial(pass_with_recovery_code, each, codes[1], actor=VISITOR, now=NOON)
        for each in sessions
    ]
    outcomes = at_once(app, *acts)
    assert [type(outcome) for outcome in outcomes].count(str) == 1


@on_sqlite
def test_u19_a_recovery_code_may_be_typed_in_any_case_and_without_hyphens(codes):
    assert recover(f" {codes[0].lower().replace('-', ' ')} ")


@on_sqlite
def test_u19_the_code_of_another_admin_does_not_work(codes):
    make_admin("eve@example.org")
    with write() as session:
        eve = find_admin_row(session, "eve@example.org")
        assert eve is not None
        session_id = open_session(session, eve, address=AWAY, user_agent="", now=NOON)
    with pytest.raises(CodeRefusedError):
        pass_with_recovery_code(session_id, codes[0], actor=VISITOR, now=NOON)


def test_codes_that_were_not_proven_saved_do_not_work_and_the_old_ones_do(codes):
    session_id = recover(codes[0])
    new = recovery_codes.make_recovery_codes(session_id, actor=ADA, now=NOON)
    with pytest.raises(CodeRefusedError):
        recover(new[0])
    recovery_codes.prove_recovery_codes(recover(codes[1]), new[1], actor=ADA, now=NOON)
    with pytest.raises(CodeRefusedError):
        recover(codes[2])
    assert recover(new[0])


@on_sqlite
def test_an_old_code_does_not_prove_that_the_new_ones_are_saved(codes):
    session_id = recover(codes[0])
    recovery_codes.make_recovery_codes(session_id, actor=ADA, now=NOON)
    with pytest.raises(OperationError):
        recovery_codes.prove_recovery_codes(session_id, codes[1], actor=ADA, now=NOON)


@on_sqlite
def test_no_secret_of_a_second_factor_stands_in_the_audit_log(seed, codes):
    text = repr([(entry.before, entry.after, entry.object) for entry in entries()])
    assert not any(secret in text for secret in (seed, *codes))


@on_sqlite
def test_a_disabled_admin_cannot_finish_signing_in(seed):
    session_id = begin()
    with write() as session:
        admin = session.scalars(select(AdminRow)).one()
        admin.enabled = False
    with pytest.raises(SessionEndedError):
        send(session_id, code_at(seed))


def test_a_seed_that_does_not_open_leads_to_another_factor_and_counts_as_no_failure(seed):
    """A restored database, or a key-encryption key that was taken away too early."""
    session_id = begin()
    with write() as session:
        row = session.scalars(select(TotpRow)).one()
        row.encrypted_seed = row.encrypted_seed[:-1] + bytes([row.encrypted_seed[-1] ^ 1])
    for _ in range(30):
        with pytest.raises(CodeRefusedError, match="use a recovery code or a passkey"):
            send(session_id, "123456")
    assert stage(session_id) is Stage.SECOND_STEP
