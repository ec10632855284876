import pytest
from authlib.oauth2.rfc6749 import InvalidScopeError
from hypothesis import given
from hypothesis import strategies as st

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


def test_omitted_scope_is_all_that_is_assigned():
    granted = grant_scope(REPORTING, None, resources=())
    assert granted == GrantedScope(
        ("orders.read", "orders.write", "stock.read"), ("orders", "stock")
    )


def test_asked_for_is_what_is_granted_and_no_more():
    assert grant_scope(REPORTING, "orders.read", resources=()) == GrantedScope(
        ("orders.read",), ("orders",)
    )


@pytest.mark.parametrize("scope", ["orders", "orders.read nothing", "ORDERS.READ"])
def test_one_scope_too_many_refuses_all(scope: str):
    with pytest.raises(InvalidScopeError):
        grant_scope(REPORTING, scope, resources=())


def test_a_client_without_scopes_is_refused_whatever_it_asks_for():
    for scope in (None, "", " ", "orders.read"):
        with pytest.raises(InvalidScopeError):
            grant_scope(make_client(scopes=()), scope, resources=())


def test_a_resource_is_refused_before_the_scope_is_looked_at():
    with pytest.raises(InvalidTargetError):
        grant_scope(REPORTING, '"', resources=["https://orders.example"])


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
