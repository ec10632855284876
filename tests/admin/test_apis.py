"""The pages of APIs, as an operator uses and misuses them."""

import re

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.resource_servers import find_resource_server, list_resource_servers
from signet.operations.clients import ClientFacts, register_client
from signet.operations.resource_server_secrets import create_secret
from signet.operations.scopes import create_scope
from signet.wiring import utc_now
from tests.admin.apis import API, edit_api, get_api, make_api
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client)


@pytest.fixture
def administrator(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client, role="administrator")


def test_without_an_api_the_list_says_what_one_is_and_leads_to_the_form(desk):
    page = desk.open("/admin/apis")
    assert "No APIs yet" in text_of(page)
    assert "/admin/apis/new" in links_of(page.text, within="main")


def test_an_api_is_made_with_identifier_and_name(desk):
    answer = desk.send("/admin/apis/new", identifier=f" {API} ", name=" Partner API ")
    assert (answer.status_code, answer.location) == (303, "/admin/apis")
    assert [(api.identifier, api.name) for api in list_resource_servers()] == [(API, "Partner API")]
    assert "API “Partner API” was created." in text_of(desk.open("/admin/apis"))


def test_an_api_without_a_name_is_called_by_its_identifier(desk):
    desk.send("/admin/apis/new", identifier=API)
    assert f"API “{API}” was created." in text_of(desk.open("/admin/apis"))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({}, "Enter an identifier for the API"),
        ({"identifier": "  "}, "Enter an identifier for the API"),
        ({"identifier": "two words"}, "Use no space in the identifier"),
        ({"identifier": "nul\0"}, "Use only characters that can be seen"),
        ({"identifier": "a" * 201}, "Use at most 200 characters"),
        ({"identifier": API, "name": "n" * 101}, "Use at most 100 characters"),
        ({"identifier": API, "name": "\u202egnp.exe"}, "Use only characters that can be seen"),
    ],
)
def test_a_mistake_comes_back_with_its_message_and_changes_nothing(desk, fields, message):
    answer = desk.send("/admin/apis/new", **fields)
    assert answer.status_code == 422
    assert text_of(answer).count(message) == 2, "in the summary and at the field"
    assert list_resource_servers() == ()


def test_a_taken_identifier_is_refused_by_no_case(desk):
    register_client(ClientFacts(name="A"), client_id="billing-export", actor=TEST, now=utc_now())
    answer = desk.send("/admin/apis/new", identifier="Billing-Export")
    assert answer.status_code == 422
    assert "This identifier is taken, by an API or a client" in text_of(answer)


def test_an_api_says_what_it_takes_to_check_a_token(desk):
    number = make_api()
    page = text_of(desk.open(f"/admin/apis/{number}"))
    assert "Issuer http://localhost:8000" in page
    assert f"Audience {API}" in page
    assert "Key set http://localhost:8000/.well-known/openid-configuration/jwks" in page
    assert "RS256 and at+jwt" in page


def test_an_api_leads_to_its_scopes(desk):
    number = make_api("Partner API")
    create_scope("external-api", apis=[API], actor=TEST, now=utc_now())
    create_scope("other", apis=["urn:stock"], actor=TEST, now=utc_now())
    page = desk.open(f"/admin/apis/{number}")
    assert "external-api" in text_of(page)
    assert "other" not in text_of(page)


def test_an_api_without_a_scope_says_what_follows(desk):
    number = make_api()
    page = text_of(desk.open(f"/admin/apis/{number}"))
    assert "This API owns no scope, so no token is for it." in page


def test_an_api_can_be_renamed(desk):
    number = make_api()
    answer = desk.send(f"/admin/apis/{number}/edit", name="Partner API", version="1")
    assert (answer.status_code, answer.location) == (303, f"/admin/apis/{number}")
    assert get_api().name == "Partner API"


def test_u31_the_second_of_two_editors_sees_both_names_and_overwrites_nothing(desk):
    number = make_api("Old")
    edit_api("Theirs")
    answer = desk.send(f"/admin/apis/{number}/edit", name="Mine", version="1")
    assert answer.status_code == 409
    assert "Saved now Typed by you Name Theirs Mine" in text_of(answer)
    assert get_api().name == "Theirs"


def test_u29_a_form_cannot_change_what_it_has_no_field_for(desk):
    number = make_api()
    desk.send(
        f"/admin/apis/{number}/edit",
        name="Partner API",
        version="1",
        identifier="urn:other",
        id="77",
        created_at="2000-01-01",
    )
    api = get_api()
    assert (api.number, api.version, api.created_at.year > 2000) == (number, 2, True)


def test_deleting_asks_first(desk):
    number = make_api("Partner API")
    assert "Delete “Partner API”?" in text_of(desk.open(f"/admin/apis/{number}/delete"))
    assert find_resource_server(API) is not None


def test_an_api_that_owns_nothing_is_deleted(desk):
    number = make_api()
    answer = desk.send(f"/admin/apis/{number}/delete")
    assert (answer.status_code, answer.location) == (303, "/admin/apis")
    assert list_resource_servers() == ()


def test_an_api_that_owns_scopes_is_not_deleted_and_they_are_named(desk):
    number = make_api()
    create_scope("external-api", apis=[API], actor=TEST, now=utc_now())
    answer = desk.send(f"/admin/apis/{number}/delete")
    assert answer.status_code == 409
    assert "Nothing was changed" in text_of(answer)
    assert "/admin/scopes/1" in links_of(answer.text, within="main")
    assert find_resource_server(API) is not None


def test_whoever_asks_to_delete_an_api_with_scopes_is_told_before(desk):
    number = make_api()
    create_scope("external-api", apis=[API], actor=TEST, now=utc_now())
    page = desk.open(f"/admin/apis/{number}/delete")
    assert "is in use" in text_of(page)
    assert read(page.text).all("form", within="main") == []


def test_deleting_an_api_says_that_its_secrets_stop_working(desk):
    number = make_api()
    assert "secret" not in text_of(desk.open(f"/admin/apis/{number}/delete"))
    create_secret(API, actor=TEST, now=utc_now())
    page = text_of(desk.open(f"/admin/apis/{number}/delete"))
    assert "Its secret stops working at once" in page


# How its tokens are signed


def test_an_administrator_chooses_how_the_tokens_of_an_api_are_signed(administrator):
    answer = administrator.send("/admin/apis/new", identifier=API, signing_alg="EdDSA")
    assert answer.status_code == 303
    assert get_api().signing_alg == "EdDSA"
    page = text_of(administrator.open("/admin/apis/1"))
    assert "Signing algorithm EdDSA" in page
    assert "EdDSA and at+jwt" in page


def test_an_api_is_signed_for_as_the_server_does_unless_it_chooses(administrator):
    form = administrator.open("/admin/apis/new")
    assert re.search(r'<select [^>]*><option value="default">Default \(RS256\)<', form.text)
    administrator.send("/admin/apis/new", identifier=API, signing_alg="default")
    assert get_api().signing_alg is None
    assert "Signing algorithm Default (RS256)" in text_of(administrator.open("/admin/apis/1"))


def test_an_edit_shows_and_changes_how_tokens_are_signed(administrator):
    number = make_api()
    edit_api("Partner API", signing_alg="EdDSA")
    form = administrator.open(f"/admin/apis/{number}/edit")
    assert '<option selected value="EdDSA">EdDSA</option>' in form.text
    administrator.send(
        f"/admin/apis/{number}/edit", name="Partner API", signing_alg="default", version="2"
    )
    assert (get_api().signing_alg, get_api().version) == (None, 3)


@pytest.mark.parametrize("path", ["/admin/apis/new", "/admin/apis/1/edit"])
@pytest.mark.parametrize("signing_alg", ["HS256", "none", "", "es256", "a\0b", None])
def test_what_is_no_algorithm_is_refused_at_the_field(sqlite_house, path, signing_alg):
    before = sqlite_house.contents()
    desk = Desk(sqlite_house.people["administrator"])
    answer = desk.send(path, identifier="urn:stock", version="1", signing_alg=signing_alg)
    assert answer.status_code == 422
    assert text_of(answer).count("Choose how its tokens are signed") == 2
    assert sqlite_house.contents() == before


def test_u31_two_editors_see_both_algorithms(administrator):
    number = make_api("Partner API")
    edit_api("Partner API", signing_alg="EdDSA")
    answer = administrator.send(
        f"/admin/apis/{number}/edit", name="Partner API", signing_alg="ES256", version="1"
    )
    assert answer.status_code == 409
    assert "Signing algorithm EdDSA ES256" in text_of(answer)
    assert get_api().signing_alg == "EdDSA"


@pytest.mark.parametrize("path", ["/admin/apis/new", "/admin/apis/1/edit"])
def test_u27_an_operator_is_not_asked_how_tokens_are_signed(sqlite_house, path):
    assert "signing_alg" not in sqlite_house.people["operator"].get(path).text


@pytest.mark.parametrize("path", ["/admin/apis/new", "/admin/apis/1/edit"])
@pytest.mark.parametrize("signing_alg", ["EdDSA", "default", ""])
def test_u27_an_operator_who_says_it_all_the_same_is_refused(sqlite_house, path, signing_alg):
    before = sqlite_house.contents()
    desk = Desk(sqlite_house.people["operator"])
    answer = desk.send(path, identifier="urn:stock", version="1", signing_alg=signing_alg)
    assert answer.status_code == 403
    assert "It needs the role Administrator. Nothing was changed." in text_of(answer)
    assert sqlite_house.contents() == before


def test_u27_an_operator_renames_an_api_and_its_algorithm_stays(desk):
    number = make_api()
    edit_api("Old", signing_alg="EdDSA")
    answer = desk.send(f"/admin/apis/{number}/edit", name="Partner API", version="2")
    assert answer.status_code == 303
    assert (get_api().name, get_api().signing_alg) == ("Partner API", "EdDSA")


@pytest.mark.parametrize("number", ["0", "99", "2147483647", "2147483648", "9" * 30, "x"])
@pytest.mark.parametrize("act", ["", "/edit", "/delete"])
def test_an_api_that_is_not_there_is_not_found(house, number, act):
    assert house.people["operator"].get(f"/admin/apis/{number}{act}").status_code == 404


@pytest.mark.parametrize("act", ["edit", "delete"])
def test_nothing_is_done_to_an_api_that_is_not_there(desk, act):
    assert desk.send(f"/admin/apis/99/{act}").status_code == 404


def test_u32_markup_in_names_is_text_on_every_page(desk):
    markup = "\"><img src=x onerror=alert(1)></script>{{7*7777}}' 🦀"
    identifier = markup.replace(" ", "")
    make_api(markup, identifier)
    for path in ("", "/new", "/1", "/1/edit", "/1/delete"):
        page = desk.open(f"/admin/apis{path}")
        assert page.status_code == 200
        assert read(page.text).all("img") == []
        assert "54439" not in page.text
        assert len(read(page.text).all("script")) == 1


def test_a_viewer_sees_apis_without_a_way_to_change_them(house):
    for path in ("/admin/apis", "/admin/apis/1"):
        page = house.people["viewer"].get(path)
        assert "external-api" in text_of(page)
        assert read(page.text).all("form", within="main") == []
        assert not [link for link in links_of(page.text) if re.search("new|edit|delete", link)]
