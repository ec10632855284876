"""Sessions of admins as records (SECURITY U2–U4); the cookies are tested with the pages."""

import hashlib
from datetime import timedelta

import pytest
from sqlalchemy import select

from signet.models.admin_sessions import (
    AdminSessionRow,
    SessionLimits,
    end_session,
    end_sessions_of,
    find_session,
    note_seen,
    open_session,
    prune_sessions,
)
from signet.models.admins import AdminRow
from signet.models.database import read, write
from tests.models.outage import away
from tests.operations.acting import NOON

MINUTE = timedelta(minutes=1)
LIMITS = SessionLimits(idle=30 * MINUTE, longest=12 * 60 * MINUTE)


@pytest.fixture
def ada(app) -> str:
    with write() as session:
        session.add(
            AdminRow(
                name="Ada",
                folded_name="ada",
                role="operator",
                password_hash="",
                created_at=NOON,
                last_sign_in_at=None,
            )
        )
    return "ada"


def row(session, folded_name: str = "ada") -> AdminRow:
    return session.scalars(select(AdminRow).filter_by(folded_name=folded_name)).one()


def begin(now=NOON, user_agent: str = "a browser") -> str:
    with write() as session:
        return open_session(
            session, row(session), address="192.0.2.1", user_agent=user_agent, now=now
        )


def find(session_id: str, now=NOON):
    return find_session(session_id, limits=LIMITS, now=now)


def stored() -> list[AdminSessionRow]:
    with read() as session:
        return list(session.scalars(select(AdminSessionRow)))


def test_a_session_says_whose_it_is_with_the_role_of_now(ada):
    session_id = begin()
    found = find(session_id)
    assert found is not None
    assert (found.admin_name, found.role, found.session_id) == ("Ada", "operator", session_id)
    with write() as session:
        row(session).role = "viewer"
    assert find(session_id).role == "viewer"


def test_ids_are_random_and_kept_as_digests(ada):
    ids = {begin() for _ in range(5)}
    assert len(ids) == 5
    assert min(map(len, ids)) >= 43
    assert {row.id_digest for row in stored()} == {
        hashlib.sha256(session_id.encode()).hexdigest() for session_id in ids
    }


def test_a_digest_or_any_other_text_is_no_id(ada):
    begin()
    for text in (stored()[0].id_digest, "", "x", "\0", "é" * 5_000):
        assert find(text) is None


def test_a_session_ends_when_nothing_was_heard_for_the_idle_time(ada):
    session_id = begin()
    assert find(session_id, NOON + LIMITS.idle - timedelta(seconds=1)) is not None
    assert find(session_id, NOON + LIMITS.idle) is None


def test_a_session_that_is_used_goes_on_up_to_the_longest_time(ada):
    session_id, now = begin(), NOON
    while now < NOON + LIMITS.longest:
        found = find(session_id, now)
        assert found is not None
        note_seen(found, now=now)
        now += 20 * MINUTE
    assert find(session_id, NOON + LIMITS.longest) is None


def test_a_session_is_noted_at_most_once_a_minute(ada):
    session_id = begin()
    note_seen(find(session_id), now=NOON + 59 * timedelta(seconds=1))
    assert stored()[0].last_seen_at == NOON
    note_seen(find(session_id), now=NOON + MINUTE)
    assert stored()[0].last_seen_at == NOON + MINUTE


def test_a_note_that_cannot_be_written_is_no_error(ada):
    found = find(begin())
    with away("admin_session"):
        note_seen(found, now=NOON + MINUTE)


def test_a_disabled_admin_has_no_session(ada):
    session_id = begin()
    with write() as session:
        row(session).enabled = False
    assert find(session_id) is None


def test_a_session_is_ended_alone_or_with_all_of_its_admin(ada):
    first, second, third = begin(), begin(), begin()
    with write() as session:
        end_session(session, first)
    assert [find(session_id) is None for session_id in (first, second, third)] == [
        True,
        False,
        False,
    ]
    with write() as session:
        assert end_sessions_of(session, row(session)) == 2
    assert stored() == []


def test_only_sessions_that_have_ended_are_forgotten(ada):
    begin()
    lively = begin(NOON + LIMITS.idle)
    prune_sessions(LIMITS, now=NOON + LIMITS.idle)
    assert [row.created_at for row in stored()] == [NOON + LIMITS.idle]
    found = find(lively, NOON + LIMITS.idle)
    assert found is not None
    later = NOON + LIMITS.idle + LIMITS.longest
    note_seen(found, now=later)
    prune_sessions(LIMITS, now=later)
    assert stored() == []


def test_what_a_browser_says_of_itself_is_cut_to_fit(ada):
    begin(user_agent="u" * 5_000)
    assert stored()[0].user_agent == "u" * 400
