"""The life of signing keys as operations drive it (SECURITY R8, C22, C23)."""

from datetime import UTC, datetime, timedelta
from functools import partial

import jwt
import pytest

from signet.models.audit_log import verify_chain
from signet.models.database import read, write
from signet.models.foreign_keys import ForeignKeys
from signet.models.key_encryption import KeyEncryption, KeyEncryptionError
from signet.models.signing_keys import SigningKeyRow, list_signing_keys, load_private_key_ring
from signet.models.store import SqlStore
from signet.oauth.access_token import sign_access_token
from signet.oauth.jwks import ANNOUNCED_FOR, PUBLISHED_AFTERWARDS, SIGNS_FOR, KeyRing, SigningKey
from signet.operations.errors import NotFoundError, OperationError
from signet.operations.resource_servers import create_resource_server, edit_resource_server
from signet.operations.signing_keys import (
    retire_idle_key,
    revoke_key,
    rotate_key,
    take_due_step,
)
from signet.outbound import Outbound
from tests.operations.acting import ADA, ENCRYPTION, NOON, at_once, entries, on_sqlite

DAY = timedelta(days=1)


def step(now: datetime = NOON, alg: str = "EdDSA") -> str | None:
    return take_due_step(alg, encryption=ENCRYPTION, actor=ADA, now=now)


def rotate(now: datetime = NOON, alg: str = "EdDSA", *, at_once: bool = False) -> str:
    return rotate_key(
        alg, default_alg=alg, at_once=at_once, encryption=ENCRYPTION, actor=ADA, now=now
    )


def revoke(kid: str, now: datetime = NOON) -> str | None:
    return revoke_key(kid, default_alg="EdDSA", encryption=ENCRYPTION, actor=ADA, now=now)


def states(now: datetime = NOON) -> dict[str, str]:
    return {key.kid: key.state(now) for key in list_signing_keys()}


def key(kid: str) -> SigningKey:
    return next(key for key in list_signing_keys() if key.kid == kid)


def in_use(now: datetime = NOON, alg: str = "EdDSA") -> str | None:
    found = KeyRing(list_signing_keys()).key_in_use(alg, now)
    return found.kid if found else None


# By the plan


def test_the_first_key_signs_at_once(app):
    kid = step()
    assert states() == {kid: "signing"}
    (entry,) = entries()
    assert (entry.action, entry.object.type, entry.object.id) == ("key.create", "key", kid)
    assert entry.after == {"alg": "EdDSA", "signing_at": "2026-07-01T12:00:00+00:00"}


def test_a_step_that_is_not_due_changes_nothing(app):
    step()
    assert step(NOON + 76 * DAY - timedelta(seconds=1)) is None
    assert len(entries()) == len(list_signing_keys()) == 1


def test_the_next_key_is_announced_two_weeks_before_it_signs(app):
    first = step()
    second = step(NOON + 76 * DAY)
    assert states(NOON + 76 * DAY) == {first: "signing", second: "announced"}
    assert states(NOON + 90 * DAY) == {first: "retired", second: "signing"}
    assert states(NOON + 104 * DAY) == {first: "removed", second: "signing"}
    assert entries()[-1].action == "key.announce"


@on_sqlite
@pytest.mark.parametrize(
    "is_awake",
    [lambda day: True, lambda day: not 100 <= day < 300, lambda day: day % 40 == 0],
    ids=["every day", "asleep for 200 days", "every 40 days"],
)
def test_every_token_of_a_year_verifies_with_any_set_cached_two_weeks_before_or_after(
    app, is_awake
):
    year = range(400)
    published: dict[int, set[str]] = {}
    used: dict[int, str] = {}
    for day in year:
        now = NOON + day * DAY
        if is_awake(day):
            step(now)
        ring = KeyRing(list_signing_keys())
        published[day] = {key.kid for key in ring.published_keys(now)}
        signing = [key.kid for key in ring.keys if key.state(now) == "signing"]
        assert len(signing) == 1, day
        assert in_use(now) == signing[0]
        used[day] = signing[0]
    for day, kid in used.items():
        for cached in range(max(0, day - 14), min(400, day + 15)):
            assert kid in published[cached], (day, cached)
    assert len(set(used.values())) >= 3


@on_sqlite
def test_a_year_of_days_makes_a_key_each_90_days(app):
    for day in range(366):
        step(NOON + day * DAY)
    keys = list_signing_keys()
    starts = [NOON, *(NOON + number * SIGNS_FOR for number in range(1, 5))]
    assert [key.signing_at for key in keys] == starts
    assert [key.announced_at for key in keys[1:]] == [start - ANNOUNCED_FOR for start in starts[1:]]
    for earlier, later in zip(keys, keys[1:], strict=False):
        assert earlier.retired_at == later.signing_at
        assert earlier.removed_at == later.signing_at + PUBLISHED_AFTERWARDS
    assert [entry.object.id for entry in entries()] == [key.kid for key in keys]


def test_a_server_that_slept_goes_on_with_its_key_until_apis_have_seen_the_next(app):
    first = step()
    second = step(NOON + 200 * DAY)
    assert states(NOON + 200 * DAY) == {first: "signing", second: "announced"}
    assert states(NOON + 213 * DAY)[first] == "signing"
    assert states(NOON + 214 * DAY) == {first: "retired", second: "signing"}


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_token_verifies_with_the_published_half_of_the_key_in_use(app, alg):
    step(alg=alg)
    with read() as session:
        ring = load_private_key_ring(session, ENCRYPTION, now=NOON)
    signing = ring.key_in_use(alg, NOON)
    claims = {"sub": "billing", "aud": "external-api"}
    token = sign_access_token(claims, signing)
    (published,) = KeyRing(list_signing_keys()).published_keys(NOON)
    assert jwt.get_unverified_header(token)["kid"] == published.kid
    public = jwt.PyJWK(dict(published.public_jwk))
    options = {"verify_exp": False, "verify_iat": False}
    claims = jwt.decode(token, public, [alg], audience="external-api", options=options)
    assert claims["sub"] == "billing"


# Several nodes


def test_nodes_that_find_the_first_key_missing_at_once_make_one(app):
    outcomes = at_once(app, *[partial(step, NOON + n * timedelta(seconds=1)) for n in range(5)])
    kids = [kid for kid in outcomes if kid is not None]
    assert [key.kid for key in list_signing_keys()] == kids
    assert len(kids) == len(entries()) == 1


def test_nodes_that_find_the_next_key_missing_at_once_announce_one(app):
    step()
    due = NOON + 76 * DAY
    outcomes = at_once(app, *[partial(step, due + n * timedelta(seconds=1)) for n in range(5)])
    assert len([kid for kid in outcomes if kid is not None]) == 1
    assert len(list_signing_keys()) == 2
    assert verify_chain().broken_at is None


def test_a_node_whose_clock_is_behind_makes_no_second_first_key(app):
    """As is one that waited for the other's preparation with the time at which it began."""
    kid = step(NOON + timedelta(seconds=2))
    assert step(NOON) is None
    assert in_use(NOON) == kid


def test_a_node_whose_clock_is_behind_can_sign_after_an_emergency(app):
    first = step()
    second = revoke(first, NOON + timedelta(seconds=2))
    assert in_use(NOON + timedelta(seconds=1)) == second


# Another algorithm


def test_the_first_key_of_another_algorithm_is_announced_before_it_signs(app):
    rsa = step(alg="ES256")
    ed = step(NOON + DAY, alg="EdDSA")
    assert states(NOON + DAY) == {rsa: "signing", ed: "announced"}
    assert in_use(NOON + 14 * DAY) == rsa
    assert in_use(NOON + 15 * DAY) == ed
    assert states(NOON + 15 * DAY) == {rsa: "retired", ed: "signing"}
    assert states(NOON + 29 * DAY) == {rsa: "removed", ed: "signing"}


def test_a_store_signs_with_the_old_algorithm_until_the_new_one_may(app):
    old = step(alg="ES256")
    new = step(NOON + DAY, alg="EdDSA")
    store = SqlStore(
        encryption=ENCRYPTION,
        foreign_keys=ForeignKeys(Outbound()),
        alg="EdDSA",
        cache_time=DAY,
        stale_time=DAY,
    )
    assert store.signing_key(NOON + DAY).kid == old
    assert store.signing_key(NOON + 15 * DAY).kid == new


@on_sqlite
def test_nodes_of_two_settings_beside_one_another_always_sign_and_make_few_keys(app):
    """A rolling change of the setting, which may be forgotten half way."""
    for day in range(60):
        now = NOON + day * DAY
        for turn in range(3):
            step(now + turn * timedelta(minutes=1), alg=("ES256", "EdDSA")[turn % 2])
        for alg in ("ES256", "EdDSA"):
            ring = KeyRing(list_signing_keys())
            found = ring.key_in_use(alg, now)
            assert found is not None
            assert found.state(now) == "signing"
    assert len(list_signing_keys()) <= 6


@on_sqlite
def test_every_token_verifies_with_an_older_set_through_a_change_and_back(app):
    published: dict[int, set[str]] = {}
    used: dict[int, str | None] = {}
    for day in range(200):
        alg = "EdDSA" if 60 <= day < 75 or day >= 130 else "ES256"
        now = NOON + day * DAY
        step(now, alg=alg)
        published[day] = {key.kid for key in KeyRing(list_signing_keys()).published_keys(now)}
        used[day] = in_use(now, alg)
    for day, kid in used.items():
        for cached in range(max(0, day - 14), min(200, day + 15)):
            assert kid in published[cached], (day, cached)


def test_a_next_key_of_the_old_algorithm_is_not_used_once_the_new_one_signs(app):
    step(alg="ES256")
    step(NOON + 76 * DAY, alg="ES256")
    new = step(NOON + 80 * DAY, alg="EdDSA")
    later = NOON + 95 * DAY
    assert [kid for kid, state in states(later).items() if state == "signing"] == [new]


# By hand


def test_a_rotation_announces_the_next_key_now(app):
    first = step()
    second = rotate(NOON + DAY)
    assert states(NOON + DAY) == {first: "signing", second: "announced"}
    assert states(NOON + 15 * DAY) == {first: "retired", second: "signing"}
    entry = entries()[-1]
    assert (entry.action, entry.object.id, entry.before) == ("key.rotate", second, {"kid": first})


def test_a_rotation_at_once_signs_now_and_leaves_the_old_key_published(app):
    first = step()
    second = rotate(NOON + DAY, at_once=True)
    assert states(NOON + DAY) == {first: "retired", second: "signing"}
    assert states(NOON + 15 * DAY) == {first: "removed", second: "signing"}


def test_a_rotation_at_once_takes_the_key_that_is_announced(app):
    first = step()
    second = step(NOON + 80 * DAY)
    assert rotate(NOON + 81 * DAY, at_once=True) == second
    assert states(NOON + 81 * DAY) == {first: "retired", second: "signing"}


def test_a_second_announcement_is_refused_and_changes_nothing(app):
    step()
    rotate()
    before = list_signing_keys(), entries()
    with pytest.raises(OperationError):
        rotate()
    assert (list_signing_keys(), entries()) == before


def test_a_rotation_before_there_is_a_key_makes_the_first(app):
    kid = rotate()
    assert states() == {kid: "signing"}


def test_a_rotation_by_hand_puts_off_the_next_one_by_plan(app):
    step()
    second = rotate(NOON + 10 * DAY)
    assert step(NOON + 76 * DAY) is None
    assert step(NOON + 10 * DAY + ANNOUNCED_FOR + 76 * DAY) is not None
    assert key(second).retired_at == NOON + 24 * DAY + SIGNS_FOR


def test_parallel_rotations_announce_one_key(app):
    step()
    outcomes = at_once(app, *[rotate] * 5)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["OperationError"] * 4 + [
        "str"
    ]
    assert len(list_signing_keys()) == 2


def test_a_rotation_without_key_encryption_key_changes_nothing(app):
    step()
    with pytest.raises(KeyEncryptionError):
        rotate_key(
            "EdDSA",
            default_alg="EdDSA",
            at_once=True,
            encryption=KeyEncryption([]),
            actor=ADA,
            now=NOON + DAY,
        )
    assert len(list_signing_keys()) == len(entries()) == 1


# Revocation


def test_revoking_the_signing_key_takes_it_out_and_brings_a_new_one(app):
    first = step()
    second = revoke(first)
    assert states() == {first: "revoked", second: "signing"}
    assert first not in {key.kid for key in KeyRing(list_signing_keys()).published_keys(NOON)}
    entry = entries()[-1]
    assert (entry.action, entry.object.id) == ("key.revoke", first)
    assert (entry.before, entry.after) == (
        {"state": "signing"},
        {"state": "revoked", "successor": second},
    )


def test_revoking_the_signing_key_brings_the_announced_one(app):
    first = step()
    second = step(NOON + 80 * DAY)
    assert revoke(first, NOON + 81 * DAY) == second
    assert states(NOON + 81 * DAY) == {first: "revoked", second: "signing"}
    assert key(second).retired_at is None


def test_revoking_the_signing_key_brings_an_announced_one_of_another_algorithm(app):
    old = step(alg="ES256")
    new = step(NOON + DAY, alg="EdDSA")
    assert revoke(old, NOON + 2 * DAY) == new
    assert in_use(NOON + 2 * DAY) == new


def test_revoking_the_announced_key_lets_the_signing_one_go_on(app):
    first = step()
    second = step(NOON + 80 * DAY)
    assert revoke(second, NOON + 81 * DAY) is None
    assert key(first).retired_at is None
    third = step(NOON + 82 * DAY)
    assert states(NOON + 82 * DAY) == {first: "signing", second: "revoked", third: "announced"}
    assert states(NOON + 96 * DAY) == {first: "retired", second: "revoked", third: "signing"}


def test_revoking_a_retired_key_takes_it_out_of_the_set(app):
    first = step()
    second = rotate(at_once=True)
    assert revoke(first) is None
    assert states() == {first: "revoked", second: "signing"}
    assert in_use() == second


def test_a_key_is_revoked_once(app):
    first = step()
    revoke(first)
    count = len(entries())
    with pytest.raises(OperationError):
        revoke(first)
    with pytest.raises(NotFoundError):
        revoke("nothing")
    assert len(entries()) == count


def test_parallel_revocations_of_the_signing_key_leave_one_that_signs(app):
    first = step()
    outcomes = at_once(app, *[partial(revoke, first)] * 5)
    assert len([outcome for outcome in outcomes if isinstance(outcome, str)]) == 1
    assert len([outcome for outcome in outcomes if isinstance(outcome, OperationError)]) == 4
    assert sorted(states().values()) == ["revoked", "signing"]


def test_times_are_kept_to_the_microsecond(app):
    moment = datetime(2026, 7, 1, 12, 0, 0, 123_456, tzinfo=UTC)
    kid = step(moment)
    assert key(kid).signing_at == moment
    with write() as session:
        assert session.get_one(SigningKeyRow, kid).announced_at == moment


def make_api(identifier: str, alg: str | None, now: datetime = NOON) -> None:
    create_resource_server(identifier, signing_alg=alg, encryption=ENCRYPTION, actor=ADA, now=now)


def of_alg(alg: str, now: datetime = NOON) -> list[str]:
    """The states of the keys of an algorithm, in the order in which they sign."""
    return [key.state(now) for key in list_signing_keys() if key.alg == alg]


@pytest.mark.usefixtures("app")
def test_an_algorithm_that_an_api_chooses_has_a_key_that_signs_at_once():
    step()
    make_api("orders", "ES256")
    make_api("stock", "ES256")
    assert (of_alg("EdDSA"), of_alg("ES256")) == (["signing"], ["signing"])
    assert [entry.action for entry in entries()] == [
        "key.create", "key.create", "api.create", "api.create",
    ]  # fmt: skip


@pytest.mark.usefixtures("app")
@on_sqlite
def test_each_algorithm_in_use_is_rotated_by_its_own_plan():
    step()
    make_api("orders", "ES256", NOON + DAY)
    announced_at = NOON + SIGNS_FOR - ANNOUNCED_FOR
    step(announced_at)
    assert (of_alg("EdDSA", announced_at), of_alg("ES256", announced_at)) == (
        ["signing", "announced"],
        ["signing"],
    )
    step(announced_at + DAY)
    later = NOON + SIGNS_FOR + DAY
    assert of_alg("EdDSA", later) == ["retired", "signing"]
    assert of_alg("ES256", later) == ["retired", "signing"]


@pytest.mark.usefixtures("app")
@on_sqlite
def test_the_rotation_of_one_algorithm_leaves_the_others_alone():
    step()
    make_api("orders", "ES256")
    rotate_key(
        "ES256",
        default_alg="EdDSA",
        at_once=True,
        encryption=ENCRYPTION,
        actor=ADA,
        now=NOON + DAY,
    )
    assert of_alg("EdDSA", NOON + DAY) == ["signing"]
    assert of_alg("ES256", NOON + DAY) == ["retired", "signing"]


@pytest.mark.usefixtures("app")
@on_sqlite
def test_a_key_of_an_algorithm_that_nobody_uses_is_not_rotated():
    step()
    with pytest.raises(OperationError):
        rotate_key(
            "ES256",
            default_alg="EdDSA",
            at_once=True,
            encryption=ENCRYPTION,
            actor=ADA,
            now=NOON,
        )


@pytest.mark.usefixtures("app")
def test_a_key_that_nobody_needs_any_more_is_retired_once():
    step()
    make_api("orders", "ES256")
    assert retire_idle_key("EdDSA", actor=ADA, now=NOON + DAY) is None
    edit_resource_server(
        "orders", name="", signing_alg=None, encryption=ENCRYPTION, actor=ADA, now=NOON + DAY
    )
    assert retire_idle_key("EdDSA", actor=ADA, now=NOON + DAY) is not None
    assert retire_idle_key("EdDSA", actor=ADA, now=NOON + DAY) is None
    assert of_alg("ES256", NOON + DAY) == ["retired"]
    assert of_alg("ES256", NOON + DAY + PUBLISHED_AFTERWARDS) == ["removed"]
    assert of_alg("EdDSA", NOON + DAY) == ["signing"]


@pytest.mark.usefixtures("app")
@on_sqlite
def test_the_last_key_that_signs_is_never_idle():
    """A default that was changed a moment ago has no key of its own yet."""
    step()
    assert retire_idle_key("ES256", actor=ADA, now=NOON) is None


@pytest.mark.usefixtures("app")
@on_sqlite
def test_an_algorithm_on_its_way_out_stays_if_an_api_chooses_it():
    step()
    step(NOON + DAY, "ES256")
    make_api("orders", "EdDSA", NOON + 2 * DAY)
    assert of_alg("EdDSA", NOON + 60 * DAY) == ["signing"]
    assert of_alg("ES256", NOON + 60 * DAY) == ["signing"]


@pytest.mark.usefixtures("app")
@on_sqlite
def test_a_revoked_key_of_an_api_is_followed_by_one_of_the_same_algorithm():
    step()
    make_api("orders", "ES256")
    (kid,) = (key.kid for key in list_signing_keys() if key.alg == "ES256")
    successor = revoke(kid, NOON + DAY)
    (key,) = (key for key in list_signing_keys() if key.kid == successor)
    assert (key.alg, key.state(NOON + DAY)) == ("ES256", "signing")
    assert of_alg("EdDSA", NOON + DAY) == ["signing"]


@pytest.mark.usefixtures("app")
@on_sqlite
def test_a_revoked_default_is_not_followed_by_the_key_of_an_api():
    kid = step()
    make_api("orders", "ES256")
    successor = revoke(kid, NOON + DAY)
    (key,) = (key for key in list_signing_keys() if key.kid == successor)
    assert key.alg == "EdDSA"
