import pytest
from authlib.oauth2.rfc6749 import InvalidScopeError
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.client import Audience
from signet.oauth.errors import InvalidTargetError
from signet.oauth.scope import GrantedScope, grant_scope
from tests.oauth.memory_store import make_client, make_scope

REPORTING = make_client(
    "reporting",
    scopes=(
        make_scope("orders.write", "orders"),
        make_scope("orders.read", "orders"),
        make_scope("stock.read", "stock", "orders"),
    ),
)


ORDERS_URI, STOCK_URI = "https://orders.example/v1", "urn:example:stock"
#: The same with APIs that are named by URIs, and one that is not.
BY_URI = make_client(
    "reporting",
    scopes=(
        make_scope("orders.write", ORDERS_URI),
        make_scope("orders.read", ORDERS_URI),
        make_scope("stock.read", STOCK_URI, ORDERS_URI),
        make_scope("plain.read", "plain"),
    ),
)


def granted(names: str, *identifiers: str) -> GrantedScope:
    return GrantedScope(tuple(names.split()), tuple(map(Audience, identifiers)))


def test_omitted_scope_is_all_that_is_assigned():
    assert grant_scope(REPORTING, None, resources=()) == granted(
        "orders.read orders.write stock.read", "orders", "stock"
    )


def test_asked_for_is_what_is_granted_and_no_more():
    assert grant_scope(REPORTING, "orders.read", resources=()) == granted("orders.read", "orders")


def test_what_stands_in_aud_are_the_identifiers():
    assert grant_scope(REPORTING, "stock.read", resources=()).identifiers == ("orders", "stock")


@pytest.mark.parametrize("scope", ["orders", "orders.read nothing", "ORDERS.READ"])
def test_one_scope_too_many_refuses_all(scope: str):
    with pytest.raises(InvalidScopeError, match="unknown or not assigned"):
        grant_scope(REPORTING, scope, resources=())


def test_a_client_without_scopes_is_refused_whatever_it_asks_for():
    for scope in (None, "", " ", "orders.read"):
        with pytest.raises(InvalidScopeError):
            grant_scope(make_client(scopes=()), scope, resources=())


# --- Resources (RFC 8707)


@pytest.mark.parametrize("scope", [None, "", "  "])
def test_a_resource_without_scope_gives_all_the_scopes_of_that_api(scope: str | None):
    assert grant_scope(BY_URI, scope, resources=[STOCK_URI]) == granted("stock.read", STOCK_URI)


def test_a_scope_of_several_apis_is_only_for_the_ones_that_are_named():
    """RFC 8707 §2.2: the audience is what was asked for."""
    assert grant_scope(BY_URI, None, resources=[ORDERS_URI]) == granted(
        "orders.read orders.write stock.read", ORDERS_URI
    )
    assert grant_scope(BY_URI, "stock.read", resources=[ORDERS_URI]).identifiers == (ORDERS_URI,)


def test_several_resources_are_all_meant():
    both = grant_scope(BY_URI, "stock.read orders.read", resources=[STOCK_URI, ORDERS_URI])
    assert both == granted("orders.read stock.read", ORDERS_URI, STOCK_URI)


def test_a_resource_named_twice_counts_once():
    assert grant_scope(BY_URI, None, resources=[STOCK_URI] * 2).identifiers == (STOCK_URI,)


def test_a_named_api_that_owns_none_of_the_requested_scopes_is_no_audience():
    both = grant_scope(BY_URI, "orders.read", resources=[STOCK_URI, ORDERS_URI])
    assert both == granted("orders.read", ORDERS_URI)


@pytest.mark.parametrize(
    "resource",
    [
        "https://nobody.example",
        "plain",
        "stock",
        "/v1",
        "//orders.example/v1",
        "orders.example/v1",
        ORDERS_URI + "/",
        ORDERS_URI + "#",
        ORDERS_URI + "#part",
        ORDERS_URI + "?",
        ORDERS_URI.upper(),
        ORDERS_URI[:-1],
        " " + ORDERS_URI,
        ORDERS_URI + "\n",
        "https:",
        "https://[",
        "https://[::1",
        "\0",
        "\udcff",
        "",
    ],
)
def test_a_resource_must_be_exactly_an_api_of_the_clients(resource: str):
    """RFC 8707 §2: an absolute URI without fragment."""
    with pytest.raises(InvalidTargetError):
        grant_scope(BY_URI, None, resources=[resource])


@pytest.mark.parametrize("identifier", ["plain", "https://plain.example#part"])
def test_an_api_whose_identifier_is_no_absolute_uri_is_chosen_by_scope(identifier: str):
    """PROTOCOL 14."""
    client = make_client(scopes=(make_scope("plain.read", identifier),))
    with pytest.raises(InvalidTargetError):
        grant_scope(client, "plain.read", resources=[identifier])
    assert grant_scope(client, "plain.read", resources=()).identifiers == (identifier,)


def test_one_unknown_resource_refuses_the_others_too():
    with pytest.raises(InvalidTargetError):
        grant_scope(BY_URI, None, resources=[STOCK_URI, "https://nobody.example"])


def test_the_api_of_a_scope_that_the_client_has_not_is_unknown():
    with pytest.raises(InvalidTargetError):
        grant_scope(make_client(), None, resources=[STOCK_URI])


@pytest.mark.parametrize("scope", ["orders.read", "stock.read orders.read", "plain.read"])
def test_a_scope_that_no_named_resource_owns_refuses_all(scope: str):
    """PROTOCOL 14."""
    with pytest.raises(InvalidScopeError, match="none of the requested resources"):
        grant_scope(BY_URI, scope, resources=[STOCK_URI])


def test_a_resource_is_refused_before_the_scope_is_looked_at():
    with pytest.raises(InvalidTargetError):
        grant_scope(REPORTING, '"', resources=["https://orders.example"])


@given(st.text(), st.none() | st.text())
def test_no_resource_and_no_scope_is_a_crash(resource: str, scope: str | None):
    with pytest.raises(InvalidTargetError):
        grant_scope(BY_URI, scope, resources=[resource])


@given(st.characters())
def test_a_scope_holds_the_characters_of_the_rfc_and_no_other(character: str):
    """RFC 6749 §3.3."""
    allowed = "\x21" <= character <= "\x7e" and character not in '"\\'
    client = make_client(scopes=(make_scope(f"a{character}b"),))
    if character == " ":
        return
    if allowed:
        assert grant_scope(client, f"a{character}b", resources=()).names == (f"a{character}b",)
    else:
        with pytest.raises(InvalidScopeError, match="character"):
            grant_scope(client, f"a{character}b", resources=())
