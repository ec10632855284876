"""The overview: the way to a first token, then what wants somebody to act."""

from datetime import datetime, timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.clients import find_client
from signet.operations import client_secrets, clients
from signet.operations.clients import ClientFacts, register_client
from signet.operations.scopes import create_scope
from signet.operations.signing_keys import take_due_step
from signet.wiring import utc_now, wiring
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST, sign_in
from tests.usage import refused, used

DAY = timedelta(days=1)


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client)


def make_scope() -> None:
    create_scope("external-api", apis=["https://api.example.org"], actor=TEST, now=utc_now())


def make_client(
    client_id: str,
    name: str,
    *,
    expires_in: timedelta | None = None,
    now: datetime | None = None,
) -> None:
    register_client(
        ClientFacts(name=name),
        client_id=client_id,
        secret_expires_in=expires_in,
        actor=TEST,
        now=now or utc_now(),
    )


def links(desk: Desk) -> list[str]:
    return links_of(desk.open("/admin/").text, within="main")


def test_at_first_the_way_to_a_token_is_shown(desk):
    page = text_of(desk.open("/admin/"))
    assert "First steps 1 Add a scope" in page
    assert "2 Create a client" in page and "3 Request a token" in page
    assert "Needs attention" not in page


def test_only_the_next_step_is_a_link(desk):
    assert "/admin/scopes/new" in links(desk)
    assert "/admin/clients/new" not in links(desk)


def test_once_there_is_a_scope_a_client_is_next(desk):
    make_scope()
    assert "Done: Add a scope" in text_of(desk.open("/admin/"))
    assert "/admin/clients/new" in links(desk)


def test_once_there_is_a_client_its_page_is_next(desk):
    make_scope()
    make_client("billing-export", "Billing export")
    page = text_of(desk.open("/admin/"))
    assert "Done: Create a client" in page and "3 Request a token" in page
    assert "/admin/clients/billing-export" in links(desk)


def test_with_a_second_client_the_first_steps_are_over(desk):
    make_scope()
    make_client("billing-export", "Billing export")
    make_client("warehouse-sync", "Warehouse sync")
    assert "First steps" not in text_of(desk.open("/admin/"))


def test_a_week_after_the_first_client_the_first_steps_are_over(desk):
    make_scope()
    make_client("billing-export", "Billing export", now=utc_now() - 8 * DAY)
    assert "First steps" not in text_of(desk.open("/admin/"))


def test_a_client_without_any_scope_leads_back_to_the_first_step(desk):
    make_client("billing-export", "Billing export", now=utc_now() - 8 * DAY)
    page = text_of(desk.open("/admin/"))
    assert "1 Add a scope" in page and "Done: Create a client" in page


def test_a_viewer_reads_the_steps_without_links_that_would_be_refused(app, client):
    page = sit_down(app, client, "viewer").open("/admin/")
    assert "Add a scope" in text_of(page)
    assert [link for link in links_of(page.text) if link.endswith("/new")] == []
    assert read(page.text).all("form", within="main") == []


def test_where_all_is_well_nothing_needs_attention(desk):
    make_client("billing-export", "Billing export")
    assert "Needs attention Nothing needs attention." in text_of(desk.open("/admin/"))


def test_a_client_whose_last_secret_has_expired_is_named_with_the_moment(desk):
    now = utc_now()
    make_client("crm-bridge", "Legacy CRM bridge", expires_in=10 * DAY, now=now - 13 * DAY)
    page = text_of(desk.open("/admin/"))
    assert "Expired Legacy CRM bridge is refused: its last secret expired 3 days ago, on" in page
    assert "/admin/clients/crm-bridge/secrets/new" in links(desk)


def test_a_client_without_a_secret_is_named(desk):
    make_client("partner-acme", "Partner Acme")
    client = find_client("partner-acme")
    assert client is not None
    client_secrets.revoke_secret(
        "partner-acme", client.secrets[0].secret_id, actor=TEST, now=utc_now()
    )
    page = text_of(desk.open("/admin/"))
    assert "No secret Partner Acme is refused: it has no secret." in page


def test_a_client_whose_last_secret_expires_soon_is_named_with_the_moment(desk):
    make_client("billing-export", "Billing export", expires_in=6 * DAY + timedelta(minutes=5))
    page = text_of(desk.open("/admin/"))
    assert "In 6 days Billing export : the last secret expires on" in page
    assert "/admin/clients/billing-export/secrets/new" in links(desk)


def test_what_ends_first_is_named_first(desk):
    make_client("aaa", "Aaa", expires_in=20 * DAY)
    make_client("bbb", "Bbb", expires_in=2 * DAY)
    page = text_of(desk.open("/admin/"))
    assert page.index("Bbb : the last secret") < page.index("Aaa : the last secret")


def test_a_disabled_client_needs_no_attention(desk):
    make_client("crm-bridge", "Legacy CRM bridge", expires_in=DAY, now=utc_now() - 2 * DAY)
    clients.disable_client("crm-bridge", actor=TEST, now=utc_now())
    assert "Nothing needs attention." in text_of(desk.open("/admin/"))


def test_of_many_some_are_named_and_the_others_are_behind_a_link_to_the_filtered_list(desk):
    for index in range(8):
        make_client(f"client-{index}", f"Client {index}", expires_in=2 * DAY)
    page = text_of(desk.open("/admin/"))
    assert page.count(": the last secret expires") == 5
    assert "3 more clients" in page
    link = next(link for link in links(desk) if "status=" in link)
    assert desk.open(link).text.count("Secret expires in") == 8


def test_a_viewer_is_not_asked_to_rotate(app, client):
    desk = sit_down(app, client, "viewer")
    make_client("billing-export", "Billing export", expires_in=2 * DAY)
    page = text_of(desk.open("/admin/"))
    assert "Billing export : the last secret" in page and "Rotate" not in page


def test_an_expired_client_that_still_asks_is_named_with_how_often_it_was_refused(desk):
    now = utc_now()
    make_client("crm-bridge", "Legacy CRM bridge", expires_in=10 * DAY, now=now - 13 * DAY)
    refused("crm-bridge", "expired_secret", at=now, times=12)
    page = text_of(desk.open("/admin/"))
    assert (
        "Legacy CRM bridge was refused 12 times in 7 days: its last secret expired 3 days ago"
        in page
    )
    assert page.count("Legacy CRM bridge was") == 1
    assert "Refused Legacy CRM bridge" not in page


@pytest.mark.parametrize(("times", "is_named"), [(9, False), (10, True)])
def test_a_client_that_is_refused_often_in_a_day_is_named_with_the_reason(desk, times, is_named):
    make_client("billing-export", "Billing export")
    refused("billing-export", "scope_not_assigned", at=utc_now(), times=times)
    refused("billing-export", "wrong_secret", at=utc_now() - 3 * DAY, times=50)
    page = text_of(desk.open("/admin/"))
    assert (f"Billing export : {times} requests refused in 24 hours" in page) == is_named
    assert "50 requests" not in page
    link = "/admin/requests?client=billing-export&reason=scope_not_assigned"
    assert (link in links(desk)) == is_named


def test_what_nobody_knows_is_counted_together(desk):
    make_client("billing-export", "Billing export")
    refused("", "unknown_client", at=utc_now(), times=20)
    assert "Unknown clients : 20 requests refused in 24 hours" in text_of(desk.open("/admin/"))


def test_what_was_refused_of_a_client_that_is_gone_needs_nobody(desk):
    make_client("billing-export", "Billing export")
    refused("deleted", "wrong_secret", at=utc_now(), times=20)
    assert "Nothing needs attention." in text_of(desk.open("/admin/"))


def test_an_old_secret_that_is_still_used_and_ends_soon_is_named_with_who_uses_it(desk):
    now = utc_now()
    make_client("billing-export", "Billing export", now=now - 30 * DAY)
    client = find_client("billing-export")
    assert client is not None
    old = client.secrets[0].secret_id
    client_secrets.rotate_secret("billing-export", actor=TEST, now=now - DAY)
    used("billing-export", old, at=now - timedelta(minutes=3), address="10.0.4.7")
    page = text_of(desk.open("/admin/"))
    assert "In 5 days Billing export : the old secret “signet_…" in page
    assert "is still in use by 10.0.4.7, last 3 minutes ago" in page


def test_a_rotation_that_is_not_finished_comes_before_what_has_weeks_left(desk):
    now = utc_now()
    make_client("aaa", "Aaa", expires_in=20 * DAY)
    make_client("billing-export", "Billing export", now=now - 30 * DAY)
    client = find_client("billing-export")
    assert client is not None
    client_secrets.rotate_secret("billing-export", actor=TEST, now=now - DAY)
    used("billing-export", client.secrets[0].secret_id, at=now)
    page = text_of(desk.open("/admin/"))
    assert page.index("Billing export : the old secret") < page.index("Aaa : the last secret")


def test_an_old_secret_that_nobody_uses_any_more_needs_nobody(desk):
    now = utc_now()
    make_client("billing-export", "Billing export", now=now - 30 * DAY)
    client = find_client("billing-export")
    assert client is not None
    used("billing-export", client.secrets[0].secret_id, at=now - 2 * DAY)
    client_secrets.rotate_secret("billing-export", actor=TEST, now=now - DAY)
    assert "Nothing needs attention." in text_of(desk.open("/admin/"))


def test_a_chatty_client_is_named_with_what_it_could_save(desk):
    make_client("billing-export", "Billing export")
    used("billing-export", at=utc_now(), times=1_800)
    page = text_of(desk.open("/admin/"))
    assert "Chatty Billing export asks for 1,800 tokens an hour; one lasts 1 hour." in page
    assert "would save 99.9% of its requests" in page


def test_the_numbers_are_those_of_the_tables(desk):
    for index in range(3):
        make_client(f"client-{index}", f"Client {index}")
    take_due_step("RS256", encryption=wiring().encryption, actor=TEST, now=utc_now())
    used("client-0", at=utc_now(), times=1_990)
    used("client-0", outcome="introspection", at=utc_now(), times=7)
    refused("client-1", "wrong_secret", at=utc_now(), times=8)
    used("client-2", at=utc_now() - DAY, times=5)
    page = text_of(desk.open("/admin/"))
    assert "3 clients 1,990 tokens in 24 hours 0.4% refused in 24 hours 89 days until" in page
    assert "Tokens per hour 1,990 issued 8 refused" in page


def test_without_a_request_there_is_no_chart_and_no_share(desk):
    make_client("billing-export", "Billing export")
    page = text_of(desk.open("/admin/"))
    assert "0 tokens in 24 hours None refused in 24 hours" in page
    assert "Tokens per hour" not in page


def test_the_first_steps_end_with_the_first_token(desk):
    make_scope()
    make_client("billing-export", "Billing export")
    assert "Request a token" in text_of(desk.open("/admin/"))
    used("billing-export", at=utc_now())
    assert "First steps" not in text_of(desk.open("/admin/"))


def test_a_key_change_that_is_overdue_is_due_and_not_past(desk):
    now = utc_now()
    take_due_step("RS256", encryption=wiring().encryption, actor=TEST, now=now - 120 * DAY)
    assert "0 days until the signing key changes" in text_of(desk.open("/admin/"))


def test_the_latest_changes_are_the_last_five_and_no_sign_ins(app, desk):
    for index in range(6):
        make_client(f"client-{index}", f"Client {index}")
    sign_in(app.test_client(), "operator@example.org")
    page = text_of(desk.open("/admin/")).split("Latest changes")[1]
    assert [name for name in range(6) if f"the client Client {name}" in page] == [1, 2, 3, 4, 5]
    assert "Signed in" not in page
    assert "/admin/audit" in links(desk)


def test_a_change_leads_to_its_entry(desk):
    make_client("billing-export", "Billing export")
    link = next(link for link in links(desk) if link.startswith("/admin/audit/"))
    assert "Created the client Billing export" in text_of(desk.open(link))


def test_u32_markup_in_a_name_is_text(desk):
    make_client("aaa", "\"><img src=x onerror=alert(1)>{{7*7777}}' 🦀", expires_in=2 * DAY)
    page = desk.open("/admin/")
    assert read(page.text).all("img") == []
    assert "54439" not in page.text
