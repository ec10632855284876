"""Calendar links of admins, in the database."""

from datetime import timedelta

import pytest

from signet.models.calendar_links import find_calendar_link, is_calendar_token
from signet.models.expiries import list_secret_expiries
from signet.operations import clients, resource_server_secrets
from signet.operations.admins import delete_admin, disable_admin
from signet.operations.calendar_links import make_calendar_link, revoke_calendar_link
from signet.operations.client_secrets import create_secret, revoke_secret
from signet.operations.errors import NotFoundError
from tests.operations.acting import ADA, NOON, entries, make_admin, make_scope, register, unchanged

NAME = "eve@example.org"
DAY = timedelta(days=1)
by_ada = {"actor": ADA, "now": NOON}


@pytest.fixture
def token(app) -> str:
    """Of the link of a viewer."""
    make_admin()
    make_admin(NAME, "viewer")
    return make_calendar_link(NAME, **by_ada)


def test_a_link_works_until_another_is_made(token):
    assert is_calendar_token(token)
    assert find_calendar_link(NAME.upper()) == NOON
    another = make_calendar_link(NAME, **by_ada)
    assert (is_calendar_token(token), is_calendar_token(another)) == (False, True)
    assert token not in repr(entries())


def test_a_revoked_link_cannot_be_revoked_again(token):
    revoke_calendar_link(NAME, **by_ada)
    assert not is_calendar_token(token)
    assert entries()[-1].action == "admin.revoke_calendar_link"
    with unchanged():
        revoke_calendar_link(NAME, **by_ada)


@pytest.mark.parametrize("end", [disable_admin, delete_admin])
def test_a_link_ends_with_its_admin(token, end):
    end(NAME, **by_ada)
    assert not is_calendar_token(token)


def test_nobody_gets_a_link_who_may_not_sign_in(token):
    disable_admin(NAME, **by_ada)
    with unchanged():
        make_calendar_link(NAME, **by_ada)
    with unchanged(NotFoundError):
        make_calendar_link("nobody", **by_ada)


def test_what_expires_of_clients_and_apis_is_listed_soonest_first(app):
    make_scope("external-api", "orders")
    register("later")
    revoked = register("revoked")
    revoke_secret("revoked", revoked.secret_id, **by_ada)
    register("disabled")
    clients.disable_client("disabled", **by_ada)
    create_secret("later", expires_in=None, **by_ada)
    resource_server_secrets.create_secret("orders", expires_in=30 * DAY, **by_ada)
    found = list_secret_expiries(since=NOON, limit=10)
    assert [(e.owner_type, e.owner_name, e.expires_at - NOON) for e in found] == [
        ("api", "orders", 30 * DAY),
        ("client", "Billing", 365 * DAY),
    ]
    assert list_secret_expiries(since=NOON, limit=1) == found[:1]
    assert list_secret_expiries(since=NOON + 30 * DAY, limit=10) == found[1:]
