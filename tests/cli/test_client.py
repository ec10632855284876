"""``flask client``."""

from datetime import timedelta

import pytest

from signet.models.client_snapshots import load_client_snapshot
from signet.oauth.client import matching_secret
from signet.wiring import utc_now
from tests.cli.shell import on_one_engine, set_clock


def test_a_created_client_is_answered_with_its_secret(shell):
    shell.json("scope", "create", "b", "--api", "external-api")
    shell.json("scope", "create", "a", "--api", "external-api")
    created = shell.json("client", "create", "Billing", "--scope", "b", "--scope", "a")
    assert list(created) == ["client_id", "client_secret", "secret_id", "scope", "expires_at"]
    assert created["client_secret"].startswith("signet_")
    assert created["scope"] == "a b"
    assert authenticates(created["client_id"], created["client_secret"])


def test_people_read_the_secret_once_and_are_told_so(shell):
    text = shell.text("client", "create", "Billing", "--client-id", "billing")
    assert text.count("signet_") == 1
    assert text.splitlines()[0] == "client_id      billing"
    assert text.splitlines()[-1].startswith("The secret is shown this once")


def test_a_client_has_what_its_options_say(shell):
    now = utc_now().replace(microsecond=0)
    set_clock(now)
    created = shell.json(
        "client", "create", "Billing", "--client-id", "billing", "--lifetime", "60",
        "--secret-expires-in", "24h", "--description", "Nightly.", "--contact", "ops@example.org",
    )  # fmt: skip
    assert created["expires_at"] == written(now + timedelta(days=1))
    client = shell.json("client", "show", "billing")
    assert client.pop("created_by").startswith("command line (")
    (secret,) = client.pop("secrets")
    assert client == {
        "client_id": "billing",
        "name": "Billing",
        "description": "Nightly.",
        "contact": "ops@example.org",
        "enabled": True,
        "scope": "",
        "token_endpoint_auth_method": "client_secret_basic",
        "token_endpoint_auth_signing_alg": None,
        "jwks": None,
        "jwks_uri": None,
        "jwk_thumbprints": [],
        "allow_token_endpoint_audience": False,
        "tls_client_auth_subject_dn": None,
        "trusted_issuers": [],
        "token_format": "jwt",
        "dpop_bound_access_tokens": False,
        "tls_client_certificate_bound_access_tokens": False,
        "claims": {},
        "access_token_lifetime": 60,
        "created_at": written(now),
    }
    assert secret["expires_at"] == written(now + timedelta(days=1))


def test_without_options_the_lifetime_is_an_hour_and_the_secret_works_a_year(shell):
    now = utc_now().replace(microsecond=0)
    set_clock(now)
    created = shell.json("client", "create", "Billing")
    assert created["expires_at"] == written(now + timedelta(days=365))
    assert shell.json("client", "show", created["client_id"])["access_token_lifetime"] == 3600


def test_a_secret_may_never_expire(shell):
    created = shell.json("client", "create", "Billing", "--secret-expires-in", "never")
    assert created["expires_at"] is None
    assert shell.json("client", "show", created["client_id"])["secrets"][0]["expires_at"] is None


def test_creating_leaves_one_entry(shell, client_id):
    entry = shell.entry()
    assert (entry["action"], entry["object"]) == ("client.create", "client:billing-export")
    assert entry["after"]["scope"] == "external-api"


def test_a_taken_client_id_is_refused(shell, client_id):
    before = shell.count()
    refusal = shell.refusal("client", "create", "Other", "--client-id", "BILLING-export")
    assert refusal.startswith("client_id: ")
    assert shell.count() == before


def test_an_unknown_scope_is_refused_and_no_client_is_left(shell):
    refusal = shell.refusal("client", "create", "Billing", "--scope", "nothing")
    assert refusal == "scopes: There is no scope “nothing”"
    assert shell.json("client", "list") == []


@on_one_engine
@pytest.mark.parametrize(
    "options",
    [
        ("--client-id", ""),
        ("--lifetime", "1h"),
        ("--lifetime", "-1"),
        ("--lifetime", "9" * 30),
        ("--secret-expires-in", "365"),
        ("--secret-expires-in", "Never"),
        ("--secret-expires-in", "99999999d"),
        ("--frontchannel-logout-uri", "https://example.org/out"),
    ],
)
def test_an_option_that_cannot_be_read_is_wrong_usage(shell, options):
    shell.misuse("client", "create", "Billing", *options)
    assert shell.json("client", "list") == []


@on_one_engine
@pytest.mark.parametrize(
    ("options", "field"),
    [
        (("--lifetime", "59"), "access_token_lifetime"),
        (("--lifetime", "86401"), "access_token_lifetime"),
        (("--secret-expires-in", "0s"), "expires_in"),
        (("--secret-expires-in", "3651d"), "expires_in"),
        (("--client-id", "a b"), "client_id"),
        (("--description", "x" * 2_001), "description"),
        (("--contact", "x" * 201), "contact"),
    ],
)
def test_what_breaks_a_rule_is_refused_by_name(shell, options, field):
    assert shell.refusal("client", "create", "Billing", *options).startswith(f"{field}: ")
    assert shell.json("client", "list") == []


def test_an_edit_changes_what_is_named_and_nothing_else(shell, client_id):
    before = shell.json(
        "client", "edit", client_id, "--description", "Nightly.", "--contact", "ann"
    )
    edited = shell.json("client", "edit", client_id, "--lifetime", "600")
    assert edited == before | {"access_token_lifetime": 600}
    edited = shell.json("client", "edit", client_id, "--contact", "bob")
    assert edited == before | {"access_token_lifetime": 600, "contact": "bob"}
    assert shell.json("client", "show", client_id) == edited


def test_an_edit_leaves_one_entry_with_what_changed(shell, client_id):
    shell.json("scope", "create", "other", "--api", "external-api")
    shell.json("client", "edit", client_id, "--name", "Billing", "--scope", "other")
    entry = shell.entry()
    assert (entry["action"], entry["object"]) == ("client.edit", "client:billing-export")
    assert entry["before"] == {"name": "Billing export", "scope": "external-api"}
    assert entry["after"] == {"name": "Billing", "scope": "other"}


def test_an_edit_can_empty_a_text(shell, client_id):
    shell.json("client", "edit", client_id, "--description", "Nightly.")
    assert shell.json("client", "edit", client_id, "--description", "")["description"] == ""


def test_an_edit_that_is_refused_changes_nothing(shell, client_id):
    before, entries = shell.json("client", "show", client_id), shell.count()
    shell.refusal("client", "edit", client_id, "--name", "Billing", "--scope", "nothing")
    assert shell.json("client", "show", client_id) == before
    assert shell.count() == entries


@on_one_engine
def test_an_edit_of_nothing_is_wrong_usage(shell, client_id):
    assert "Name what to change" in shell.misuse("client", "edit", client_id)


def test_disabling_and_enabling_are_answered_with_the_client(shell, client_id):
    assert shell.json("client", "disable", client_id)["enabled"] is False
    assert shell.entry()["action"] == "client.disable"
    assert shell.json("client", "enable", client_id)["enabled"] is True
    assert shell.entry()["action"] == "client.enable"


def test_disabling_twice_is_done_and_leaves_one_entry(shell, client_id):
    shell.json("client", "disable", client_id)
    entries = shell.count()
    shell.json("client", "disable", client_id)
    assert shell.count() == entries


def test_a_scope_is_assigned_and_removed(shell, client_id):
    shell.json("scope", "create", "other", "--api", "external-api")
    assigned = shell.json("client", "assign-scope", client_id, "other")
    assert assigned["scope"] == "external-api other"
    assert shell.entry()["action"] == "client.set_scopes"
    assert shell.json("client", "remove-scope", client_id, "external-api")["scope"] == "other"
    assert shell.entry()["after"] == {"scope": "other"}


def test_an_unknown_scope_is_neither_assigned_nor_removed(shell, client_id):
    assert "no scope “nothing”" in shell.refusal("client", "assign-scope", client_id, "nothing")
    assert "not assigned" in shell.refusal("client", "remove-scope", client_id, "nothing")


def test_a_deleted_client_is_gone(shell, client_id):
    deleted = shell.json("client", "delete", client_id)
    assert deleted == {"client_id": client_id, "deleted": True}
    assert shell.entry()["action"] == "client.delete"
    assert shell.json("client", "list") == []


@on_one_engine
@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "nobody"),
        ("edit", "nobody", "--name", "x"),
        ("disable", "nobody"),
        ("enable", "nobody"),
        ("delete", "nobody"),
        ("assign-scope", "nobody", "external-api"),
        ("remove-scope", "nobody", "external-api"),
    ],
)
def test_a_client_that_is_not_there_is_refused(shell, client_id, arguments):
    # Client ids match exactly, by case too.
    assert shell.refusal("client", *arguments) == "There is no client “nobody”"
    different_case = ["Billing-Export" if word == "nobody" else word for word in arguments]
    assert shell.refusal("client", *different_case) == "There is no client “Billing-Export”"


def test_show_gives_what_list_gives(shell, client_id):
    assert shell.json("client", "list") == [shell.json("client", "show", client_id)]


def test_the_list_is_by_name_and_whole_beyond_a_batch(shell, monkeypatch):
    monkeypatch.setattr("signet.models.client_list._BATCH", 2)
    for name in ("e", "B", "a", "D", "c"):
        shell.json("client", "create", name)
    assert [client["name"] for client in shell.json("client", "list")] == ["a", "B", "c", "D", "e"]


def test_the_list_can_be_narrowed(shell, client_id):
    other = shell.json("client", "create", "Other", "--secret-expires-in", "1d")["client_id"]
    assert ids(shell.json("client", "list", "--search", "billing")) == [client_id]
    assert ids(shell.json("client", "list", "--scope", "external-api")) == [client_id]
    assert ids(shell.json("client", "list", "--state", "expiring")) == [other]
    assert "expiring" in shell.misuse("client", "list", "--state", "unwell")


@on_one_engine
def test_people_read_columns(shell, client_id):
    shell.json("client", "create", "Other", "--client-id", "x-1")
    assert shell.text("client", "list").splitlines() == [
        "CLIENT ID       NAME            STATE       SECRETS  SCOPE",
        "billing-export  Billing export  never-used  1        external-api",
        "x-1             Other           never-used  1        -",
    ]


@on_one_engine
def test_people_read_a_description_of_several_lines_below_itself(shell, client_id):
    shell.json("client", "edit", client_id, "--description", "One.\nTwo.")
    lines = shell.text("client", "show", client_id).splitlines()
    assert lines[2:4] == [
        "description                 One.",
        "                            Two.",
    ]


@on_one_engine
def test_people_read_what_was_done(shell, client_id):
    assert shell.text("client", "disable", client_id) == "Disabled billing-export.\n"
    assert shell.text("client", "delete", client_id) == "Deleted billing-export.\n"
    assert shell.text("client", "list") == "No clients.\n"


def ids(clients: list[dict[str, str]]) -> list[str]:
    return [client["client_id"] for client in clients]


def written(moment) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def authenticates(client_id: str, client_secret: str) -> bool:
    """Whether the protocol takes the secret now."""
    client = load_client_snapshot(client_id)
    secret = matching_secret(client.secrets, client_secret, client_id=client_id, now=utc_now())
    return secret is not None


@on_one_engine
def test_a_client_can_be_tried_and_its_token_is_only_a_preview(shell):
    shell.json("scope", "create", "orders.read", "--api", "https://api.example.org")
    shell.json("key", "rotate", "--now")
    shell.json("client", "create", "Billing", "--client-id", "billing", "--scope", "orders.read")
    tried = shell.json("client", "try", "billing")
    assert list(tried["header"]) == ["alg", "kid", "typ"]
    assert tried["claims"]["aud"] == "https://api.example.org"
    text = shell.text("client", "try", "billing", "--scope", "orders.read")
    assert text.startswith("A preview: it is not signed, and no API accepts it.")
    assert shell.entry()["action"] == "client.try"


@on_one_engine
def test_a_try_that_gives_no_token_says_why_in_one_line(shell):
    shell.json("client", "create", "Billing", "--client-id", "billing")
    refusal = shell.refusal("client", "try", "billing", "--scope", "orders.read")
    assert refusal == "invalid_scope: There is no scope “orders.read”"
    assert shell.entry()["after"] == {"outcome": "invalid_scope"}
    assert shell.refusal("client", "try", "nobody") == "There is no client “nobody”"
