"""``flask scope``."""

import pytest

from tests.cli.shell import on_one_engine


@pytest.fixture
def scope(shell):
    shell.json("scope", "create", "external-api", "--api", "external-api")
    return "external-api"


def test_a_created_scope_makes_the_apis_it_names(shell):
    created = shell.json(
        "scope", "create", "read", "--api", "orders", "--api", "https://bills.example/",
        "--description", "Read everything",
    )  # fmt: skip
    assert created.pop("created_at").endswith("Z")
    assert created == {
        "name": "read",
        "description": "Read everything",
        "enabled": True,
        "apis": ["https://bills.example/", "orders"],
        "client_count": 0,
    }
    assert [api["scope"] for api in shell.json("api", "list")] == ["read", "read"]
    entry = shell.entry()
    assert (entry["number"], entry["action"], entry["object"]) == (1, "scope.create", "scope:read")


def test_a_second_scope_of_a_name_is_refused(shell, scope):
    refusal = shell.refusal("scope", "create", scope, "--api", "other")
    assert refusal == "name: There is a scope “external-api” already"
    assert shell.count() == 1


@on_one_engine
@pytest.mark.parametrize("name", ["", "a b", 'a"b', "a\\b", "ä", "a\nb", "x" * 201, "x" * 10_000])
def test_what_is_no_scope_token_is_refused(shell, name):
    assert shell.refusal("scope", "create", name, "--api", "x").startswith("name: ")


@on_one_engine
def test_a_scope_without_an_api_is_wrong_usage(shell):
    assert "--api" in shell.misuse("scope", "create", "read")
    assert shell.refusal("scope", "create", "read", "--api", " ").startswith("apis: ")


def test_an_edit_changes_what_is_named_and_nothing_else(shell, scope):
    shell.json("api", "create", "orders")
    before = shell.json("scope", "show", scope)
    edited = shell.json("scope", "edit", scope, "--description", "Read")
    assert edited == before | {"description": "Read"}
    assert shell.json("scope", "edit", scope, "--api", "orders") == edited | {"apis": ["orders"]}
    entry = shell.entry()
    assert (entry["action"], entry["before"], entry["after"]) == (
        "scope.edit",
        {"apis": ["external-api"]},
        {"apis": ["orders"]},
    )


@on_one_engine
def test_an_edit_that_is_none_is_refused(shell, scope):
    assert "Name what to change" in shell.misuse("scope", "edit", scope)
    assert shell.refusal("scope", "edit", scope, "--api", "nothing").startswith("apis: ")
    assert shell.count() == 1


def test_disabling_and_enabling_are_answered_with_the_scope(shell, scope):
    assert shell.json("scope", "disable", scope)["enabled"] is False
    assert shell.entry()["action"] == "scope.disable"
    assert shell.json("scope", "enable", scope)["enabled"] is True
    assert shell.entry()["action"] == "scope.enable"


def test_an_unused_scope_is_deleted(shell, scope):
    assert shell.json("scope", "delete", scope) == {"name": scope, "deleted": True}
    assert shell.entry()["action"] == "scope.delete"
    assert shell.json("scope", "list") == []


def test_a_scope_in_use_is_not_deleted_and_its_clients_are_named(shell, client_id):
    before = shell.count()
    refusal = shell.refusal("scope", "delete", "external-api")
    assert refusal.endswith("(billing-export)")
    assert shell.count() == before


@on_one_engine
def test_of_many_clients_ten_are_named(shell, scope):
    for number in range(12):
        shell.json("client", "create", "x", "--client-id", f"c-{number}", "--scope", scope)
    refusal = shell.refusal("scope", "delete", scope)
    assert refusal.endswith("(c-0, c-1, c-2, c-3, c-4, c-5, c-6, c-7, c-8, c-9 and 2 more)")


def test_show_gives_what_list_gives_with_the_number_of_clients(shell, client_id):
    shown = shell.json("scope", "show", "external-api")
    assert shown["client_count"] == 1
    assert shell.json("scope", "list") == [shown]


@on_one_engine
@pytest.mark.parametrize(
    "arguments",
    [("show",), ("edit", "--description", "x"), ("disable",), ("enable",), ("delete",)],
)
def test_a_scope_that_is_not_there_is_refused(shell, arguments):
    verb, *options = arguments
    assert shell.refusal("scope", verb, "nothing", *options) == "There is no scope “nothing”"


@on_one_engine
def test_people_read_columns_and_lines(shell):
    assert shell.text("scope", "list") == "No scopes.\n"
    shell.text("scope", "create", "read", "--api", "orders", "--api", "bills")
    assert shell.text("scope", "list").splitlines() == [
        "SCOPE  ENABLED  CLIENTS  APIS          DESCRIPTION",
        "read   yes      0        bills orders  -",
    ]
    assert "apis          bills orders\n" in shell.text("scope", "show", "read")
