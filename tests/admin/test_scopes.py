"""The pages of scopes, as an operator uses and misuses them."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.resource_servers import list_resource_servers
from signet.models.scopes import find_scope, list_scopes
from signet.operations.clients import ClientFacts, register_client
from signet.operations.scopes import create_scope, disable_scope, edit_scope
from signet.wiring import utc_now
from tests.admin.apis import edit_api, make_api
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST

API = "https://api.example.org"
#: U32: what would break out of text, of an attribute, of a template, of a line.
MARKUP = "\"><img src=x onerror=alert(1)></script>{{7*7777}}' 🦀"


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client)


def make_scope(name: str = "external-api", *apis: str, description: str = "") -> int:
    """The number of a new scope."""
    create_scope(name, apis=apis or [API], description=description, actor=TEST, now=utc_now())
    scope = find_scope(name)
    assert scope is not None
    return scope.number


def make_client(client_id: str, *scopes: str, name: str = "Billing export") -> None:
    register_client(
        ClientFacts(name=name), client_id=client_id, scopes=scopes, actor=TEST, now=utc_now()
    )


def test_without_a_scope_the_list_says_what_one_is_and_leads_to_the_form(desk):
    page = desk.open("/admin/scopes")
    assert "No scopes yet" in text_of(page)
    assert "/admin/scopes/new" in links_of(page.text, within="main")


def test_the_first_scope_is_made_together_with_its_api(desk):
    answer = desk.send("/admin/scopes/new", name="external-api", new_api=API)
    assert (answer.status_code, answer.location) == (303, "/admin/scopes")
    assert [(scope.name, scope.apis) for scope in list_scopes()] == [("external-api", (API,))]


def test_a_created_scope_is_announced_once_by_name(desk):
    desk.send("/admin/scopes/new", name="external-api", new_api=API)
    assert "Scope “external-api” was created." in text_of(desk.open("/admin/scopes"))
    assert "was created" not in text_of(desk.open("/admin/scopes"))


def test_while_there_is_no_api_its_identifier_is_asked_for(desk):
    page = desk.open("/admin/scopes/new")
    assert "API The identifier of the API" in text_of(page)
    assert 'name="apis"' not in page.text


def test_apis_that_there_are_can_be_ticked(desk):
    make_scope("orders.read", API, "urn:stock")
    desk.send("/admin/scopes/new", name="stock.read", apis=[API, "urn:stock"])
    scope = find_scope("stock.read")
    assert scope is not None and set(scope.apis) == {API, "urn:stock"}


def test_ticked_apis_and_a_new_one_go_together(desk):
    make_scope("orders.read", API)
    desk.send("/admin/scopes/new", name="stock.read", apis=API, new_api=" urn:stock ")
    scope = find_scope("stock.read")
    assert scope is not None and set(scope.apis) == {API, "urn:stock"}


def test_an_api_that_was_no_choice_is_not_made_by_ticking_it(desk):
    make_scope("orders.read", API)
    answer = desk.send("/admin/scopes/new", name="stock.read", apis=[API, "urn:gone"])
    assert answer.status_code == 422
    assert "A chosen API is not there any more" in text_of(answer)
    assert [api.identifier for api in list_resource_servers()] == [API]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"new_api": API}, "Enter a name for the scope"),
        ({"name": "   ", "new_api": API}, "Enter a name for the scope"),
        ({"name": "two words", "new_api": API}, "visible ASCII characters"),
        ({"name": "s" * 201, "new_api": API}, "up to 200"),
        ({"name": "nul\0", "new_api": API}, "visible ASCII characters"),
        ({"name": "a"}, "Enter the identifier of an API"),
        ({"name": "a", "new_api": "two words"}, "Use no space in the identifier"),
        ({"name": "a", "new_api": "nul\0"}, "Use only characters that can be seen"),
        ({"name": "a", "new_api": "a" * 201}, "Use at most 200 characters"),
        ({"name": "a", "new_api": API, "description": "d" * 501}, "Use at most 500 characters"),
        ({"name": "a", "new_api": API, "description": "a\u2028b"}, "characters that can be seen"),
        ({"name": "a", "new_api": API, "description": "\u202eb"}, "characters that can be seen"),
    ],
)
def test_a_mistake_comes_back_with_its_message_and_changes_nothing(desk, fields, message):
    answer = desk.send("/admin/scopes/new", **fields)
    assert answer.status_code == 422
    assert text_of(answer).count(message) == 2, "in the summary and at the field"
    assert list_scopes() == ()


def test_a_mistake_comes_back_with_what_was_typed(desk):
    answer = desk.send("/admin/scopes/new", name="two words", description="Read", new_api=API)
    typed = {
        e.attributes.get("name"): e.attributes.get("value") for e in read(answer.text).all("input")
    }
    assert (typed["name"], typed["description"], typed["new_api"]) == ("two words", "Read", API)


def test_all_mistakes_are_told_at_once(desk):
    text = text_of(desk.send("/admin/scopes/new", name="two words", new_api="two words"))
    assert "visible ASCII characters" in text and "Use no space in the identifier" in text


def test_a_scope_needs_an_api(desk):
    make_scope()
    answer = desk.send("/admin/scopes/new", name="stock.read")
    assert answer.status_code == 422
    assert "Select at least one API for the scope" in text_of(answer)


def test_a_taken_name_is_refused_at_its_field(desk):
    make_scope()
    answer = desk.send("/admin/scopes/new", name="external-api", apis=API)
    assert answer.status_code == 422
    assert "There is a scope “external-api” already" in text_of(answer)


def test_an_identifier_that_a_client_has_is_refused_at_the_field_of_the_new_api(desk):
    make_scope()
    make_client("billing-export")
    answer = desk.send("/admin/scopes/new", name="stock.read", new_api="Billing-Export")
    assert answer.status_code == 422
    assert 'href="#new_api"' in answer.text
    assert "This identifier is taken" in text_of(answer)


def test_scopes_stand_below_each_api_that_owns_them(desk):
    make_scope("orders.read", API, "urn:stock")
    make_scope("stock.read", "urn:stock")
    text = text_of(desk.open("/admin/scopes"))
    first, second = text.split(f"Audience {API}")[1].split("Audience urn:stock")
    assert "orders.read" in first and "stock.read" not in first
    assert "orders.read" in second and "stock.read" in second


def test_the_number_of_clients_leads_to_them(desk):
    make_scope()
    make_client("billing-export", "external-api")
    page = desk.open("/admin/scopes")
    assert "/admin/clients?scope=external-api" in links_of(page.text, within="main")


def test_a_description_and_the_owning_apis_can_be_changed(desk):
    number = make_scope()
    make_api(identifier="urn:stock")
    answer = desk.send(
        f"/admin/scopes/{number}/edit", description="Read", apis=[API, "urn:stock"], version="1"
    )
    assert (answer.status_code, answer.location) == (303, f"/admin/scopes/{number}")
    scope = find_scope("external-api")
    assert scope is not None
    assert (scope.description, set(scope.apis)) == ("Read", {API, "urn:stock"})


def test_u31_the_second_of_two_editors_sees_both_versions_and_overwrites_nothing(desk):
    number = make_scope(description="Old")
    edit_scope("external-api", description="Theirs", apis=[API], actor=TEST, now=utc_now())
    answer = desk.send(f"/admin/scopes/{number}/edit", description="Mine", apis=API, version="1")
    assert answer.status_code == 409
    assert "Saved now Typed by you Description Theirs Mine" in text_of(answer)
    scope = find_scope("external-api")
    assert scope is not None and scope.description == "Theirs"


def test_u31_who_has_seen_both_versions_can_save_over_the_other(desk):
    number = make_scope(description="Old")
    edit_scope("external-api", description="Theirs", apis=[API], actor=TEST, now=utc_now())
    path = f"/admin/scopes/{number}/edit"
    conflict = desk.send(path, description="Mine", apis=API, version="1")
    version = next(
        element.attributes["value"]
        for element in read(conflict.text).all("input")
        if element.attributes.get("name") == "version"
    )
    assert desk.send(path, description="Mine", apis=API, version=version).status_code == 303
    scope = find_scope("external-api")
    assert scope is not None and scope.description == "Mine"


@pytest.mark.parametrize("version", ["", "x", "-1", "9" * 40, "1\n"])
def test_a_version_that_is_none_is_refused(desk, version):
    number = make_scope()
    answer = desk.send(
        f"/admin/scopes/{number}/edit", description="Mine", apis=API, version=version
    )
    assert answer.status_code == 422
    assert "Reload the page and try again" in text_of(answer)


def test_u29_a_form_cannot_change_what_it_has_no_field_for(desk):
    number = make_scope()
    desk.send(
        f"/admin/scopes/{number}/edit",
        description="Read",
        apis=API,
        version="1",
        name="other",
        id="77",
        enabled="",
        created_at="2000-01-01",
        client_count="5",
    )
    scope = find_scope("external-api")
    assert scope is not None
    assert (scope.number, scope.enabled, scope.version) == (number, True, 2)
    assert [scope.name for scope in list_scopes()] == ["external-api"]


def test_u30_a_field_that_stands_twice_is_refused(desk):
    answer = desk.send("/admin/scopes/new", name=["external-api", "other"], new_api=API)
    assert answer.status_code == 400
    assert list_scopes() == ()


def test_a_disabled_scope_can_be_enabled_again(desk):
    number = make_scope()
    desk.send(f"/admin/scopes/{number}/disable")
    page = text_of(desk.open(f"/admin/scopes/{number}"))
    assert "Scope “external-api” was disabled." in page
    assert "Disabled" in page and "Enable scope" in page
    desk.send(f"/admin/scopes/{number}/enable")
    scope = find_scope("external-api")
    assert scope is not None and scope.enabled


def test_looking_at_the_address_of_an_act_does_not_do_it(desk):
    number = make_scope()
    assert desk.open(f"/admin/scopes/{number}/disable").status_code == 405
    scope = find_scope("external-api")
    assert scope is not None and scope.enabled


def test_deleting_asks_first(desk):
    number = make_scope()
    page = desk.open(f"/admin/scopes/{number}/delete")
    assert "Delete “external-api”?" in text_of(page)
    assert find_scope("external-api") is not None


def test_a_scope_that_nobody_has_is_deleted(desk):
    number = make_scope()
    answer = desk.send(f"/admin/scopes/{number}/delete")
    assert (answer.status_code, answer.location) == (303, "/admin/scopes")
    assert find_scope("external-api") is None


def test_a_scope_in_use_is_not_deleted_and_its_clients_are_named(desk):
    number = make_scope()
    make_client("billing-export", "external-api")
    answer = desk.send(f"/admin/scopes/{number}/delete")
    assert answer.status_code == 409
    assert "Nothing was changed" in text_of(answer)
    assert "Billing export billing-export" in text_of(answer)
    assert "/admin/clients/billing-export/scopes" in links_of(answer.text, within="main")
    assert find_scope("external-api") is not None


def test_whoever_asks_to_delete_a_scope_in_use_is_told_before(desk):
    number = make_scope()
    make_client("billing-export", "external-api")
    page = desk.open(f"/admin/scopes/{number}/delete")
    assert "“external-api” is in use" in text_of(page)
    assert read(page.text).all("form", within="main") == []


def test_of_many_clients_some_are_named_and_all_are_linked(desk):
    number = make_scope()
    for index in range(22):
        make_client(f"client-{index:02}", "external-api")
    page = desk.open(f"/admin/scopes/{number}/delete")
    assert text_of(page).count("client-") == 20
    assert "All 22 clients" in text_of(page)


@pytest.mark.parametrize("number", ["0", "99", "2147483647", "2147483648", "9" * 30, "-1", "x"])
@pytest.mark.parametrize("act", ["", "/edit", "/delete"])
def test_a_scope_that_is_not_there_is_not_found(house, number, act):
    assert house.people["operator"].get(f"/admin/scopes/{number}{act}").status_code == 404


@pytest.mark.parametrize("act", ["edit", "disable", "enable", "delete"])
def test_nothing_is_done_to_a_scope_that_is_not_there(desk, act):
    assert desk.send(f"/admin/scopes/99/{act}").status_code == 404


def test_u32_markup_in_names_is_text_on_every_page(desk):
    api = MARKUP.replace(" ", "")
    number = make_scope("<b>'&amp;{{7*7777}}", api, description=MARKUP)
    edit_api(MARKUP, api)
    for path in ("", "/new", f"/{number}", f"/{number}/edit", f"/{number}/delete"):
        page = desk.open(f"/admin/scopes{path}")
        assert page.status_code == 200
        assert (read(page.text).all("img"), read(page.text).all("b")) == ([], [])
        assert "54439" not in page.text
        assert len(read(page.text).all("script")) == 1


def test_a_viewer_sees_scopes_without_a_way_to_change_them(app, client):
    desk = sit_down(app, client, "viewer")
    number = make_scope()
    disable_scope("external-api", actor=TEST, now=utc_now())
    for path in ("/admin/scopes", f"/admin/scopes/{number}"):
        page = desk.open(path)
        assert "external-api" in text_of(page)
        assert read(page.text).all("form", within="main") == []
        assert not [link for link in links_of(page.text) if re.search("new|edit|delete", link)]


def test_every_act_of_the_pages_is_in_the_log_with_who_and_from_where(desk):
    """U38."""
    desk.send("/admin/scopes/new", name="external-api", new_api=API)
    entry = list_entries(AuditFilter(action="scope.create")).entries[0]
    assert (entry.actor, entry.address) == ("operator@example.org", "127.0.0.1")
    assert entry.request_id
