"""``flask api secret``: the commands of ``flask secret`` for what an API asks about tokens with."""

import pytest

from signet.models.database import read
from signet.models.resource_servers import load_resource_server_snapshot
from signet.oauth.client import matching_secret
from signet.wiring import utc_now
from tests.cli.shell import Shell, on_one_engine

API = "https://orders.example/"


@pytest.fixture
def api(shell: Shell) -> str:
    shell.json("api", "create", API, "--name", "Orders")
    return API


def works(client_secret: str) -> bool:
    """Whether the protocol takes the secret now."""
    with read() as session:
        api = load_resource_server_snapshot(session, API)
    assert api is not None
    found = matching_secret(api.secrets, client_secret, client_id=API, now=utc_now())
    return found is not None


def test_a_created_secret_is_answered_in_clear_and_listed_without(shell, api):
    created = shell.json("api", "secret", "create", api, "--description", "prod")
    assert (created["client_id"], created["scope"]) == (api, "")
    assert works(created["client_secret"])
    (listed,) = shell.json("api", "secret", "list", api)
    assert (listed["secret_id"], listed["description"]) == (created["secret_id"], "prod")
    assert listed["expires_at"] == created["expires_at"]
    assert shell.json("api", "show", api)["secrets"] == [listed]


def test_a_rotation_ends_the_old_secret_after_the_overlap(shell, api):
    old = shell.json("api", "secret", "create", api)
    new = shell.json("api", "secret", "rotate", api, "--overlap", "0s")
    assert [works(old["client_secret"]), works(new["client_secret"])] == [False, True]
    states = [secret["state"] for secret in shell.json("api", "secret", "list", api)]
    assert states == ["live", "revoked"]


def test_a_revoked_secret_is_refused(shell, api):
    created = shell.json("api", "secret", "create", api)
    revoked = shell.json("api", "secret", "revoke", api, created["secret_id"])
    assert (revoked["secret_id"], revoked["state"]) == (created["secret_id"], "revoked")
    assert not works(created["client_secret"])


@on_one_engine
@pytest.mark.parametrize("verb", ["create", "rotate"])
def test_a_new_secret_leaves_one_entry_that_does_not_hold_it(shell, api, verb):
    before = shell.count()
    issued = shell.json("api", "secret", verb, api)
    entry = shell.entry()
    assert entry["number"] == before + 1
    assert (entry["action"], entry["object"]) == (f"api_secret.{verb}", f"api:{API}")
    assert issued["client_secret"] not in str(entry)


@on_one_engine
@pytest.mark.parametrize("arguments", [("create",), ("rotate",), ("list",), ("revoke", "0123")])
def test_an_api_that_is_not_there_is_refused(shell, client_id, arguments):
    verb, *rest = arguments
    refusal = shell.refusal("api", "secret", verb, client_id, *rest)
    assert refusal == f"There is no API “{client_id}”"


@on_one_engine
def test_a_secret_that_is_not_the_apis_is_refused(shell, api, client_id):
    (secret,) = shell.json("secret", "list", client_id)
    refusal = shell.refusal("api", "secret", "revoke", api, secret["secret_id"])
    assert refusal == "This API has no such secret"


@on_one_engine
def test_the_usage_names_what_is_missing(shell):
    assert "IDENTIFIER" in shell.misuse("api", "secret", "create")
    assert "CLIENT_ID" in shell.misuse("secret", "create")


@on_one_engine
def test_people_read_of_an_api_what_is_known_of_its_secrets(shell, api):
    secret = shell.json("api", "secret", "create", api)
    assert secret["secret_id"] in shell.text("api", "show", api)
    assert shell.text("api", "secret", "create", api).count("signet_") == 1


@on_one_engine
def test_people_read_that_an_api_has_no_secrets(shell, api):
    assert shell.text("api", "secret", "list", api) == "No secrets.\n"
