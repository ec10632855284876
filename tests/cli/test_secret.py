"""``flask secret``."""

from datetime import timedelta

import pytest

from signet.models.client_snapshots import load_client_snapshot
from signet.models.usage_batches import write_batch
from signet.oauth.client import matching_secret
from signet.usage import UsageMemory
from signet.wiring import utc_now
from tests.cli.shell import on_one_engine, set_clock


@pytest.fixture
def now():
    """A moment at which the clock stands still."""
    moment = utc_now().replace(microsecond=0)
    set_clock(moment)
    return moment


@pytest.fixture
def first(shell, now, client_id):
    """The secret that the client was registered with."""
    (secret,) = shell.json("secret", "list", client_id)
    return secret


def test_a_created_secret_works_beside_the_first(shell, client_id, first):
    created = shell.json("secret", "create", client_id)
    assert list(created) == ["client_id", "client_secret", "secret_id", "scope", "expires_at"]
    assert (created["client_id"], created["scope"]) == (client_id, "external-api")
    assert works(created["client_secret"])
    listed = shell.json("secret", "list", client_id)
    assert [secret["secret_id"] for secret in listed] == [created["secret_id"], first["secret_id"]]
    assert [secret["state"] for secret in listed] == ["live", "live"]


def test_people_read_a_new_secret_once_and_are_told_so(shell, client_id):
    text = shell.text("secret", "create", client_id)
    assert text.count("signet_") == 1
    assert text.splitlines()[-1].startswith("The secret is shown this once")


def test_a_listed_secret_has_every_member_but_the_secret(shell, client_id, now):
    created = shell.json(
        "secret", "create", client_id, "--description", "blue", "--expires-in", "90d"
    )
    secret = shell.json("secret", "list", client_id)[0]
    assert secret.pop("created_by").startswith("command line (")
    assert secret == {
        "secret_id": created["secret_id"],
        "description": "blue",
        "hint": created["client_secret"][-4:],
        "state": "live",
        "created_at": written(now),
        "expires_at": written(now + timedelta(days=90)),
        "replaced_at": None,
        "revoked_at": None,
        "ends_when_quiet": False,
        "undo_until": None,
        "last_used_at": None,
    }


def test_a_rotation_lets_the_old_secret_work_for_a_week(shell, client_id, first, now):
    rotated = shell.json("secret", "rotate", client_id)
    assert works(rotated["client_secret"])
    assert rotated["expires_at"] == written(now + timedelta(days=365))
    old = shell.json("secret", "list", client_id)[1]
    assert (old["secret_id"], old["state"]) == (first["secret_id"], "live")
    assert old["expires_at"] == written(now + timedelta(days=7))
    assert old["replaced_at"] == written(now)


@pytest.mark.parametrize(("overlap", "hours"), [("24h", 24), ("30m", 0.5), ("7d", 168)])
@on_one_engine
def test_the_overlap_is_as_long_as_it_says(shell, client_id, first, now, overlap, hours):
    shell.json("secret", "rotate", client_id, "--overlap", overlap)
    old = shell.json("secret", "list", client_id)[1]
    assert old["expires_at"] == written(now + timedelta(hours=hours))


def test_without_an_overlap_the_old_secret_is_refused_at_once(shell, client_id, first):
    shell.json("secret", "rotate", client_id, "--overlap", "0s")
    assert [secret["state"] for secret in shell.json("secret", "list", client_id)] == [
        "live",
        "revoked",
    ]


def test_a_rotation_replaces_only_the_secrets_it_names(shell, client_id, first):
    second = shell.json("secret", "create", client_id)
    shell.json("secret", "rotate", client_id, "--overlap", "0s", "--replaces", first["secret_id"])
    states = {s["secret_id"]: s["state"] for s in shell.json("secret", "list", client_id)}
    assert states[first["secret_id"]] == "revoked"
    assert states[second["secret_id"]] == "live"


def test_an_expired_secret_is_listed_as_one(shell, client_id, first, now):
    shell.json("secret", "create", client_id, "--expires-in", "1d")
    set_clock(now + timedelta(days=1))
    assert shell.json("secret", "list", client_id)[0]["state"] == "expired"


def test_a_revoked_secret_is_refused_for_good(shell, client_id, now):
    created = shell.json("secret", "create", client_id)
    revoked = shell.json("secret", "revoke", client_id, created["secret_id"])
    assert (revoked["secret_id"], revoked["state"]) == (created["secret_id"], "revoked")
    assert revoked["revoked_at"] == written(now)
    assert not works(created["client_secret"])
    refusal = shell.refusal("secret", "revoke", client_id, created["secret_id"])
    assert refusal == "This secret was revoked before"


@pytest.mark.parametrize("verb", ["create", "rotate"])
def test_a_new_secret_leaves_one_entry_that_does_not_hold_it(shell, client_id, verb):
    before = shell.count()
    issued = shell.json("secret", verb, client_id)
    entry = shell.entry()
    assert entry["number"] == before + 1
    assert (entry["action"], entry["object"]) == (f"secret.{verb}", "client:billing-export")
    assert issued["secret_id"] in str(entry)
    assert issued["client_secret"] not in str(entry)


def test_revoking_leaves_one_entry(shell, client_id, first):
    before = shell.count()
    shell.json("secret", "revoke", client_id, first["secret_id"])
    entry = shell.entry()
    assert (entry["number"], entry["action"]) == (before + 1, "secret.revoke")
    assert entry["before"]["revoked_at"] is None


def test_an_eleventh_live_secret_is_refused(shell, client_id):
    for _ in range(9):
        shell.json("secret", "create", client_id)
    before = shell.count()
    assert "10 live secrets" in shell.refusal("secret", "create", client_id)
    assert shell.count() == before


@on_one_engine
@pytest.mark.parametrize(
    "arguments",
    [("create",), ("rotate",), ("list",), ("revoke", "0123")],
)
def test_a_client_that_is_not_there_is_refused(shell, arguments):
    verb, *rest = arguments
    assert shell.refusal("secret", verb, "nobody", *rest) == "There is no client “nobody”"


@on_one_engine
def test_a_secret_that_is_not_the_clients_is_refused(shell, client_id):
    other = shell.json("client", "create", "Other")
    refusal = shell.refusal("secret", "revoke", client_id, other["secret_id"])
    assert refusal == "This client has no such secret"


@on_one_engine
@pytest.mark.parametrize(
    "arguments",
    [
        ("create", "billing-export", "--expires-in", "1w"),
        ("create", "billing-export", "--expires-in", ""),
        ("rotate", "billing-export", "--overlap", "7"),
        ("rotate", "billing-export", "--overlap", "never"),
        ("rotate", "billing-export", "--overlap", "-1d"),
        ("rotate",),
        ("revoke", "billing-export"),
    ],
)
def test_what_cannot_be_read_is_wrong_usage(shell, client_id, arguments):
    before = shell.count()
    shell.misuse("secret", *arguments)
    assert shell.count() == before


@on_one_engine
@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        (("create", "--expires-in", "0s"), "expires_in"),
        (("create", "--description", "x" * 101), "description"),
        (("rotate", "--overlap", "366d"), "overlap"),
        (("rotate", "--replaces", "0123"), "replaces"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name(shell, client_id, arguments, field):
    before = shell.count()
    verb, *options = arguments
    assert shell.refusal("secret", verb, client_id, *options).startswith(f"{field}: ")
    assert shell.count() == before


@on_one_engine
def test_people_read_columns(shell, now, client_id, first):
    heading, line = shell.text("secret", "list", client_id).splitlines()
    assert heading.split() == [
        "SECRET", "ID", "STATE", "ENDS", "WITH", "CREATED", "EXPIRES", "LAST", "USED",
        "DESCRIPTION",
    ]  # fmt: skip
    assert line.split() == [
        first["secret_id"], "live", first["hint"], written(now), first["expires_at"], "never", "-",
    ]  # fmt: skip
    shell.json("secret", "create", client_id, "--expires-in", "never")
    assert f"{written(now)}  never " in shell.text("secret", "list", client_id)


@on_one_engine
def test_the_last_use_of_a_secret_is_told(shell, client_id, first, now):
    memory = UsageMemory()
    used = {"at": now, "address": "10.0.4.7", "user_agent": "curl/8"}
    memory.note_use(client_id, first["secret_id"], "token", **used)
    write_batch(memory.take())
    for (document,) in (
        shell.json("secret", "list", client_id),
        shell.json("client", "show", client_id)["secrets"],
        shell.json("client", "list")[0]["secrets"],
    ):
        assert document["last_used_at"] == written(now)
    assert f"{first['expires_at']}  {written(now)}" in shell.text("secret", "list", client_id)


def test_a_rotation_lets_the_old_secret_work_until_it_falls_quiet(shell, client_id, first, now):
    shell.json("secret", "rotate", client_id, "--overlap", "quiet")
    old = shell.json("secret", "list", client_id)[1]
    assert (old["secret_id"], old["ends_when_quiet"]) == (first["secret_id"], True)
    assert old["expires_at"] == written(now + timedelta(days=30))


def test_a_revocation_is_undone(shell, client_id, first, now):
    revoked = shell.json("secret", "revoke", client_id, first["secret_id"])
    assert revoked["undo_until"] == written(now + timedelta(hours=1))
    back = shell.json("secret", "undo-revoke", client_id, first["secret_id"])
    assert back == first
    assert "is not revoked" in shell.refusal("secret", "undo-revoke", client_id, back["secret_id"])


def written(moment) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def works(client_secret: str) -> bool:
    """Whether the protocol takes the secret now."""
    client = load_client_snapshot("billing-export")
    secret = matching_secret(
        client.secrets, client_secret, client_id=client.client_id, now=utc_now()
    )
    return secret is not None
