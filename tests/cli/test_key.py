"""``flask key``."""

from datetime import timedelta

import pytest

from signet.models.database import write
from signet.models.signing_keys import SigningKeyRow
from signet.wiring import utc_now
from tests.cli.shell import on_one_engine, set_clock


@pytest.fixture
def now():
    """A moment at which the clock stands still."""
    moment = utc_now().replace(microsecond=0)
    set_clock(moment)
    return moment


@pytest.fixture
def signing(shell, now):
    """The key that signs."""
    return shell.json("key", "rotate", "--now")


def test_a_key_has_every_member_and_nothing_private(shell, signing, now):
    signing.pop("kid")
    assert signing == {
        "alg": "ES256",
        "state": "signing",
        "announced_at": written(now),
        "signing_at": written(now),
        "retired_at": None,
        "removed_at": None,
        "revoked_at": None,
    }


def test_a_rotation_announces_the_next_key(shell, signing, now):
    announced = shell.json("key", "rotate")
    assert announced["state"] == "announced"
    assert announced["signing_at"] == written(now + timedelta(days=14))
    assert states(shell) == {signing["kid"]: "signing", announced["kid"]: "announced"}
    entry = shell.entry()
    assert (entry["action"], entry["object"]) == ("key.rotate", f"key:{announced['kid']}")
    assert entry["before"] == {"kid": signing["kid"]}


def test_an_announced_key_signs_at_once_if_told(shell, signing):
    announced = shell.json("key", "rotate")
    assert shell.json("key", "rotate", "--now")["kid"] == announced["kid"]
    assert states(shell) == {signing["kid"]: "retired", announced["kid"]: "signing"}


def test_a_second_announcement_is_refused(shell, signing):
    shell.json("key", "rotate")
    before = shell.count()
    assert shell.refusal("key", "rotate") == "The next key is announced already"
    assert shell.count() == before


def test_revoking_the_signing_key_brings_the_next_one_at_once(shell, signing, now):
    announced = shell.json("key", "rotate")
    revoked = shell.json("key", "revoke", signing["kid"])
    assert (revoked["state"], revoked["revoked_at"]) == ("revoked", written(now))
    assert revoked["successor"] == announced["kid"]
    assert states(shell) == {signing["kid"]: "revoked", announced["kid"]: "signing"}
    assert shell.entry()["action"] == "key.revoke"


def test_revoking_a_key_that_does_not_sign_has_no_successor(shell, signing):
    announced = shell.json("key", "rotate")
    assert shell.json("key", "revoke", announced["kid"])["successor"] is None
    assert shell.text("key", "rotate") != ""


def test_a_key_that_is_unknown_or_revoked_is_refused(shell, signing):
    shell.json("key", "revoke", signing["kid"])
    before = shell.count()
    assert shell.refusal("key", "revoke", signing["kid"]) == "This key was revoked before"
    assert shell.refusal("key", "revoke", "nothing") == "There is no such key"
    assert shell.count() == before


@pytest.mark.parametrize("kid", ["-abc", "--abc", "-json"])
def test_a_key_whose_id_begins_with_a_hyphen_can_be_revoked(shell, signing, kid):
    """One thumbprint in 64 does."""
    with write() as session:
        session.get_one(SigningKeyRow, signing["kid"]).kid = kid
    assert shell.json("key", "revoke", kid)["kid"] == kid


@on_one_engine
def test_people_read_columns_and_when_the_next_key_signs(shell, now):
    assert shell.text("key", "list") == "No keys: flask prepare makes the first one.\n"
    assert shell.text("key", "rotate", "--now").endswith(" signs now.\n")
    until = written(now + timedelta(days=14))
    assert shell.text("key", "rotate").endswith(f" signs from {until}.\n")
    assert shell.text("key", "list").splitlines()[0].split() == [
        "KID", "ALG", "STATE", "ANNOUNCED", "SIGNING", "RETIRED", "REMOVED",
    ]  # fmt: skip


def states(shell) -> dict[str, str]:
    return {key["kid"]: key["state"] for key in shell.json("key", "list")}


def written(moment) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
