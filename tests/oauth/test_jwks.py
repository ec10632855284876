"""The life of signing keys and the key set (RFC 7517, RFC 7638), by the clock alone."""

from dataclasses import fields
from datetime import UTC, datetime, timedelta

import pytest

from signet.oauth.jwks import (
    ANNOUNCED_FOR,
    PUBLISHED_AFTERWARDS,
    SIGNS_FOR,
    KeyRing,
    SigningKey,
    generate_private_key,
    jwk_set,
    next_signing_at,
    public_jwk,
)

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
INSTANT = timedelta(microseconds=1)


def make_key(kid: str = "one", *, alg: str = "RS256", **times: datetime) -> SigningKey:
    """A key that was announced and signs since noon, unless the times say otherwise."""
    times = {"announced_at": NOON, "signing_at": NOON} | times
    return SigningKey(kid=kid, alg=alg, public_jwk={"kid": kid}, **times)


@pytest.mark.parametrize(
    ("after", "state"),
    [
        (timedelta(), "announced"),
        (14 * DAY - INSTANT, "announced"),
        (14 * DAY, "signing"),
        (104 * DAY - INSTANT, "signing"),
        (104 * DAY, "retired"),
        (118 * DAY - INSTANT, "retired"),
        (118 * DAY, "removed"),
    ],
)
def test_a_key_is_announced_signs_retires_and_is_removed(after: timedelta, state: str) -> None:
    key = make_key(
        signing_at=NOON + ANNOUNCED_FOR,
        retired_at=NOON + ANNOUNCED_FOR + SIGNS_FOR,
        removed_at=NOON + ANNOUNCED_FOR + SIGNS_FOR + PUBLISHED_AFTERWARDS,
    )
    assert key.state(NOON + after) == state
    assert key.is_published(NOON + after) == (state != "removed")


def test_a_key_without_successor_signs_on() -> None:
    assert make_key().state(NOON + 1_000 * DAY) == "signing"


@pytest.mark.parametrize("after", [-DAY, timedelta(), 1_000 * DAY])
def test_a_revoked_key_is_revoked_for_ever_and_in_no_set(after: timedelta) -> None:
    key = make_key(revoked_at=NOON)
    assert key.state(NOON + after) == "revoked"
    assert not key.is_published(NOON + after)


def test_the_set_holds_the_signing_key_first_then_the_next_then_the_retired() -> None:
    retired = make_key("retired", retired_at=NOON, removed_at=NOON + DAY)
    following = make_key("next", signing_at=NOON + DAY)
    removed = make_key("removed", retired_at=NOON - DAY, removed_at=NOON)
    ring = KeyRing((removed, retired, following, make_key("now"), make_key("x", revoked_at=NOON)))
    assert [key.kid for key in ring.published_keys(NOON)] == ["now", "next", "retired"]


def test_each_algorithm_has_its_own_signing_key() -> None:
    ring = KeyRing((make_key("rsa"), make_key("ec", alg="ES256")))
    assert ring.signing_key("RS256", NOON) == make_key("rsa")
    assert ring.signing_key("ES256", NOON) == make_key("ec", alg="ES256")
    assert ring.signing_key("EdDSA", NOON) is None


@pytest.mark.parametrize(
    ("keys", "in_use"),
    [
        ([], None),
        ([make_key("revoked", revoked_at=NOON)], None),
        ([make_key("rsa")], "rsa"),
        ([make_key("rsa"), make_key("ec", alg="ES256")], "ec"),
        ([make_key("rsa"), make_key("ec", alg="ES256", signing_at=NOON + DAY)], "rsa"),
        (
            [make_key("late", signing_at=NOON + DAY), make_key("soon", signing_at=NOON + INSTANT)],
            "soon",
        ),
    ],
    ids=[
        "no key",
        "none that lives",
        "only another algorithm",
        "one of the algorithm",
        "one that is only announced",
        "only announced ones",
    ],
)
def test_the_key_in_use_is_of_the_algorithm_or_the_next_best(
    keys: list[SigningKey], in_use: str | None
) -> None:
    found = KeyRing(tuple(keys)).key_in_use("ES256", NOON)
    assert (found.kid if found else None) == in_use


@pytest.mark.parametrize(
    ("after", "is_due"),
    [(timedelta(), False), (76 * DAY - INSTANT, False), (76 * DAY, True), (900 * DAY, True)],
)
def test_the_next_key_is_due_two_weeks_before_the_signing_one_retires(
    after: timedelta, is_due: bool
) -> None:
    assert KeyRing((make_key(),)).is_rotation_due("RS256", NOON + after) is is_due


def test_nothing_is_due_once_the_next_key_is_announced() -> None:
    ring = KeyRing((make_key(), make_key("two", signing_at=NOON + 90 * DAY)))
    assert not ring.is_rotation_due("RS256", NOON + 80 * DAY)


def test_a_first_key_is_due_where_none_signs() -> None:
    assert KeyRing().is_rotation_due("RS256", NOON)
    assert KeyRing((make_key(revoked_at=NOON),)).is_rotation_due("RS256", NOON)
    assert KeyRing((make_key(alg="ES256"),)).is_rotation_due("RS256", NOON)


def test_no_first_key_is_due_where_one_is_announced() -> None:
    """The clock of the node that made it may be a second ahead."""
    assert not KeyRing((make_key(signing_at=NOON + INSTANT),)).is_rotation_due("RS256", NOON)


def test_a_first_key_signs_at_once() -> None:
    assert next_signing_at(None, "RS256", NOON) == NOON


def test_the_next_key_signs_by_the_plan() -> None:
    assert next_signing_at(make_key(), "RS256", NOON + 76 * DAY) == NOON + 90 * DAY


def test_a_late_announcement_still_leaves_apis_their_two_weeks() -> None:
    assert next_signing_at(make_key(), "RS256", NOON + 200 * DAY) == NOON + 214 * DAY


def test_the_first_key_of_another_algorithm_signs_when_apis_have_had_their_two_weeks() -> None:
    assert next_signing_at(make_key(), "ES256", NOON + DAY) == NOON + 15 * DAY


@pytest.mark.parametrize(
    ("alg", "members"),
    [
        ("RS256", ["kty", "use", "alg", "kid", "n", "e"]),
        ("PS256", ["kty", "use", "alg", "kid", "n", "e"]),
        ("ES256", ["kty", "use", "alg", "kid", "crv", "x", "y"]),
        ("EdDSA", ["kty", "use", "alg", "kid", "crv", "x"]),
    ],
)
def test_the_public_half_has_its_members_in_order_and_nothing_private(
    alg: str, members: list[str]
) -> None:
    key = generate_private_key(alg)
    jwk = public_jwk(key, alg=alg)
    assert list(jwk) == members
    assert jwk["use"] == "sig"
    assert jwk["kid"] == key.thumbprint()
    assert jwk_set([SigningKey(**{**vars_of(make_key()), "public_jwk": jwk})]) == {"keys": [jwk]}


def vars_of(key: SigningKey) -> dict[str, object]:
    given = (field.name for field in fields(SigningKey) if field.init)
    return {name: getattr(key, name) for name in given}


def test_an_rsa_key_has_2048_bits() -> None:
    assert generate_private_key("RS256").as_dict()["n"].__len__() == 342  # base64url of 256 bytes


def test_there_is_no_key_for_an_algorithm_with_a_shared_secret() -> None:
    with pytest.raises(ValueError, match="HS256"):
        generate_private_key("HS256")


def test_a_private_key_is_not_shown() -> None:
    key = generate_private_key("ES256")
    shown = repr(SigningKey(**{**vars_of(make_key()), "private_key": key}))
    assert "private_key" not in shown
