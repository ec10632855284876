"""What every request to the pages passes first (SECURITY U23, U24, U25, U30)."""

import secrets
from collections.abc import Iterator
from io import BytesIO
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from werkzeug.datastructures import MultiDict
from werkzeug.test import TestResponse

from app import create_app
from signet.models.admins import ADMINISTRATOR, VIEWER
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.views.admin.forms import MULTIPLE_FIELDS
from tests.admin.house import VISITOR, House, furnished
from tests.admin.pages import read
from tests.admin.routes import CHANGING_ROUTES, SAFE_ROUTES, Route, name_of
from tests.admin.signing_in import PASSWORD, code_of_app, csrf_of, make_admin, make_session
from tests.conftest import MakeSettings, StrangerClient
from tests.databases import Databases
from tests.running import opened

#: Where "?next=" must not lead (SECURITY C28); beginning with our own path and not.
FOREIGN_TARGETS = [
    "//e.example",
    "///e.example",
    "/////e.example",
    "\\\\\\e.example",
    "/\\e.example",
    "/%09/e.example",
    "/\t/e.example",
    "https:e.example",
    "https://e.example",
    "https://e.example/admin/",
    "http:///e.example",
    "@e.example",
    "javascript:alert(1)",
    "data:text/html,x",
    " //e.example",
    "\r\n//e.example",
    "/admin/\r\nLocation: https://e.example",
    "/admin",
    "/adminx/",
    "/connect/token",
    "/admin//e.example",
    "/admin/..//e.example",
    "/admin/../connect/token",
    "/admin/\\e.example",
    "/admin/\u2028e.example",
    "/admin/#//e.example",
    "//admin/e.example",
    "/admin/" + "a" * 60_000 + "\\",
]
OWN_TARGETS = [
    "/admin/",
    "/admin/clients",
    "/admin/clients/billing-export",
    "/admin/clients/billing-export/secrets/new",
    "/admin/clients?q=caf%C3%A9+%26+bar&status=&sort=-name",
    "/admin/audit?action=client.create&object=urn%3Aa&from=2026-01-01",
    "/admin/audit?actor=ada%40example.org*",
]


@pytest.fixture
def visitor(house: House) -> FlaskClient:
    """A browser that nobody has used."""
    return house.app.test_client()


def sign_in_with_next(house: House, target: str) -> str:
    """Where the second step leads to, after a sign-in that was asked to lead to this target."""
    client = house.app.test_client()
    token = csrf_of(client.get("/admin/sign-in", query_string={"next": target}))
    form = {"name": f"{VIEWER}@example.org", "password": PASSWORD, "csrf_token": token}
    answer = client.post("/admin/sign-in", data=form | {"next": target})
    assert answer.status_code == 303
    led = urlsplit(str(answer.location))
    assert led.path == "/admin/sign-in/second-step"
    return parse_qs(led.query).get("next", ["/admin/"])[0]


def forged(house: House, route: Route) -> Iterator[tuple[str, dict[str, Any]]]:
    """What a page of another site can have a browser send; no token that is good for this admin."""
    good = house.csrf(ADMINISTRATOR)
    fields = {"name": "x", "scopes": "external-api", "client_id": "billing-export"}
    yield "without a token", {"data": fields}
    yield "an empty token", {"data": fields | {"csrf_token": ""}}
    yield "a token of another admin", {"data": fields | {"csrf_token": house.csrf(VIEWER)}}
    yield "a token of a visitor", {"data": fields | {"csrf_token": house.csrf(VISITOR)}}
    yield "a token cut short", {"data": fields | {"csrf_token": good[:-1]}}
    yield "the token in the address", {"data": fields, "query_string": {"csrf_token": good}}
    yield "the token in a header", {"data": fields, "headers": {"X-CSRFToken": good}}
    yield "the token in JSON", {"json": fields | {"csrf_token": good}}
    yield (
        "JSON as plain text",
        {"data": f'{{"csrf_token":"{good}","x":"="}}', "content_type": "text/plain"},
    )
    yield "a form as plain text", {"data": f"csrf_token={good}", "content_type": "text/plain"}
    yield (
        "JSON, with the token in a header",
        {"json": [fields], "headers": {"X-CSRFToken": good, "X-CSRF-Token": good}},
    )


@pytest.mark.parametrize("route", CHANGING_ROUTES, ids=name_of)
def test_u23_a_form_without_the_token_of_its_session_is_refused_and_nothing_changes(
    sqlite_house: House, route: Route
):
    url = sqlite_house.url(route.endpoint)
    before = sqlite_house.contents()
    statuses = {
        what: sqlite_house.people[ADMINISTRATOR].open(url, method=route.method, **sent).status_code
        for what, sent in forged(sqlite_house, route)
    }
    assert statuses == dict.fromkeys(statuses, 400)
    assert sqlite_house.contents() == before


@pytest.mark.parametrize(
    "headers",
    [
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": "something new"},
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost.evil.example"},
        {"Origin": "http://localhost:81"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "http://["},
        {"Origin": "http://localhost@evil.example"},
    ],
    ids=str,
)
def test_u23_a_form_of_another_site_is_refused_although_its_token_is_right(
    sqlite_house: House, headers: dict[str, str]
):
    before = sqlite_house.contents()
    # All routes pass one gate: one origin is tried at each, the others at some.
    routes = CHANGING_ROUTES if "cross-site" in headers.values() else CHANGING_ROUTES[::9]
    statuses = {
        route: sqlite_house.open(ADMINISTRATOR, route, headers=headers).status_code
        for route in routes
    }
    assert statuses == dict.fromkeys(routes, 403)
    assert sqlite_house.contents() == before


def test_u23_the_refusal_of_another_sites_form_speaks_of_no_role(sqlite_house: House):
    answer = sqlite_house.open(
        ADMINISTRATOR,
        Route("admin.clients.create", "POST"),
        headers={"Sec-Fetch-Site": "cross-site"},
    )
    assert "The request came from another site. Nothing was changed." in answer.text
    assert "role" not in answer.text.partition("<main")[2].partition("</main")[0].replace(
        "role=", ""
    )


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Sec-Fetch-Site": "same-origin", "Origin": "http://localhost"},
        {"Sec-Fetch-Site": "none"},
        {"Origin": "http://localhost:8000"},
        # A proxy that ends TLS and that nobody told Signet to believe.
        {"Origin": "https://localhost"},
    ],
    ids=str,
)
def test_u23_a_form_of_our_own_pages_is_taken(sqlite_house: House, headers: dict[str, str]):
    answer = sqlite_house.open(
        ADMINISTRATOR, Route("admin.clients.create", "POST"), headers=headers
    )
    assert answer.status_code == 422


@pytest.mark.parametrize("who", [VISITOR, ADMINISTRATOR])
def test_u23_looking_at_pages_changes_nothing(house: House, who: str):
    before = house.contents()
    for route in SAFE_ROUTES:
        house.open(who, route)
    assert house.contents() == before


@pytest.mark.parametrize("trick", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"])
def test_u23_no_header_turns_a_get_into_a_post(sqlite_house: House, trick: str):
    before = sqlite_house.contents()
    token = sqlite_house.csrf(ADMINISTRATOR)
    answer = sqlite_house.people[ADMINISTRATOR].get(
        "/admin/clients/billing-export/disable",
        headers={trick: "POST"},
        query_string={"_method": "POST", "csrf_token": token},
    )
    assert answer.status_code == 200
    assert sqlite_house.contents() == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND"])
def test_u23_no_page_takes_another_method(sqlite_house: House, method: str):
    statuses = {
        url: sqlite_house.people[ADMINISTRATOR].open(url, method=method).status_code
        for url in {sqlite_house.url(route.endpoint) for route in SAFE_ROUTES}
    }
    assert statuses == dict.fromkeys(statuses, 405)


@pytest.mark.parametrize("target", FOREIGN_TARGETS, ids=lambda target: repr(target)[:30])
def test_u24_sign_in_leads_nowhere_else(sqlite_house: House, target: str):
    assert sign_in_with_next(sqlite_house, target) == "/admin/"


@pytest.mark.parametrize("target", OWN_TARGETS)
def test_u24_sign_in_leads_back_to_the_page_that_was_asked_for(sqlite_house: House, target: str):
    assert sign_in_with_next(sqlite_house, target) == target


def test_u24_a_page_with_a_query_is_found_again_after_sign_in(house: House, visitor: FlaskClient):
    led = visitor.get("/admin/clients?q=caf%C3%A9+%26+bar&sort=-name")
    form = {
        "name": f"{VIEWER}@example.org",
        "password": PASSWORD,
        "csrf_token": csrf_of(visitor.get(led.location)),
        "next": "/admin/clients?q=caf%C3%A9+%26+bar&sort=-name",
    }
    assert f'value="{form["next"].replace("&", "&amp;")}"' in visitor.get(led.location).text
    second_step = visitor.get(visitor.post("/admin/sign-in", data=form).location)
    form = {"code": code_of_app(), "next": form["next"], "csrf_token": csrf_of(second_step)}
    assert f'value="{form["next"].replace("&", "&amp;")}"' in second_step.text
    assert visitor.post("/admin/sign-in/second-step", data=form).location == form["next"]


@pytest.mark.parametrize(
    "path",
    [
        "/admin/clients/caf\u00e9",
        "/admin/clients/a%0d%0ab",
        "/admin/clients/a%5cb?q=%ff",
        "/admin/clients/%00",
        "/admin/clients?q=" + "a" * 4_000,
    ],
)
def test_u24_an_odd_address_leads_a_visitor_to_sign_in_all_the_same(
    visitor: FlaskClient, path: str
):
    answer = visitor.get(path)
    assert answer.status_code == 303
    assert answer.location.startswith("/admin/sign-in")
    assert visitor.get(answer.location).status_code == 200


SPOOFED = {
    "X-Forwarded-For": "203.0.113.9",
    "X-Forwarded-Host": "evil.example",
    "X-Forwarded-Proto": "https",
    "X-Forwarded-Port": "444",
    "X-Forwarded-Prefix": "/evil",
    "X-Forwarded-Ssl": "on",
    "X-Real-IP": "203.0.113.9",
    "Forwarded": "for=203.0.113.9;host=evil.example;proto=https",
    "X-Original-URL": "/admin/",
    "X-Rewrite-URL": "/admin/",
    "X-Script-Name": "/evil",
}


@pytest.mark.parametrize("headers", [SPOOFED, {"Host": "evil.example"}], ids=["proxy", "host"])
@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/admin",
        "/admin/",
        "/admin/clients",
        "/admin/nothing",
        "/.well-known/openid-configuration",
        "/connect/token",
    ],
)
def test_u25_spoofed_headers_change_no_answer(
    sqlite_house: House, path: str, headers: dict[str, str]
):
    client = sqlite_house.app.test_client()
    honest, spoofed = client.get(path), client.get(path, headers=headers)
    assert spoofed.status_code == honest.status_code
    assert spoofed.data == honest.data
    kept = {name: value for name, value in honest.headers if name != "X-Request-Id"}
    assert {name: value for name, value in spoofed.headers if name != "X-Request-Id"} == kept


def address_seen(house: House, **sent: Any) -> str:
    """The address that the audit log gives for a sign-in."""
    name = make_admin(house.app, VIEWER, f"{secrets.token_hex(4)}@example.org")
    client = house.app.test_client()
    client.environ_base["REMOTE_ADDR"] = "192.0.2.1"
    page = client.get("/admin/sign-in", **sent)
    form = {"name": name, "password": PASSWORD, "csrf_token": csrf_of(page)}
    assert client.post("/admin/sign-in", data=form, **sent).status_code == 303
    with house.app.app_context():
        return list_entries(AuditFilter(action="admin.sign_in"), limit=1).entries[0].address


def test_u25_without_trusted_proxies_the_address_is_that_of_the_connection(sqlite_house: House):
    assert address_seen(sqlite_house, headers=SPOOFED) == "192.0.2.1"


@pytest.fixture(scope="module")
def proxied_house(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[House]:
    """A house behind one proxy."""
    folder = tmp_path_factory.mktemp("proxied")
    with (
        databases.fresh("sqlite") as url,
        furnished(folder, url, SIGNET_TRUSTED_PROXIES="1") as house,
    ):
        yield house


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ("203.0.113.9", "203.0.113.9"),
        ("10.9.9.9, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1, 10.9.9.9,203.0.113.9", "203.0.113.9"),
        ("2001:db8::1", "2001:db8::1"),
        ("", "192.0.2.1"),
    ],
)
def test_u25_behind_one_proxy_exactly_the_last_hop_counts(
    proxied_house: House, forwarded: str, address: str
):
    headers = {"X-Forwarded-For": forwarded} if forwarded else {}
    assert address_seen(proxied_house, headers=headers) == address


def test_u25_behind_a_proxy_redirects_still_name_no_host(proxied_house: House):
    client = proxied_house.app.test_client()
    answers = [client.get(path, headers=SPOOFED) for path in ("/", "/admin", "/admin/clients")]
    assert [answer.location for answer in answers] == [
        "/admin/",
        "/admin/",
        "/admin/sign-in?next=/admin/clients",
    ]


@pytest.mark.parametrize("route", CHANGING_ROUTES, ids=name_of)
def test_u30_a_field_sent_twice_is_refused(sqlite_house: House, route: Route):
    url = sqlite_house.url(route.endpoint)
    token = sqlite_house.csrf(ADMINISTRATOR)
    before = sqlite_house.contents()
    for twice in (
        {"data": {"csrf_token": token, "name": ["a", "b"]}},
        {"data": {"csrf_token": [token, token]}},
        {"data": {"csrf_token": token}, "query_string": {"q": ["a", "a"]}},
    ):
        answer = sqlite_house.people[ADMINISTRATOR].open(url, method=route.method, **twice)
        assert answer.status_code == 400
    assert sqlite_house.contents() == before


@pytest.mark.parametrize("files", [["name"], ["version"], ["jwks_file", "jwks_file"]], ids=str)
def test_u30_a_file_in_a_field_of_text_and_two_in_one_field_are_refused(
    sqlite_house: House, files: list[str]
):
    token = sqlite_house.csrf(ADMINISTRATOR)
    for url in ("/admin/clients/new", "/admin/sign-in"):
        sent = MultiDict([(name, (BytesIO(b"text"), "file")) for name in files])
        sent["csrf_token"] = token
        answer = sqlite_house.people[ADMINISTRATOR].post(url, data=sent)
        assert answer.status_code == 400


def test_u30_a_parameter_of_a_list_sent_twice_is_refused(sqlite_house: House):
    answer = sqlite_house.people[ADMINISTRATOR].get("/admin/clients?q=a&q=b")
    assert answer.status_code == 400


def test_u30_check_boxes_may_be_sent_together(sqlite_house: House):
    answer = sqlite_house.open(
        ADMINISTRATOR,
        Route("admin.clients.create", "POST"),
        data={name: ["a", "b"] for name in MULTIPLE_FIELDS},
    )
    assert answer.status_code == 422


def test_a_visitor_learns_nothing_of_which_clients_there_are(house: House, visitor: FlaskClient):
    there, not_there = (
        visitor.get(f"/admin/clients/{name}") for name in ("billing-export", "nobody-at-all")
    )
    assert there.status_code == not_there.status_code == 303
    assert there.location.replace("billing-export", "nobody-at-all") == not_there.location


def test_a_page_that_is_none_is_a_404_for_visitors_too(visitor: FlaskClient):
    answer = visitor.get("/admin/nothing")
    assert answer.status_code == 404
    assert 'aria-label="Main"' not in answer.text


@pytest.fixture
def client_below_a_path(make_settings: MakeSettings, databases: Databases) -> Iterator[FlaskClient]:
    """A browser at a Signet whose issuer has a path."""
    with databases.fresh("sqlite") as url:
        settings = make_settings(
            SIGNET_DATABASE_URL=url, SIGNET_ISSUER="https://id.example.org/auth"
        )
        with opened(create_app(settings)) as app:
            make_session(make_admin(app))
            app.test_client_class = StrangerClient
            yield app.test_client()


def visit(client: FlaskClient, path: str, **sent: Any) -> TestResponse:
    """Open a path as a browser does that came by https."""
    method = "POST" if "data" in sent else "GET"
    return client.open(path, method=method, base_url="https://id.example.org/", **sent)


@pytest.mark.parametrize("path", ["/auth", "/auth/", "/auth/admin"])
def test_below_a_path_every_front_door_leads_to_the_overview(
    client_below_a_path: FlaskClient, path: str
):
    answer = visit(client_below_a_path, path)
    assert (answer.status_code, answer.location) == (303, "/auth/admin/")


@pytest.mark.parametrize("path", ["/", "/admin", "/admin/", "/admin/sign-in", "/static/signet.css"])
def test_below_a_path_there_is_nothing_of_the_pages_beside_it(
    client_below_a_path: FlaskClient, path: str
):
    answer = visit(client_below_a_path, path)
    assert answer.status_code == 404
    assert "Set-Cookie" not in answer.headers


def test_below_a_path_an_admin_signs_in_and_every_address_of_the_page_stays_below(
    client_below_a_path: FlaskClient,
):
    led = visit(client_below_a_path, "/auth/admin/clients")
    assert led.location == "/auth/admin/sign-in?next=/auth/admin/clients"
    form = {
        "name": f"{ADMINISTRATOR}@example.org",
        "password": PASSWORD,
        "csrf_token": csrf_of(visit(client_below_a_path, led.location)),
        "next": "/auth/admin/clients",
    }
    headers = {"Origin": "https://id.example.org", "Sec-Fetch-Site": "same-origin"}
    answer = visit(client_below_a_path, "/auth/admin/sign-in", data=form, headers=headers)
    second_step = "/auth/admin/sign-in/second-step"
    assert answer.location == f"{second_step}?next=/auth/admin/clients"
    form = {"code": code_of_app(), "next": "/auth/admin/clients"}
    form["csrf_token"] = csrf_of(visit(client_below_a_path, answer.location))
    answer = visit(client_below_a_path, second_step, data=form, headers=headers)
    assert (answer.status_code, answer.location) == (303, "/auth/admin/clients")
    page = read(visit(client_below_a_path, answer.location).text)
    addresses = [
        element.attributes[name].partition("#")[0]
        for element in page.elements
        for name in ("href", "src", "action")
        if name in element.attributes
    ]
    local = {address for address in addresses if address}
    assert len(local) > 5
    assert {address for address in local if not address.startswith("/auth/")} == set()
    for address in local:
        if address.startswith("/auth/static/"):
            with visit(client_below_a_path, address) as asset:
                assert asset.status_code == 200


def test_below_a_path_sign_in_leads_to_no_page_beside_it(client_below_a_path: FlaskClient):
    page = visit(client_below_a_path, "/auth/admin/sign-in?next=/admin/clients")
    form = {
        "name": f"{ADMINISTRATOR}@example.org",
        "password": PASSWORD,
        "csrf_token": csrf_of(page),
        "next": "/admin/clients",
    }
    answer = visit(client_below_a_path, "/auth/admin/sign-in", data=form)
    assert answer.location == "/auth/admin/sign-in/second-step"
