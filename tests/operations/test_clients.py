"""Registering, editing, switching and deleting clients."""

from datetime import timedelta
from functools import partial

import pytest

from signet.models.audit_log import verify_chain
from signet.models.clients import find_client
from signet.models.refused_requests import RefusedRequestFilter, list_refused_requests
from signet.models.usage import counts_of, find_uses
from signet.operations import clients, resource_servers, scopes
from signet.operations.client_facts import ClientFacts
from signet.operations.errors import EditConflictError, NotFoundError, OperationError
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
from tests.usage import refused, used

FACTS = ClientFacts(
    name="Billing export",
    description="Sends invoices.\nNightly.",
    contact="billing@example.org",
    access_token_lifetime=timedelta(minutes=5),
)

edit = partial(clients.edit_client, "billing", actor=ADA, now=NOON)


def get(client_id: str = "billing"):
    client = find_client(client_id)
    assert client is not None
    return client


# Registering


def test_a_client_is_registered_with_all_that_was_said(app):
    issued = clients.register_client(
        FACTS, client_id="billing", scopes=[make_scope()], actor=ADA, now=NOON
    )
    client = get()
    assert (client.client_id, client.name, client.contact, client.enabled) == (
        "billing",
        "Billing export",
        "billing@example.org",
        True,
    )
    assert client.description == "Sends invoices.\nNightly."
    assert client.access_token_lifetime == timedelta(minutes=5)
    assert (client.created_at, client.created_by, client.version) == (NOON, ADA.name, 1)
    assert client.scopes == issued.scopes == ("external-api",)
    assert [secret.secret_id for secret in client.secrets] == [issued.secret_id]


def test_a_registration_is_recorded_without_the_secret(app):
    issued = clients.register_client(FACTS, client_id="billing", actor=ADA, now=NOON)
    (entry,) = entries()
    assert (entry.action, entry.object.type, entry.object.id, entry.object.name, entry.actor) == (
        "client.create",
        "client",
        "billing",
        "Billing export",
        ADA.name,
    )
    assert entry.before == {}
    assert entry.after["secret"]["secret_id"] == issued.secret_id
    assert entry.after["scope"] == ""
    assert issued.client_secret not in str(entry)
    assert issued.client_secret not in repr(issued)


def test_a_client_id_is_generated_when_none_is_chosen(app):
    ids = {clients.register_client(FACTS, actor=ADA, now=NOON).client_id for _ in range(3)}
    assert len(ids) == 3
    assert all(len(client_id) == 20 and client_id.isalnum() for client_id in ids)


def test_texts_are_stored_without_spaces_around_them(app):
    facts = ClientFacts(name="  Billing ", description="\n a\r\nb \n", contact=" me ")
    clients.register_client(facts, client_id="billing", actor=ADA, now=NOON)
    assert (get().name, get().description, get().contact) == ("Billing", "a\nb", "me")


@on_sqlite
@pytest.mark.parametrize("client_id", ["abc", "A.b_c-9", "x" * 100, "..."])
def test_a_client_id_of_the_allowed_form_is_taken_as_it_is(app, client_id):
    assert register(client_id).client_id == client_id
    assert get(client_id).client_id == client_id


@on_sqlite
@pytest.mark.parametrize(
    "client_id",
    [
        "ab",
        "x" * 101,
        "a b",
        "a/b",
        "café",
        "abc\n",
        "abc\0",
        " abc",
        "a:b",
        "\u0661\u0662\u0663",
        "new",
        "NEW",
    ],
)
def test_any_other_client_id_is_refused(app, client_id):
    with unchanged(field="client_id"):
        register(client_id)


@pytest.mark.parametrize("taken", ["billing", "Billing", "BILLING"])
def test_a_client_id_is_taken_whatever_its_case(app, taken):
    register("billing")
    with unchanged(field="client_id"):
        register(taken)


@pytest.mark.parametrize("identifier", ["orders", "Orders"])
def test_a_client_id_may_not_be_the_identifier_of_an_api(app, identifier):
    resource_servers.create_resource_server(identifier, encryption=ENCRYPTION, actor=ADA, now=NOON)
    with unchanged(field="client_id"):
        register("orders")


def test_a_client_id_is_free_again_once_its_client_is_deleted(app):
    register("billing")
    clients.delete_client("billing", actor=ADA, now=NOON)
    register("Billing")
    assert find_client("billing") is None
    assert get("Billing").name == "Billing"


@on_sqlite
@pytest.mark.parametrize(
    ("facts", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "\u200b\u200b"}, "name"),
        ({"name": "x" * 101}, "name"),
        ({"name": "a\nb"}, "name"),
        ({"name": "a\0b"}, "name"),
        ({"name": "a\x1b[31mb"}, "name"),
        ({"name": "a\u202eb"}, "name"),
        ({"name": "a\u2028b"}, "name"),
        ({"name": "a\ud800b"}, "name"),
        ({"description": "x" * 2_001}, "description"),
        ({"description": "a\0b"}, "description"),
        ({"contact": "x" * 201}, "contact"),
        ({"contact": "a\rb"}, "contact"),
        ({"access_token_lifetime": timedelta(seconds=59)}, "access_token_lifetime"),
        ({"access_token_lifetime": timedelta(days=1, seconds=1)}, "access_token_lifetime"),
        ({"access_token_lifetime": timedelta(seconds=60.5)}, "access_token_lifetime"),
        ({"access_token_lifetime": timedelta(seconds=-3600)}, "access_token_lifetime"),
    ],
)
def test_what_cannot_be_stored_or_shown_is_refused_on_create_and_edit(app, facts, field):
    """One set of rules for both (SECURITY C14)."""
    register()
    bad = ClientFacts(**{"name": "Export"} | facts)
    with unchanged(field=field):
        clients.register_client(bad, client_id="other", actor=ADA, now=NOON)
    with unchanged(field=field):
        edit(bad)


@pytest.mark.parametrize("seconds", [60, 86_400])
def test_the_shortest_and_the_longest_lifetime_are_taken(app, seconds):
    register()
    edit(ClientFacts(name="x", access_token_lifetime=timedelta(seconds=seconds)))
    assert get().access_token_lifetime == timedelta(seconds=seconds)


@pytest.mark.parametrize("days", [0, -1, 3_651])
def test_a_first_secret_of_an_odd_life_is_refused(app, days):
    with unchanged(field="expires_in"):
        clients.register_client(FACTS, secret_expires_in=timedelta(days=days), actor=ADA, now=NOON)


def test_an_unknown_scope_is_refused(app):
    make_scope()
    with unchanged(field="scopes"):
        register(scopes=["external-api", "nothing"])


def test_of_many_who_want_one_client_id_one_gets_it(app):
    ids = [f"{'bB'[number % 2]}illing" for number in range(20)]
    outcomes = at_once(app, *[partial(register, client_id) for client_id in ids])
    refusals = [outcome for outcome in outcomes if isinstance(outcome, OperationError)]
    assert len(refusals) == 19
    assert {refusal.field for refusal in refusals} == {"client_id"}
    assert [entry.number for entry in entries()] == [1]
    assert verify_chain().count == 1


def test_many_clients_registered_at_once_are_all_there(app):
    outcomes = at_once(app, *[partial(register, f"client-{number}") for number in range(20)])
    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
    assert [entry.number for entry in entries()] == list(range(1, 21))
    assert verify_chain().broken_at is None


# Editing


def test_an_edit_changes_what_is_said_and_records_only_what_changed(app):
    register()
    edit(ClientFacts(name="Billing", contact="me@example.org"))
    assert (get().contact, get().version) == ("me@example.org", 2)
    entry = entries()[-1]
    assert entry.action == "client.edit"
    assert (entry.before, entry.after) == ({"contact": ""}, {"contact": "me@example.org"})


def test_an_edit_that_changes_nothing_is_no_act(app):
    register()
    edit(ClientFacts(name=" Billing "))
    assert get().version == 1
    assert len(entries()) == 1


def test_an_edit_may_set_the_scopes_too(app):
    register(scopes=[make_scope("one")])
    edit(ClientFacts(name="Billing"), scopes=[make_scope("two")])
    assert get().scopes == ("two",)
    assert entries()[-1].after == {"scope": "two"}


def test_of_two_editors_the_second_is_told_of_the_first(app):
    """SECURITY U31."""
    register()
    seen = get().version
    edit(ClientFacts(name="First"), version=seen)
    with unchanged(EditConflictError):
        edit(ClientFacts(name="Second"), version=seen)
    assert get().name == "First"


def test_of_many_editors_at_once_one_is_heard(app):
    register()
    outcomes = at_once(
        app, *[partial(edit, ClientFacts(name=f"Name {n}"), version=1) for n in range(10)]
    )
    assert len([outcome for outcome in outcomes if isinstance(outcome, EditConflictError)]) == 9
    assert get().version == 2
    assert len(entries()) == 2


def test_an_editor_is_told_of_a_change_of_scopes_or_state_too(app):
    register()
    seen = get().version
    clients.set_scopes("billing", [make_scope()], actor=ADA, now=NOON)
    with unchanged(EditConflictError):
        edit(ClientFacts(name="Second"), version=seen)


@pytest.mark.parametrize(
    "act",
    [
        partial(clients.edit_client, "nobody", FACTS),
        partial(clients.edit_client, "Billing", FACTS),
        partial(clients.enable_client, "nobody"),
        partial(clients.disable_client, "nobody"),
        partial(clients.delete_client, "nobody"),
        partial(clients.set_scopes, "nobody", []),
        partial(clients.assign_scope, "nobody", "external-api"),
        partial(clients.remove_scope, "nobody", "external-api"),
        partial(clients.remove_scope, "billing", "external-api"),
    ],
    ids=lambda act: f"{act.func.__name__} {act.args[0]}",
)
def test_what_is_not_there_is_not_found(app, act):
    register()
    make_scope()
    with unchanged(NotFoundError):
        act(actor=ADA, now=NOON)


# Scopes


def test_scopes_are_assigned_and_removed_one_by_one_or_all_at_once(app):
    register()
    for name in ("one", "two", "three"):
        make_scope(name)
    clients.set_scopes("billing", ["two", "one"], actor=ADA, now=NOON)
    assert get().scopes == ("one", "two")
    clients.assign_scope("billing", "three", actor=ADA, now=NOON)
    clients.remove_scope("billing", "one", actor=ADA, now=NOON)
    assert get().scopes == ("three", "two")
    entry = entries()[-1]
    assert entry.action == "client.set_scopes"
    assert (entry.before, entry.after) == ({"scope": "one three two"}, {"scope": "three two"})


def test_assigning_a_scope_again_is_no_act(app):
    register(scopes=[make_scope()])
    count = len(entries())
    clients.assign_scope("billing", "external-api", actor=ADA, now=NOON)
    assert len(entries()) == count


@pytest.mark.parametrize("name", ["nothing", "External-Api", ""])
def test_a_scope_that_is_not_there_cannot_be_assigned(app, name):
    register()
    make_scope()
    with unchanged(field="scopes"):
        clients.assign_scope("billing", name, actor=ADA, now=NOON)
    with unchanged(field="scopes"):
        clients.set_scopes("billing", [name], actor=ADA, now=NOON)


def test_a_disabled_scope_can_be_assigned_and_is_not_granted(app):
    make_scope()
    scopes.disable_scope("external-api", actor=ADA, now=NOON)
    register(scopes=["external-api"])
    assert get().scopes == ("external-api",)


# Enabling, disabling, deleting


def test_a_client_is_disabled_and_enabled_again_with_all_it_has(app):
    issued = register(scopes=[make_scope()])
    before = get()
    clients.disable_client("billing", actor=ADA, now=NOON)
    assert not get().enabled
    clients.enable_client("billing", actor=ADA, now=NOON)
    after = get()
    assert (after.enabled, after.scopes, after.secrets) == (True, before.scopes, before.secrets)
    assert [entry.action for entry in entries()][-2:] == ["client.disable", "client.enable"]
    assert (entries()[-1].before, entries()[-1].after) == ({"enabled": False}, {"enabled": True})
    assert issued.secret_id == after.secrets[0].secret_id


def test_disabling_again_is_no_act(app):
    register()
    clients.disable_client("billing", actor=ADA, now=NOON)
    count = len(entries())
    clients.disable_client("billing", actor=ADA, now=NOON)
    assert len(entries()) == count


def test_a_deleted_client_is_gone_with_its_secrets_and_its_name_stays_in_the_log(app):
    register(scopes=[make_scope()])
    clients.delete_client("billing", actor=ADA, now=NOON)
    assert find_client("billing") is None
    entry = entries()[-1]
    assert (entry.action, entry.object.id, entry.after) == ("client.delete", "billing", {})
    assert entry.before["scope"] == "external-api"


def test_of_a_deleted_client_no_use_is_remembered(app):
    for client_id in ("billing", "reporting"):
        register(client_id)
        used(client_id, at=NOON)
        refused(client_id, at=NOON)
    clients.delete_client("billing", actor=ADA, now=NOON)
    assert {c.outcome for c in counts_of("reporting", since=NOON)} == {"token", "wrong_secret"}
    assert counts_of("billing", since=NOON) == ()
    assert find_uses(["billing"]) == {"billing": {}}
    kept = list_refused_requests(RefusedRequestFilter()).requests
    assert [request.client_id for request in kept] == ["reporting"]


def test_of_many_who_delete_a_client_one_does(app):
    register()
    delete = partial(clients.delete_client, "billing", actor=ADA, now=NOON)
    outcomes = at_once(app, *[delete] * 10)
    assert len([outcome for outcome in outcomes if isinstance(outcome, NotFoundError)]) == 9
    assert [entry.action for entry in entries()] == ["client.create", "client.delete"]
