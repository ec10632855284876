"""The list of clients: what it shows, finds, refuses, and its pages."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from signet.extensions import db
from signet.models.client_list import STATES, client_state
from signet.wiring import utc_now
from tests.admin.clients.steps import (
    get_client,
    ids_in,
    make_client,
    make_scope,
    value_in,
)
from tests.admin.desk import text_of
from tests.admin.pages import links_of
from tests.usage import used


def test_without_a_client_the_list_says_what_one_is_and_leads_to_the_form(desk):
    page = desk.open("/admin/clients")
    assert "A client is a program that calls your API" in text_of(page)
    assert "/admin/clients/new" in links_of(page.text, within="main")
    assert 'name="q"' not in page.text


def test_the_list_counts_its_clients_in_words(desk):
    make_client("billing-export")
    assert "1 client " in text_of(desk.open("/admin/clients"))
    make_client("crm-bridge")
    assert "2 clients " in text_of(desk.open("/admin/clients"))


def test_the_list_shows_name_id_status_scopes_and_the_last_token(desk):
    make_scope()
    issued = make_client(scopes=("external-api",), now=utc_now() - timedelta(hours=1))
    text = text_of(desk.open("/admin/clients"))
    assert "Billing export billing-export Never used external-api Never" in text
    used("billing-export", issued.secret_id, at=utc_now() - timedelta(minutes=4, seconds=5))
    text = text_of(desk.open("/admin/clients"))
    assert "Billing export billing-export Active external-api 4 minutes ago" in text


@pytest.mark.parametrize("search", ["BILL", "ng-EXP", "straße", "STRASSE", "  bill  "])
def test_a_part_of_the_name_or_the_id_finds_a_client_in_any_case(desk, search):
    make_client("billing-export", "Straße Billing")
    make_client("crm-bridge", "Legacy bridge")
    page = desk.open("/admin/clients", q=search)
    assert ids_in(page) == ["billing-export"]
    assert f"1 of 2 clients matches “{search.strip()}” · Clear" in text_of(page)


@pytest.mark.parametrize(
    "search",
    [
        "%",
        "_",
        "\\",
        "\\%",
        "'",
        '"',
        "';DROP TABLE client;--",
        "a%' OR '1'='1",
        "{{7*7}}",
        "x" * 300,
    ],
)
def test_a_search_takes_every_character_for_itself(shared_desk, search):
    page = shared_desk.open("/admin/clients", q=search)
    assert page.status_code == 200
    assert f"No client matches “{search}” · all clients" in text_of(page)


@pytest.mark.parametrize("name", ["q", "after", "before"])
@pytest.mark.parametrize("value", ["a\0b", "\0", "x" * 10_000, "%" * 10_000, "ΐ" * 10_000])
def test_a_text_that_no_client_can_have_is_refused_before_the_database_sees_it(
    sqlite_desk, name, value
):
    assert sqlite_desk.open("/admin/clients", **{name: value}).status_code == 400


@pytest.mark.parametrize("name", ["status", "sort", "scope"])
@pytest.mark.parametrize("value", ["unknown", "digest", "secret_hash", "name; --", "a\0b"])
def test_c30_an_unknown_filter_or_order_is_refused(sqlite_desk, name, value):
    assert sqlite_desk.open("/admin/clients", **{name: value}).status_code == 400


def test_c30_a_column_of_the_database_is_no_filter(shared_desk):
    page = shared_desk.open("/admin/clients", digest="v1:", secret_hash="v1:")
    assert ids_in(page) == ["billing-export"]


@pytest.mark.parametrize("state", STATES)
def test_the_status_filter_finds_exactly_the_clients_that_carry_this_status(states_desk, state):
    everyone = ids_in(states_desk.open("/admin/clients"))
    assert len(everyone) == 11
    expected = {i for i in everyone if client_state(get_client(i), utc_now()) == state}
    assert expected
    assert set(ids_in(states_desk.open("/admin/clients", status=state))) == expected


@pytest.mark.parametrize(
    ("client_id", "tag"),
    [
        ("fresh", "Never used"),
        ("lasting", "Never used"),
        ("rotated", "Active"),
        ("expiring", "Secret expires in 4 days"),
        ("soon-twice", "Secret expires in 19 days"),
        ("expired", "Secret expired"),
        ("revoked", "No secret"),
        ("keyed", "Never used"),
        ("disabled-and-expired", "Disabled"),
    ],
)
def test_the_worst_state_of_a_client_stands_beside_its_name(states_desk, client_id, tag):
    assert f"Billing export {tag} Edit" in text_of(states_desk.open(f"/admin/clients/{client_id}"))


def test_the_scope_filter_finds_the_clients_that_have_the_scope(desk):
    make_scope("external-api")
    make_scope("orders.read")
    make_client("one", scopes=("external-api", "orders.read"))
    make_client("two", scopes=("orders.read",))
    page = desk.open("/admin/clients", scope="external-api")
    assert ids_in(page) == ["one"]
    assert "1 of 2 clients matches external-api · Clear" in text_of(page)


@contextmanager
def recorded(statements: list[str]) -> Iterator[None]:
    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", note)


def make_sixty_clients() -> list[str]:
    """Their ids in the order of the list; many share a name, so that the order needs more."""
    for number in range(60):
        make_client(f"client-{number:02}", f"{'aB'[number % 2]} {number // 20}")
    return sorted(
        (f"client-{n:02}" for n in range(60)),
        key=lambda i: (f"{'ab'[int(i[-2:]) % 2]} {int(i[-2:]) // 20}", int(i[-2:])),
    )


def test_the_list_takes_five_queries_at_most_the_session_included(desk):
    """UI.md, Performance budget."""
    make_sixty_clients()
    statements: list[str] = []
    with recorded(statements):
        desk.open("/admin/clients", q="client", status="never-used", after="client-00")
    assert len(statements) <= 5, statements


@pytest.mark.parametrize("sort", ["name", "-name"])
def test_next_and_previous_lead_through_sixty_clients_and_back(desk, sort):
    expected = make_sixty_clients()
    if sort == "-name":
        expected.reverse()
    pages = [desk.open("/admin/clients", sort=sort)]
    while following := re.search(r'href="([^"]+)" rel="next"', pages[-1].text):
        pages.append(desk.open(following[1].replace("&amp;", "&")))
    assert [len(ids_in(page)) for page in pages] == [25, 25, 10]
    assert [i for page in pages for i in ids_in(page)] == expected

    back = [pages[-1]]
    while before := re.search(r'href="([^"]+)" rel="prev"', back[-1].text):
        back.append(desk.open(before[1].replace("&amp;", "&")))
    assert [ids_in(page) for page in reversed(back)] == [ids_in(page) for page in pages]


def test_filters_and_order_go_along_from_page_to_page(desk):
    make_sixty_clients()
    page = desk.open("/admin/clients", q="client", status="never-used", sort="-name")
    following = re.search(r'href="([^"]+)" rel="next"', page.text)
    assert following is not None
    for kept in ("q=client", "status=never-used", "sort=-name"):
        assert kept in following[1]


def test_filtering_keeps_the_order(desk):
    make_client()
    assert value_in(desk.open("/admin/clients", sort="-name"), "sort") == "-name"


@pytest.mark.parametrize("name", ["after", "before"])
def test_a_page_that_begins_at_an_unknown_client_leads_to_the_first(desk, name):
    make_client()
    answer = desk.open("/admin/clients", q="bill", **{name: "deleted"})
    assert (answer.status_code, answer.location) == (303, "/admin/clients?q=bill")


def test_u30_a_filter_given_twice_is_refused(sqlite_desk):
    assert sqlite_desk.open("/admin/clients?q=a&q=b").status_code == 400
