"""APIs: what stands in ``aud``."""

from functools import partial

import pytest

from signet.models.database import read
from signet.models.refused_requests import RefusedRequestFilter, list_refused_requests
from signet.models.resource_servers import (
    find_resource_server,
    find_resource_server_by_number,
    list_resource_servers,
    load_api_algorithms,
    load_resource_server_snapshot,
)
from signet.models.signing_keys import list_signing_keys
from signet.models.usage import counts_of
from signet.operations import clients, resource_servers, scopes
from signet.operations.errors import EditConflictError, InUseError, NotFoundError, OperationError
from tests.operations.acting import (
    ADA,
    ENCRYPTION,
    NOON,
    at_once,
    entries,
    on_sqlite,
    register,
    unchanged,
)
from tests.usage import refused, used

create = partial(
    resource_servers.create_resource_server, encryption=ENCRYPTION, actor=ADA, now=NOON
)
edit = partial(
    resource_servers.edit_resource_server,
    "orders",
    signing_alg=None,
    encryption=ENCRYPTION,
    actor=ADA,
    now=NOON,
)
delete = partial(resource_servers.delete_resource_server, actor=ADA, now=NOON)


def get(identifier: str = "orders"):
    api = find_resource_server(identifier)
    assert api is not None
    return api


def test_an_api_is_created_with_its_identifier_and_name(app):
    create("https://orders.example/", name=" Orders ")
    api = get("https://orders.example/")
    assert (api.name, api.scopes, api.created_at, api.version) == ("Orders", (), NOON, 1)
    assert find_resource_server_by_number(api.number) == api
    (entry,) = entries()
    assert (entry.action, entry.object.type, entry.object.id, entry.object.name, entry.after) == (
        "api.create",
        "api",
        "https://orders.example/",
        "Orders",
        {"name": "Orders", "signing_alg": None},
    )


def test_without_a_name_an_api_is_called_by_its_identifier(app):
    create("x" * 200)
    assert get("x" * 200).name == "x" * 100


@on_sqlite
@pytest.mark.parametrize(
    "identifier", ["", "  ", "or ders", "a\tb", "x" * 201, "a\0b", "a\u202eb", "a\u200bb"]
)
def test_an_impossible_identifier_is_refused(app, identifier):
    with unchanged(field="identifier"):
        create(identifier)


@pytest.mark.parametrize("name", ["x" * 101, "a\nb", "\0"])
def test_a_name_that_cannot_be_shown_is_refused_on_create_and_edit(app, name):
    create("orders")
    with unchanged(field="name"):
        create("stock", name=name)
    with unchanged(field="name"):
        edit(name=name)


@pytest.mark.parametrize("identifier", ["orders", "Orders", "ORDERS", " orders "])
def test_an_identifier_is_taken_whatever_its_case(app, identifier):
    create("orders")
    with unchanged(field="identifier"):
        create(identifier)


@pytest.mark.parametrize("identifier", ["billing", "Billing"])
def test_an_identifier_may_not_be_a_client_id(app, identifier):
    register("billing")
    with unchanged(field="identifier"):
        create(identifier)


def test_names_that_only_fold_alike_are_one(app):
    create("STRASSE")
    with unchanged(field="identifier"):
        create("stra\u00dfe")


def test_an_identifier_is_free_again_once_its_api_is_deleted(app):
    create("orders")
    delete("orders")
    register("orders")
    clients.delete_client("orders", actor=ADA, now=NOON)
    create("Orders")


def test_a_client_and_an_api_that_want_one_name_at_once_do_not_both_get_it(app):
    outcomes = at_once(
        app,
        *[partial(create, "orders"), partial(register, "Orders")] * 5,
    )
    assert len([outcome for outcome in outcomes if isinstance(outcome, OperationError)]) == 9
    assert len(entries()) == 1


def test_an_edit_changes_the_name_and_records_both(app):
    create("orders")
    edit(name="Orders")
    assert (get().name, get().version) == ("Orders", 2)
    entry = entries()[-1]
    assert (entry.action, entry.before, entry.after) == (
        "api.edit",
        {"name": "orders"},
        {"name": "Orders"},
    )


def test_an_edit_that_changes_nothing_is_no_act(app):
    create("orders")
    edit(name="")
    assert (get().version, len(entries())) == (1, 1)


def test_of_two_editors_the_second_is_told_of_the_first(app):
    """SECURITY U31."""
    create("orders")
    edit(name="First", version=1)
    with unchanged(EditConflictError):
        edit(name="Second", version=1)


def test_an_api_that_owns_scopes_is_kept_and_they_are_named(app):
    scopes.create_scope("orders.read", apis=["orders", "stock"], actor=ADA, now=NOON)
    with pytest.raises(InUseError) as caught:
        delete("orders")
    assert caught.value.users == ("orders.read",)
    assert get().scopes == ("orders.read",)
    assert len(entries()) == 1


def test_an_api_without_scopes_is_deleted(app):
    create("orders", name="Orders")
    delete("orders")
    assert list_resource_servers() == ()
    assert (entries()[-1].action, entries()[-1].before) == (
        "api.delete",
        {"name": "Orders", "signing_alg": None},
    )


def test_of_many_who_delete_an_api_at_once_one_does(app):
    create("orders")
    outcomes = at_once(app, *[partial(delete, "orders")] * 10)
    assert len([outcome for outcome in outcomes if isinstance(outcome, NotFoundError)]) == 9
    assert len(entries()) == 2


def test_apis_are_listed_by_name(app):
    create("b", name="Alpha")
    create("a", name="Beta")
    assert [api.identifier for api in list_resource_servers()] == ["b", "a"]


# How its tokens are signed


def signing() -> list[str]:
    """The algorithms of the keys that sign, one for each key."""
    return [key.alg for key in list_signing_keys() if key.state(NOON) == "signing"]


def test_an_api_that_chooses_an_algorithm_gets_a_key_that_signs_with_it(app):
    create("orders", signing_alg="ES256")
    assert get().signing_alg == "ES256"
    assert signing() == ["ES256"]
    assert [entry.action for entry in entries()] == ["key.create", "api.create"]
    assert entries()[-1].after == {"name": "orders", "signing_alg": "ES256"}


def test_a_second_api_of_the_algorithm_shares_the_key(app):
    create("orders", signing_alg="ES256")
    create("stock", signing_alg="ES256")
    assert signing() == ["ES256"]


def test_an_edit_of_the_algorithm_is_recorded_and_nothing_else(app):
    create("orders", signing_alg="ES256")
    edit(name="", signing_alg="EdDSA")
    edit(name="", signing_alg=None)
    assert (get().signing_alg, get().version) == (None, 3)
    assert sorted(signing()) == ["ES256", "EdDSA"]
    changes = [(entry.before, entry.after) for entry in entries(action="api.edit")]
    assert changes == [
        ({"signing_alg": "ES256"}, {"signing_alg": "EdDSA"}),
        ({"signing_alg": "EdDSA"}, {"signing_alg": None}),
    ]


@pytest.mark.parametrize("signing_alg", ["", "HS256", "none", "es256", "RS512"])
def test_what_is_no_algorithm_on_offer_is_refused(app, signing_alg):
    create("orders")
    with unchanged(field="signing_alg"):
        create("stock", signing_alg=signing_alg)
    with unchanged(field="signing_alg"):
        edit(name="", signing_alg=signing_alg)


def test_an_act_that_is_refused_makes_no_key(app):
    create("orders")
    with unchanged(field="identifier"):
        create("Orders", signing_alg="ES256")
    with unchanged(field="name"):
        create("stock", name="a\nb", signing_alg="ES256")
    with unchanged(EditConflictError):
        edit(name="", signing_alg="ES256", version=7)
    with unchanged(NotFoundError):
        edit.func("stock", **edit.keywords | {"name": "", "signing_alg": "ES256"})


def test_the_api_of_a_new_scope_is_signed_for_as_the_server_does(app):
    scopes.create_scope("orders.read", apis=["orders"], actor=ADA, now=NOON)
    assert get().signing_alg is None
    assert signing() == []


def test_the_protocol_gets_a_snapshot_of_an_api(app):
    scopes.create_scope("orders.read", apis=["orders"], actor=ADA, now=NOON)
    edit(name="", signing_alg="ES256")
    with read() as session:
        api = load_resource_server_snapshot(session, "orders")
        assert load_resource_server_snapshot(session, "Orders") is None
    assert api is not None
    assert (api.identifier, api.signing_alg) == ("orders", "ES256")
    assert (api.scopes, api.secrets) == ({"orders.read"}, ())


def test_the_algorithms_of_all_apis_are_those_that_were_chosen(app):
    create("a")
    for identifier, alg in (("b", "ES256"), ("c", "ES256"), ("d", "EdDSA")):
        create(identifier, signing_alg=alg)
    with read() as session:
        assert load_api_algorithms(session) == {"ES256", "EdDSA"}


def test_of_a_deleted_api_no_use_is_remembered(app):
    create("orders")
    used("orders", at=NOON, outcome="introspection")
    refused("orders", at=NOON)
    delete("orders")
    assert counts_of("orders", since=NOON) == ()
    assert list_refused_requests(RefusedRequestFilter()).requests == ()
