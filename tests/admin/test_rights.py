"""Who may open what (SECURITY U27): every route of the pages times everybody."""

import pytest

from signet.models.admins import ADMINISTRATOR, OPERATOR, ROLES, VIEWER
from signet.views.admin.rights import LEAST_ROLE, PUBLIC, SIGNING_IN
from tests.admin.house import NOWHERE, VISITOR, House
from tests.admin.pages import links_of
from tests.admin.routes import CHANGING_ROUTES, ROUTES, SAFE_ROUTES, Route, name_of

#: The routes that people who are not signed in may open; written down here a second time.
PUBLIC_ENDPOINTS = {
    "admin.setup.show",
    "admin.setup.create",
    "admin.sign_in.show",
    "admin.sign_in.sign_in",
    "admin.sign_in.with_passkey",
    # The link is what lets them in.
    "admin.invitation.show",
    "admin.invitation.accept",
}


#: What everybody changes about themselves, whatever the role.
OWN_ENDPOINTS = {
    "admin.sign_in.sign_out",
    "admin.confirm.with_password",
    "admin.confirm.with_passkey",
    "admin.account.change_password",
    "admin.account.end_session",
    "admin.account.end_others",
    "admin.account.set_theme",
    "admin.calendar_link.create",
    "admin.calendar_link.revoke",
    "admin.account_totp.create",
    "admin.account_totp.remove",
    "admin.account_passkeys.create",
    "admin.account_passkeys.remove",
    "admin.account_codes.create",
    "admin.account_codes.prove",
}
#: Of these, what an empty form does: it would change the session that the other tests use …
EMPTY_FORM_ACTS = {"admin.sign_in.sign_out", "admin.account_codes.create"}
#: … or leads back with nothing done.
EMPTY_FORM_LEADS_BACK = {
    "admin.confirm.with_password",
    "admin.confirm.with_passkey",
    "admin.account.end_others",
    "admin.account_totp.remove",
    "admin.calendar_link.revoke",
}


def may(role: str, route: Route) -> bool:
    """Whether the table of rights lets this role open the route."""
    least = LEAST_ROLE[route.endpoint]
    # Whoever is signed in has the second step behind them.
    return least in (PUBLIC, SIGNING_IN) or ROLES.index(role) <= ROLES.index(least)


def allowed(role: str, routes: list[Route]) -> list[Route]:
    return [route for route in routes if may(role, route)]


def refused(role: str, routes: list[Route]) -> list[Route]:
    return [route for route in routes if not may(role, route)]


def pairs(routes_of: dict[str, list[Route]]) -> list[object]:
    return [
        pytest.param(role, route, id=f"{role}: {name_of(route)}")
        for role, routes in routes_of.items()
        for route in routes
    ]


def test_u27_every_route_stands_in_the_table_of_rights():
    assert sorted({route.endpoint for route in ROUTES} - LEAST_ROLE.keys()) == []


def test_u27_the_table_of_rights_names_only_routes_that_exist():
    assert sorted(LEAST_ROLE.keys() - {route.endpoint for route in ROUTES}) == []


def test_u27_only_set_up_sign_in_and_links_are_open_to_visitors():
    assert {name for name, role in LEAST_ROLE.items() if role == PUBLIC} == PUBLIC_ENDPOINTS


def test_u27_a_viewer_changes_nothing_but_what_is_their_own():
    changing = {
        route.endpoint
        for route in allowed(VIEWER, CHANGING_ROUTES)
        if LEAST_ROLE[route.endpoint] != SIGNING_IN
    }
    assert changing - PUBLIC_ENDPOINTS == OWN_ENDPOINTS


CLOSED_SAFE_ROUTES = [route for route in SAFE_ROUTES if LEAST_ROLE.get(route.endpoint) != PUBLIC]
CLOSED_CHANGING_ROUTES = [
    route for route in CHANGING_ROUTES if LEAST_ROLE.get(route.endpoint) != PUBLIC
]


@pytest.mark.parametrize("route", CLOSED_SAFE_ROUTES, ids=name_of)
def test_u27_a_visitor_is_led_from_every_page_to_sign_in(sqlite_house: House, route: Route):
    answer = sqlite_house.open(VISITOR, route)
    assert answer.status_code == 303
    assert answer.location.partition("?")[0] == "/admin/sign-in"


@pytest.mark.parametrize("route", CLOSED_CHANGING_ROUTES, ids=name_of)
def test_u27_a_visitor_sends_no_form_of_the_pages(sqlite_house: House, route: Route):
    before = sqlite_house.contents()
    answer = sqlite_house.open(VISITOR, route)
    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")
    assert sqlite_house.contents() == before


@pytest.mark.parametrize(
    ("role", "route"), pairs({role: refused(role, ROUTES) for role in (VIEWER, OPERATOR)})
)
def test_u27_a_role_is_refused_what_needs_a_higher_one(
    sqlite_house: House, role: str, route: Route
):
    before = sqlite_house.contents()
    answer = sqlite_house.open(role, route)
    assert answer.status_code == 403
    if route.method != "HEAD":
        assert f"It needs the role {LEAST_ROLE[route.endpoint].capitalize()}." in answer.text
    assert sqlite_house.contents() == before


@pytest.mark.parametrize(
    ("role", "route"),
    pairs({role: allowed(role, SAFE_ROUTES) for role in (VIEWER, OPERATOR, ADMINISTRATOR)}),
)
def test_u27_a_role_opens_every_page_that_is_its_own(house: House, role: str, route: Route):
    answer = house.open(role, route)
    if route.endpoint == "admin.setup.show":
        assert answer.status_code == 404
    elif LEAST_ROLE[route.endpoint] == SIGNING_IN or route.endpoint in (
        "admin.sign_in.show",
        # There is nothing to confirm.
        "admin.confirm.show",
    ):
        assert (answer.status_code, answer.location) == (303, "/admin/")
    elif route.endpoint == "admin.account_passkeys.ask_remove":
        # Nobody has one here.
        assert answer.status_code == 404
    elif route.endpoint == "admin.clients.ask_enable":
        # It is enabled: there is nothing to ask.
        assert answer.status_code in (200, 303)
    else:
        assert answer.status_code == 200


@pytest.mark.parametrize(
    ("role", "route"),
    pairs(
        {
            role: [
                route
                for route in allowed(role, CHANGING_ROUTES)
                if route.endpoint not in EMPTY_FORM_ACTS
            ]
            for role in (VIEWER, OPERATOR, ADMINISTRATOR)
        }
    ),
)
def test_u27_a_role_gets_to_every_form_that_is_its_own(
    sqlite_house: House, role: str, route: Route
):
    before = sqlite_house.contents()
    answer = sqlite_house.open(role, route, arguments=NOWHERE)
    if LEAST_ROLE[route.endpoint] == SIGNING_IN or route.endpoint in EMPTY_FORM_LEADS_BACK:
        assert answer.status_code == 303
    else:
        # There is no such thing, or the form is empty or an old one: the gate has let it pass.
        assert answer.status_code in (404, 409, 422)
    assert sqlite_house.contents() == before


def test_u27_a_higher_role_has_all_rights_of_a_lower_one():
    assert set(allowed(VIEWER, ROUTES)) <= set(allowed(OPERATOR, ROUTES))
    assert set(allowed(OPERATOR, ROUTES)) <= set(allowed(ADMINISTRATOR, ROUTES)) == set(ROUTES)


def test_u27_a_route_that_the_table_forgot_is_closed_to_everybody(
    sqlite_house: House, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.delitem(LEAST_ROLE, "admin.audit.show")
    answer = sqlite_house.people[ADMINISTRATOR].get("/admin/audit/1")
    assert answer.status_code == 403


@pytest.mark.parametrize("role", ROLES)
def test_no_page_links_to_what_the_role_may_not_open(sqlite_house: House, role: str):
    statuses: dict[str, int] = {}
    ahead = ["/admin/"]
    while ahead:
        url = ahead.pop()
        answer = sqlite_house.people[role].get(url)
        statuses[url] = answer.status_code
        links = {link.partition("#")[0] for link in links_of(answer.text)}
        # A list in another order or with another filter holds no other links.
        plain = {link for link in links if link.startswith("/admin/") and "?" not in link}
        ahead.extend(plain - statuses.keys() - set(ahead))
    assert len(statuses) > 5
    assert {url: status for url, status in statuses.items() if status >= 400} == {}
