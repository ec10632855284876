"""``flask api``."""

import pytest

from tests.cli.shell import on_one_engine


def test_a_created_api_is_answered_and_listed(shell):
    created = shell.json("api", "create", "https://orders.example/", "--name", "Orders")
    assert created.pop("created_at").endswith("Z")
    assert created == {
        "identifier": "https://orders.example/",
        "name": "Orders",
        "signing_alg": None,
        "scope": "",
        "secrets": [],
    }
    entry = shell.entry()
    assert (entry["action"], entry["object"]) == ("api.create", "api:https://orders.example/")
    assert entry["object_name"] == "Orders"


def test_without_a_name_an_api_is_called_by_its_identifier(shell):
    assert shell.json("api", "create", "orders")["name"] == "orders"


def test_an_identifier_that_a_client_or_an_api_has_is_refused(shell, client_id):
    before = shell.count()
    for taken in ("billing-export", "External-API"):
        assert shell.refusal("api", "create", taken).startswith("identifier: ")
    assert shell.count() == before


@on_one_engine
@pytest.mark.parametrize("identifier", ["", " ", "a b", "x" * 201, "x" * 10_000, "a\x1bb"])
def test_what_is_no_identifier_is_refused(shell, identifier):
    assert shell.refusal("api", "create", identifier).startswith("identifier: ")


def test_an_edit_changes_the_name(shell):
    shell.json("api", "create", "orders")
    assert shell.json("api", "edit", "orders", "--name", "Orders")["name"] == "Orders"
    entry = shell.entry()
    assert (entry["action"], entry["before"], entry["after"]) == (
        "api.edit",
        {"name": "orders"},
        {"name": "Orders"},
    )


@on_one_engine
def test_an_edit_changes_what_is_named_and_nothing_else(shell):
    shell.json("api", "create", "orders", "--name", "Orders", "--signing-alg", "ES256")
    edited = shell.json("api", "edit", "orders", "--signing-alg", "EdDSA")
    assert (edited["name"], edited["signing_alg"]) == ("Orders", "EdDSA")
    edited = shell.json("api", "edit", "orders", "--name", "Stock")
    assert (edited["name"], edited["signing_alg"]) == ("Stock", "EdDSA")
    edited = shell.json("api", "edit", "orders", "--signing-alg", "default")
    assert (edited["name"], edited["signing_alg"]) == ("Stock", None)


@on_one_engine
def test_an_api_that_chooses_an_algorithm_gets_a_key_of_it(shell):
    shell.json("api", "create", "orders", "--signing-alg", "EdDSA")
    assert [(key["alg"], key["state"]) for key in shell.json("key", "list")] == [
        ("EdDSA", "signing")
    ]


@on_one_engine
def test_an_edit_without_a_change_is_wrong_usage(shell):
    assert "Name what to change" in shell.misuse("api", "edit", "orders")


@on_one_engine
@pytest.mark.parametrize("verb", ["create", "edit"])
@pytest.mark.parametrize("alg", ["HS256", "none", "es256", ""])
def test_an_algorithm_that_is_not_on_offer_is_wrong_usage(shell, verb, alg):
    assert "ES256" in shell.misuse("api", verb, "orders", "--signing-alg", alg)


def test_show_gives_what_list_gives_with_the_scopes(shell, client_id):
    shell.json("scope", "create", "another", "--api", "external-api")
    shown = shell.json("api", "show", "external-api")
    assert shown["scope"] == "another external-api"
    assert shell.json("api", "list") == [shown]


def test_an_api_without_scopes_is_deleted(shell):
    shell.json("api", "create", "orders")
    assert shell.json("api", "delete", "orders") == {"identifier": "orders", "deleted": True}
    assert shell.entry()["action"] == "api.delete"
    assert shell.json("api", "list") == []


def test_an_api_that_owns_scopes_is_not_deleted_and_they_are_named(shell, client_id):
    before = shell.count()
    assert shell.refusal("api", "delete", "external-api").endswith("(external-api)")
    assert shell.count() == before


@on_one_engine
@pytest.mark.parametrize("arguments", [("show",), ("edit", "--name", "x"), ("delete",)])
def test_an_api_that_is_not_there_is_refused(shell, arguments):
    verb, *options = arguments
    assert shell.refusal("api", verb, "nothing", *options) == "There is no API “nothing”"


@on_one_engine
def test_people_read_columns_and_lines(shell):
    assert shell.text("api", "list") == "No APIs.\n"
    shell.text("api", "create", "orders")
    assert shell.text("api", "list").splitlines() == [
        "IDENTIFIER  NAME    SIGNING ALG  SCOPE",
        "orders      orders  default      -",
    ]
    shown = shell.text("api", "show", "orders").splitlines()
    assert shown[:3] == ["identifier   orders", "name         orders", "signing_alg  default"]
    assert shell.text("api", "delete", "orders") == "Deleted orders.\n"
