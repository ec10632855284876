"""The private link to the calendar of expiries: made once, kept as a digest, revoked."""

import logging
import re

import pytest
from flask import Flask
from flask.testing import FlaskClient
from icalendar import Calendar
from sqlalchemy import select
from werkzeug.test import TestResponse

from signet.json_log import JsonFormatter
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.calendar_links import CalendarLinkRow, find_calendar_link
from signet.models.database import read
from signet.operations.admins import delete_admin, disable_admin, enable_admin
from signet.operations.resource_server_secrets import create_secret
from signet.wiring import utc_now
from tests.admin.clients.steps import make_client, make_scope
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.signing_in import TEST

CALENDAR = "/admin/account/calendar"
ACCOUNT = "/admin/account"
NAME = "viewer@example.org"


@pytest.fixture
def engine() -> str:
    """One is enough: links are made and ended on both, where operations are."""
    return "sqlite"


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    """A viewer: whoever may sign in may have a calendar."""
    return sit_down(app, client, "viewer")


def make_link(desk: Desk) -> str:
    """The path of a new link."""
    return path_in(desk.send(CALENDAR, form_number=form_number(desk)))


def path_in(answer: TestResponse) -> str:
    assert answer.status_code == 200
    found = re.search(r"http://localhost:8000(/calendar/[\w-]{43}\.ics)", answer.text)
    assert found is not None
    return found[1]


def form_number(desk: Desk) -> str:
    found = re.search(r'name="form_number" value="([^"]+)"', desk.open(ACCOUNT).text)
    assert found is not None
    return found[1]


def feed(client: FlaskClient, path: str) -> TestResponse:
    return client.application.test_client().get(path)


def test_a_link_gives_the_calendar_to_whoever_has_it(desk, client):
    make_scope()
    make_client()
    create_secret("https://api.example.org", description="gateway", actor=TEST, now=utc_now())
    answer = feed(client, make_link(desk))
    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == "text/calendar; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Set-Cookie" not in answer.headers
    events = Calendar.from_ical(answer.data).walk("VEVENT")
    said = sorted(str(event["summary"]) for event in events)
    assert re.fullmatch("Secret signet_….{4} of Billing export expires", said[0])
    assert said[1] == "Secret “gateway” of the API https://api.example.org expires"


def test_what_does_not_end_or_has_been_revoked_is_no_event(desk, client):
    make_client("lasting", expires_in=None)
    answer = feed(client, make_link(desk))
    assert Calendar.from_ical(answer.data).walk("VEVENT") == []


def test_the_link_is_shown_once_and_kept_as_a_digest(desk):
    path = make_link(desk)
    assert find_calendar_link(NAME) is not None
    assert path.rpartition("/")[2][:43] not in desk.open(ACCOUNT).text
    with read() as session:
        assert path[10:53] not in repr(session.execute(select(CalendarLinkRow.digest)).all())
    assert path[10:53] not in repr(list_entries(AuditFilter()).entries)


def test_u35_a_reloaded_page_shows_no_link_and_the_first_one_works_on(desk, client):
    number = form_number(desk)
    path = path_in(desk.send(CALENDAR, form_number=number))
    again = desk.send(CALENDAR, form_number=number)
    assert again.status_code == 409
    assert "/calendar/" not in text_of(again)
    assert feed(client, path).status_code == 200


def test_another_link_ends_the_one_before(desk, client):
    first, second = make_link(desk), make_link(desk)
    assert feed(client, first).status_code == 404
    assert feed(client, second).status_code == 200


def test_a_revoked_link_shows_nothing_any_more(desk, client):
    path = make_link(desk)
    assert "Revoke calendar link" in text_of(desk.open(ACCOUNT))
    assert desk.send(f"{CALENDAR}/revoke").status_code == 303
    assert feed(client, path).status_code == 404
    assert "Revoke calendar link" not in text_of(desk.open(ACCOUNT))
    done = [entry.action for entry in list_entries(AuditFilter()).entries]
    assert done[:2] == ["admin.revoke_calendar_link", "admin.make_calendar_link"]


def test_revoking_a_link_that_is_not_there_is_said(desk):
    desk.send(f"{CALENDAR}/revoke")
    assert "There is no calendar link. Nothing was changed." in text_of(desk.open(ACCOUNT))


def test_the_link_of_a_disabled_admin_ends_for_good(desk, client):
    path = make_link(desk)
    disable_admin(NAME, actor=TEST, now=utc_now())
    assert feed(client, path).status_code == 404
    enable_admin(NAME, actor=TEST, now=utc_now())
    assert feed(client, path).status_code == 404


def test_the_link_of_a_deleted_admin_ends(desk, client):
    path = make_link(desk)
    delete_admin(NAME, actor=TEST, now=utc_now())
    assert feed(client, path).status_code == 404


@pytest.mark.parametrize("token", ["x", "a" * 43, "a%00b", "%ff", "a" * 3_000])
def test_a_token_that_nobody_has_is_not_found(desk, client, token):
    assert feed(client, f"/calendar/{token}.ics").status_code == 404


def test_the_token_stands_in_no_line_of_the_log(desk, client, caplog):
    path = make_link(desk)
    with caplog.at_level(logging.DEBUG):
        feed(client, path)
        feed(client, path + "/nothing")
    lines = [JsonFormatter().format(record) for record in caplog.records]
    assert any("/calendar/<redacted>" in line for line in lines)
    assert path[10:53] not in "".join(lines)


def test_a_calendar_cannot_be_written(desk, client):
    path = make_link(desk)
    for method in ("POST", "PUT", "DELETE", "PROPFIND"):
        answer = client.application.test_client().open(path, method=method)
        assert answer.status_code == 405
