"""Passwords of admins: the rules (SECURITY U11) and the hashes (U12, U13, U15)."""

import re

import pytest
from argon2 import PasswordHasher, extract_parameters

from signet.operations import passwords
from signet.operations.errors import OperationError
from signet.operations.passwords import (
    BusyError,
    check_password,
    hash_password,
    is_password,
    needs_new_hash,
)
from tests.work import processor_seconds

GOOD = "glacier-harbour-lantern-moss"


@pytest.mark.parametrize(
    "password",
    [
        GOOD,
        "four plain words here and there",
        "żółw gęślą jaźń źdźbło",
        "見知らぬ猫が窓辺で静かに眠っているよ",
        "🦊🌲🧊🪵🐌🪺🫐🪻🧦🪶🎏🛖🪨🧭🪙",
        "x7#Kp2!vQ9@zL4&",
        "  spaces around are part of it  ",
        "correct horse battery staple " * 3,
        "q" * 10 + GOOD + "r" * 900,
        "tab\tand\nline feed, pasted as they are",
    ],
)
def test_a_good_password_of_any_characters_is_taken(password):
    check_password(password, name="ada@example.org")


@pytest.mark.parametrize(
    "password",
    [
        "",
        "short",
        "x7#Kp2!vQ9@zL4",
        "aaaaaaaaaaaaaaaaaaaa",
        "passwordpassword",
        "password12345678",
        "qwertyuiopasdfghjkl",
        "123456789012345678",
        "iloveyouiloveyou",
        "ada@example.org!",
        "signetsignetsignet",
        "adaexampleadaexample",
        "x" * 1_025,
        "é" * 513,
    ],
)
def test_a_short_endless_or_guessable_password_is_refused(password):
    with pytest.raises(OperationError) as caught:
        check_password(password, name="ada@example.org")
    assert caught.value.field == "password"
    assert password not in str(caught.value) or not password


def test_a_password_of_a_kilobyte_is_taken_and_told_from_its_neighbour():
    longest = (GOOD * 50)[: passwords.LONGEST_BYTES]
    check_password(longest, name="ada")
    stored = hash_password(longest)
    assert is_password(longest, stored)
    assert not is_password(longest[:-1], stored)
    assert not is_password(longest + "x", stored)


def test_a_hash_is_argon2id_of_owasps_strength_with_its_own_salt():
    """OWASP: with t = 2 at least 19 MiB."""
    first, second = hash_password(GOOD), hash_password(GOOD)
    assert first != second
    assert re.fullmatch(r"\$argon2id\$v=19\$m=19456,t=3,p=1\$[\w+/]{22}\$[\w+/]{43}", first)


def test_only_the_very_password_is_the_password():
    stored = hash_password(GOOD)
    assert is_password(GOOD, stored)
    for other in ("", GOOD.upper(), GOOD + " ", " " + GOOD, GOOD[:-1], stored):
        assert not is_password(other, stored)


@pytest.mark.parametrize("stored", ["", "plain", "$argon2id$", "$2b$12$" + "x" * 53])
def test_what_is_no_hash_matches_nothing(stored):
    assert not is_password(GOOD, stored)


def test_bytes_that_are_no_text_are_a_password_like_any_other():
    assert not is_password("\ud800" * 20, hash_password(GOOD))


def test_a_missing_admin_is_checked_with_the_same_parameters():
    assert extract_parameters(passwords._DUMMY_HASH) == extract_parameters(hash_password(GOOD))
    assert not is_password(GOOD, None)


def test_a_missing_admin_takes_as_long():
    """In seconds of work, so that a busy machine does not matter."""
    stored = hash_password(GOOD)
    known = processor_seconds(lambda: is_password("wrong", stored), times=5)
    unknown = processor_seconds(lambda: is_password("wrong", None), times=5)
    assert 0.5 < known / unknown < 2


def test_only_a_hash_of_other_parameters_is_made_anew():
    assert not needs_new_hash(hash_password(GOOD))
    assert needs_new_hash(PasswordHasher(time_cost=1, memory_cost=8_192).hash(GOOD))


def test_who_would_wait_long_is_turned_away_and_nobody_is_kept_waiting(monkeypatch):
    monkeypatch.setattr(passwords._hashing, "waiting", passwords._LONGEST_QUEUE)
    for act in (lambda: hash_password(GOOD), lambda: is_password(GOOD, None)):
        with pytest.raises(BusyError):
            act()
    assert passwords._hashing.waiting == passwords._LONGEST_QUEUE
    monkeypatch.undo()
    assert passwords._hashing.waiting == 0
    assert hash_password(GOOD)
