"""Scopes and the APIs that own them."""

from functools import partial

import pytest

from signet.models.audit_log import verify_chain
from signet.models.client_snapshots import load_client_snapshot
from signet.models.resource_servers import find_resource_server, list_resource_servers
from signet.models.scopes import (
    find_scope,
    find_scope_by_number,
    list_assigned_scopes,
    list_scopes,
)
from signet.operations import clients, resource_servers, scopes
from signet.operations.errors import EditConflictError, InUseError, NotFoundError, OperationError
from tests.operations.acting import (
    ADA,
    ENCRYPTION,
    NOON,
    at_once,
    entries,
    make_scope,
    on_sqlite,
    register,
    unchanged,
)

create = partial(scopes.create_scope, actor=ADA, now=NOON)
create_api = partial(
    resource_servers.create_resource_server, encryption=ENCRYPTION, actor=ADA, now=NOON
)


def edit(name: str = "orders.read", *, apis=("orders",), description: str = "", **options):
    scopes.edit_scope(name, apis=apis, description=description, actor=ADA, now=NOON, **options)


def get(name: str = "orders.read"):
    scope = find_scope(name)
    assert scope is not None
    return scope


def granted(client_id: str = "billing") -> dict[str, tuple[str, ...]]:
    client = load_client_snapshot(client_id)
    assert client is not None
    return {scope.name: tuple(api.identifier for api in scope.audiences) for scope in client.scopes}


# Creating a scope


def test_a_scope_is_created_with_its_apis_and_those_missing_are_made(app):
    create_api("orders")
    create("orders.read", apis=["stock", "orders"], description=" Read orders. ")
    scope = get()
    assert (scope.apis, scope.description, scope.enabled, scope.client_count) == (
        ("orders", "stock"),
        "Read orders.",
        True,
        0,
    )
    assert find_scope_by_number(scope.number) == scope
    assert [api.identifier for api in list_resource_servers()] == ["orders", "stock"]
    entry = entries()[-1]
    assert (entry.action, entry.object.type, entry.object.id) == (
        "scope.create",
        "scope",
        "orders.read",
    )
    assert entry.after == {
        "apis": ["orders", "stock"],
        "description": "Read orders.",
        "enabled": True,
    }


@on_sqlite
@pytest.mark.parametrize("name", ["a", "x" * 200, "a:b/c", "https://x.example/y", "!#[]~", "A"])
def test_a_scope_may_be_any_token_of_the_rfc(app, name):
    create(name, apis=["orders"])
    assert get(name).name == name


@on_sqlite
@pytest.mark.parametrize(
    "name", ["", " ", "a b", 'a"b', "a\\b", "x" * 201, "caf\u00e9", "a\n", "a\0", "\x7f"]
)
def test_any_other_name_is_refused(app, name):
    """RFC 6749 §3.3."""
    with unchanged(field="name"):
        create(name, apis=["orders"])


def test_a_scope_is_created_once_and_its_case_counts(app):
    create("orders.read", apis=["orders"])
    with unchanged(field="name"):
        create("orders.read", apis=["orders"])
    create("Orders.Read", apis=["orders"])
    assert len(list_scopes()) == 2


@pytest.mark.parametrize("apis", [[], [""], ["  "]])
def test_a_scope_without_api_is_refused(app, apis):
    with unchanged(field="apis"):
        create("orders.read", apis=apis)


@pytest.mark.parametrize("identifier", ["or ders", "x" * 201, "a\0", "a\u200bb", "a\u00a0b"])
def test_a_scope_with_an_impossible_api_is_refused(app, identifier):
    with unchanged(field="apis"):
        create("orders.read", apis=["orders", identifier])


@pytest.mark.parametrize("apis", [["Orders"], ["stock", "ORDERS"], ["shop", "Shop"]])
def test_a_scope_makes_no_api_that_differs_from_another_by_its_case_only(app, apis):
    create_api("orders")
    with unchanged(field="apis"):
        create("orders.read", apis=apis)


def test_a_scope_makes_no_api_with_the_name_of_a_client(app):
    register("billing")
    with unchanged(field="apis"):
        create("orders.read", apis=["Billing"])


def test_a_description_that_is_too_long_is_refused(app):
    create("orders.read", apis=["orders"])
    with unchanged(field="description"):
        create("other", apis=["orders"], description="x" * 501)
    with unchanged(field="description"):
        edit(description="a\nb")


def test_of_many_who_create_a_scope_at_once_one_does(app):
    outcomes = at_once(app, *[partial(create, "orders.read", apis=["orders"])] * 10)
    assert len([outcome for outcome in outcomes if isinstance(outcome, OperationError)]) == 9
    assert len(entries()) == 1


def test_scopes_of_one_new_api_created_at_once_share_it(app):
    outcomes = at_once(
        app, *[partial(create, f"orders.{number}", apis=["orders"]) for number in range(10)]
    )
    assert outcomes == [None] * 10
    (api,) = list_resource_servers()
    assert len(api.scopes) == 10
    assert verify_chain().count == 10


# Editing a scope


@pytest.fixture
def orders(app):
    create("orders.read", apis=["orders"])
    create_api("stock")


def test_an_edit_records_only_what_changed(orders):
    edit(apis=["stock", "orders"])
    assert (get().apis, get().version) == (("orders", "stock"), 2)
    entry = entries()[-1]
    assert entry.action == "scope.edit"
    assert (entry.before, entry.after) == ({"apis": ["orders"]}, {"apis": ["orders", "stock"]})


def test_an_edit_that_changes_nothing_is_no_act(orders):
    count = len(entries())
    edit()
    assert (get().version, len(entries())) == (1, count)


def test_an_edit_makes_no_api(orders):
    with unchanged(field="apis"):
        edit(apis=["orders", "nothing"])


def test_an_edit_leaves_no_scope_without_api(orders):
    with unchanged(field="apis"):
        edit(apis=[])


def test_of_two_editors_the_second_is_told_of_the_first(orders):
    """SECURITY U31."""
    edit(description="First", version=1)
    with unchanged(EditConflictError):
        edit(description="Second", version=1)


def test_a_client_gets_the_apis_that_own_a_scope_now(orders):
    register(scopes=["orders.read"])
    assert granted() == {"orders.read": ("orders",)}
    edit(apis=["stock"])
    assert granted() == {"orders.read": ("stock",)}


def test_a_disabled_scope_is_granted_to_nobody_until_it_is_enabled_again(orders):
    register(scopes=["orders.read"])
    scopes.disable_scope("orders.read", actor=ADA, now=NOON)
    assert granted() == {}
    assert get().client_count == 1
    scopes.enable_scope("orders.read", actor=ADA, now=NOON)
    assert granted() == {"orders.read": ("orders",)}
    assert [entry.action for entry in entries()][-2:] == ["scope.disable", "scope.enable"]
    assert entries()[-1].after == {"enabled": True}


# Deleting a scope


def test_a_scope_that_nobody_has_is_deleted(orders):
    scopes.delete_scope("orders.read", actor=ADA, now=NOON)
    assert find_scope("orders.read") is None
    entry = entries()[-1]
    assert (entry.action, entry.object.id, entry.after) == ("scope.delete", "orders.read", {})
    assert entry.before["apis"] == ["orders"]


def test_a_scope_in_use_is_kept_and_its_users_are_named(orders):
    for client_id in ("billing", "archive"):
        register(client_id, scopes=["orders.read"])
    register("other")
    with pytest.raises(InUseError) as caught:
        scopes.delete_scope("orders.read", actor=ADA, now=NOON)
    assert sorted(caught.value.users) == ["archive", "billing"]
    assert get().client_count == 2
    assert entries()[-1].action == "client.create"


def test_a_scope_that_is_deleted_and_assigned_at_once_is_never_half_gone(app, orders):
    register()
    outcomes = at_once(
        app,
        partial(scopes.delete_scope, "orders.read", actor=ADA, now=NOON),
        *[partial(clients.assign_scope, "billing", "orders.read", actor=ADA, now=NOON)] * 5,
    )
    deleted = outcomes[0] is None
    assert (find_scope("orders.read") is None) == deleted
    assert granted() == ({} if deleted else {"orders.read": ("orders",)})
    assert all(outcome is None or isinstance(outcome, OperationError) for outcome in outcomes)


@pytest.mark.parametrize(
    "act",
    [
        partial(scopes.edit_scope, "nothing", description="", apis=["orders"]),
        partial(scopes.enable_scope, "Orders.Read"),
        partial(scopes.disable_scope, "nothing"),
        partial(scopes.delete_scope, "nothing"),
        partial(
            resource_servers.edit_resource_server,
            "nothing",
            name="x",
            signing_alg=None,
            encryption=ENCRYPTION,
        ),
        partial(resource_servers.delete_resource_server, "Orders"),
    ],
    ids=lambda act: act.func.__name__,
)
def test_what_is_not_there_is_not_found(orders, act):
    with unchanged(NotFoundError):
        act(actor=ADA, now=NOON)


def test_scopes_are_listed_by_name_with_the_number_of_their_clients(orders):
    make_scope("archive")
    register("one", scopes=["orders.read"])
    register("two", scopes=["orders.read", "archive"])
    assert [(scope.name, scope.client_count) for scope in list_assigned_scopes()] == [
        ("archive", 1),
        ("orders.read", 2),
    ]


def test_an_api_knows_its_scopes(orders):
    api = find_resource_server("orders")
    assert api is not None
    assert api.scopes == ("orders.read",)
