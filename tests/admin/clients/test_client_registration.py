"""Registering a client in the browser."""

import re
from datetime import timedelta

import pytest

from signet.models.audit_log import count_entries, list_entries
from signet.models.audit_query import AuditFilter
from tests.admin.apis import make_api
from tests.admin.clients.steps import (
    get_client,
    make_client,
    make_scope,
    send_new,
    value_in,
)
from tests.admin.desk import text_of
from tests.admin.pages import read


def test_a_new_client_is_registered_with_what_was_typed(desk):
    make_scope("external-api")
    make_scope("orders.read")
    send_new(
        desk,
        name=" Billing export ",
        client_id=" billing-export ",
        scopes=["external-api", "orders.read"],
        expires_in="90d",
        access_token_lifetime="1,800",
        description="Nightly.\r\nOn the ERP host.",
        contact="ERP team",
    )
    client = get_client()
    assert (client.name, client.contact) == ("Billing export", "ERP team")
    assert client.description == "Nightly.\nOn the ERP host."
    assert client.scopes == ("external-api", "orders.read")
    assert client.access_token_lifetime == timedelta(minutes=30)
    assert client.secrets[0].expires_at == client.created_at + timedelta(days=90)
    assert client.created_by == "operator@example.org"


def test_without_a_client_id_one_is_made(desk):
    answer = send_new(desk, client_id="")
    assert answer.status_code == 200
    (entry,) = list_entries(AuditFilter(action="client.create")).entries
    assert re.fullmatch("[A-Za-z0-9]{20}", entry.object.id)
    assert entry.object.id in text_of(answer)


@pytest.mark.parametrize(
    ("choice", "days"), [("90d", 90), ("180d", 180), ("365d", 365), ("never", None)]
)
def test_the_first_secret_lives_as_long_as_chosen(desk, choice, days):
    send_new(desk, client_id="billing-export", expires_in=choice)
    client = get_client()
    expected = client.created_at + timedelta(days=days) if days else None
    assert client.secrets[0].expires_at == expected


def test_a_secret_for_one_year_and_plain_tokens_are_preselected(sqlite_desk):
    chosen = [
        element.attributes["value"]
        for element in read(sqlite_desk.open("/admin/clients/new").text).all("input")
        if element.attributes.get("type") == "radio" and "checked" in element.attributes
    ]
    assert [c for c in chosen if c not in ("inline", "discovery")] == [
        "client_secret_basic",
        "365d",
        "jwt",
    ]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"name": ""}, "Enter a name for the client"),
        ({"name": " \t "}, "Enter a name for the client"),
        ({"name": "x" * 101}, "Use at most 100 characters for the name"),
        ({"client_id": "ab"}, "Use 3 to 100 letters, digits, “.”, “_” and “-” for the client ID"),
        ({"client_id": "a b c"}, "Use 3 to 100 letters, digits"),
        ({"client_id": "a/../b"}, "Use 3 to 100 letters, digits"),
        ({"client_id": "äöü"}, "Use 3 to 100 letters, digits"),
        ({"client_id": "x" * 101}, "Use 3 to 100 letters, digits"),
        ({"client_id": "abc\0"}, "Use 3 to 100 letters, digits"),
        ({"client_id": "new"}, "“new” cannot be a client ID: choose another"),
        ({"scopes": ["nothing"]}, "A chosen scope is not there any more"),
        ({"scopes": ["a\0b"]}, "A chosen scope is not there any more"),
        ({"expires_in": "forever"}, "Choose when the secret expires"),
        ({"access_token_lifetime": "59"}, "Choose a token lifetime from 60 to 86,400 seconds"),
        ({"access_token_lifetime": "86401"}, "Choose a token lifetime from 60 to 86,400 seconds"),
        ({"access_token_lifetime": "9" * 5000}, "Enter the token lifetime as a number of seconds"),
        ({"access_token_lifetime": ""}, "Enter the token lifetime as a number of seconds"),
        ({"access_token_lifetime": "1 hour"}, "Enter the token lifetime as a number of seconds"),
        ({"description": "x" * 2001}, "Use at most 2,000 characters for the description"),
        ({"contact": "x" * 201}, "Use at most 200 characters for the contact"),
    ],
)
def test_a_mistake_in_the_form_is_said_at_the_field_and_above(sqlite_desk, fields, message):
    entries = count_entries()
    answer = send_new(sqlite_desk, **fields)
    assert answer.status_code == 422
    assert text_of(answer).count(message) == 2
    assert count_entries() == entries


def test_a_form_with_a_mistake_comes_back_with_what_was_typed(desk):
    make_scope()
    answer = send_new(
        desk, name="", client_id="billing", scopes="external-api", expires_in="never", contact="ERP"
    )
    inputs = [element.attributes for element in read(answer.text).all("input")]
    assert {"billing", "ERP"} <= {i.get("value") for i in inputs}
    assert {"external-api", "never"} <= {i["value"] for i in inputs if "checked" in i}


@pytest.mark.parametrize("taken", ["billing-export", "BILLING-export", "urn:api"])
def test_a_client_id_that_a_client_or_an_api_has_is_refused(desk, taken):
    make_client("billing-export")
    make_api(identifier="the-api")
    answer = send_new(desk, client_id=taken.replace("urn:api", "the-api"))
    assert answer.status_code == 422
    assert "This client ID is taken, by a client or an API: choose another" in text_of(answer)


def test_a_refused_form_can_be_sent_again_from_where_back_leads(desk):
    make_client("billing-export")
    number = value_in(desk.open("/admin/clients/new"), "form_number")
    refused = send_new(desk, client_id="billing-export", form_number=number)
    assert refused.status_code == 422
    assert send_new(desk, client_id="other", form_number=number).status_code == 200


def test_u29_nothing_but_the_fields_of_the_form_is_taken(desk):
    answer = send_new(
        desk,
        client_id="billing-export",
        is_admin="1",
        id="99",
        secret_id="chosen",
        client_secret="signet_chosen",
        digest="v1:0",
        secret_hash="v1:0",
        hint="0000",
        enabled="",
        version="7",
        created_at="2001-01-01",
        created_by="mallory",
        role="administrator",
        grant_types="implicit",
    )
    client = get_client()
    assert "signet_chosen" not in answer.text
    assert (client.enabled, client.version, client.created_by) == (
        True,
        1,
        "operator@example.org",
    )
    assert client.token_endpoint_auth_method == "client_secret_basic"
    assert client.secrets[0].secret_id != "chosen"
    assert client.created_at.year > 2001
