"""Confirm it is you: grave acts ask again (SECURITY U5, U44)."""

import re
import secrets
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete
from werkzeug.test import TestResponse

from app import create_app
from signet.models.admins import ADMINISTRATOR, ROLES
from signet.models.clients import find_client
from signet.models.database import write
from signet.models.second_factors import TotpRow
from signet.views.admin.grave_acts import CONFIRMED
from signet.views.admin.rights import LEAST_ROLE
from tests.admin.clock import Clock, moved_clock
from tests.admin.desk import text_of
from tests.admin.house import House
from tests.admin.pages import read
from tests.admin.routes import ROUTES, Route, name_of
from tests.admin.signing_in import PASSWORD, csrf_of, make_admin, make_session, sign_in
from tests.conftest import MakeSettings, StrangerClient
from tests.databases import Databases
from tests.running import opened

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SECRETS = "/admin/clients/billing-export/secrets"
#: SECURITY U5 in the words of the routes; written down here a second time.
GRAVE = {
    *("admin.clients.create", "admin.client_secrets.create", "admin.api_secrets.create"),
    *("admin.keys.rotate", "admin.keys.remove", "admin.settings.export"),
    *("admin.admins.set_role", "admin.admins.disable", "admin.admins.enable"),
    *("admin.admins.delete", "admin.admin_links.create", "admin.admin_links.password"),
    *("admin.admin_links.second_factor", "admin.account.change_password"),
    *("admin.account_totp.create", "admin.account_totp.remove", "admin.account_codes.create"),
    *("admin.account_passkeys.create", "admin.account_passkeys.remove"),
}


class Ada(NamedTuple):
    """An administrator whose last proof is eleven minutes old."""

    name: str
    client: FlaskClient

    def open(self, path: str) -> TestResponse:
        return self.client.get(path)

    def send(self, path: str, **fields: str | list[str]) -> TestResponse:
        token = csrf_of(self.client.get("/admin/"))
        return self.client.post(path, data={"csrf_token": token} | fields)


@pytest.fixture
def app(sqlite_house: House) -> Iterator[Flask]:
    """The app that the tests of this file share, with its context."""
    with sqlite_house.app.app_context():
        yield sqlite_house.app


@pytest.fixture
def clock(app: Flask) -> Iterator[Clock]:
    """The clock that the app goes by during this test."""
    with moved_clock(app, NOON) as clock:
        yield clock


@pytest.fixture
def ada(app: Flask, clock: Clock) -> Ada:
    client = app.test_client()
    name = make_admin(app, ADMINISTRATOR, f"ada.{secrets.token_hex(4)}@example.org")
    sign_in(client, name)
    clock.now += timedelta(minutes=11)
    return Ada(name, client)


def hidden_fields(page: TestResponse) -> list[tuple[str, str]]:
    """What the form with the password takes along."""
    form = re.search(r'action="/admin/confirm"(.*?)</form>', page.text, re.S)
    assert form is not None
    inputs = read(form[1]).all("input")
    return [
        (str(each.attributes["name"]), str(each.attributes.get("value", "")))
        for each in inputs
        if each.attributes.get("type") == "hidden"
    ]


def go_on(ada: Ada, page: TestResponse, password: str = PASSWORD) -> TestResponse:
    """The answer to Continue."""
    fields: dict[str, list[str]] = {}
    for name, value in hidden_fields(page):
        fields.setdefault(name, []).append(value)
    return ada.client.post("/admin/confirm", data=fields | {"confirm_password": password})


def test_u5_every_grave_act_stands_in_the_table():
    assert sorted(GRAVE - CONFIRMED.keys()) == []
    assert sorted(CONFIRMED.keys() - LEAST_ROLE.keys()) == []
    used = {page for act in CONFIRMED.values() for page in (act.form, act.back)}
    assert sorted(used - LEAST_ROLE.keys()) == []


GRAVE_ROUTES = [route for route in ROUTES if route.endpoint in CONFIRMED]


def test_u5_without_a_fresh_proof_a_page_leads_to_the_question_and_a_form_does_nothing(
    sqlite_house: House, ada: Ada
):
    token = csrf_of(ada.open("/admin/"))
    before = sqlite_house.contents()
    answers: dict[str, object] = {}
    for route in GRAVE_ROUTES:
        answers[name_of(route)] = _outcome(sqlite_house, ada, route, token)
    assert len(answers) > 25
    wanted = {name_of(r): 303 if r.is_safe else 403 for r in GRAVE_ROUTES}
    assert answers == wanted
    assert sqlite_house.contents() == before


def _outcome(house: House, ada: Ada, route: Route, token: str) -> object:
    url = house.url(route.endpoint)
    data = None if route.is_safe else {"csrf_token": token, "role": "viewer", "name": "x"}
    answer = ada.client.open(url, method=route.method, data=data)
    if route.is_safe:
        is_asked = answer.location == f"/admin/confirm?next={url}"
    else:
        is_asked = "Confirm it is you" in answer.text
    return answer.status_code if is_asked else (answer.status_code, answer.location)


def test_u5_a_fresh_session_is_not_asked_and_after_ten_minutes_it_is(ada: Ada, clock: Clock):
    clock.now = NOON + timedelta(minutes=9, seconds=59)
    assert ada.open(f"{SECRETS}/new").status_code == 200
    clock.now = NOON + timedelta(minutes=10)
    assert ada.open(f"{SECRETS}/new").status_code == 303


def test_u5_the_question_names_the_act_and_the_password_leads_back_to_the_page(ada: Ada):
    page = ada.open(ada.open(f"{SECRETS}/new").location)
    assert page.status_code == 200
    assert "You are about to make a new secret for Billing export." in text_of(page)
    answer = go_on(ada, page)
    assert (answer.status_code, answer.location) == (303, f"{SECRETS}/new")
    assert ada.open(answer.location).status_code == 200


def test_u5_a_wrong_password_confirms_nothing(ada: Ada):
    answer = go_on(ada, ada.open(f"/admin/confirm?next={SECRETS}/new"), "wrong")
    assert answer.status_code == 422
    assert "The password is wrong" in text_of(answer)
    assert ada.open(f"{SECRETS}/new").status_code == 303


def test_u14_wrong_passwords_are_slowed_down_here_too_and_nothing_typed_is_lost(ada: Ada):
    ada.client.environ_base["REMOTE_ADDR"] = "192.0.2.78"
    page = ada.send(SECRETS, description="prod 2027")
    for _ in range(5):
        page = go_on(ada, page, "wrong")
        assert page.status_code == 422
    page = go_on(ada, page)
    assert page.status_code == 429
    assert page.headers["Retry-After"] == "1"
    assert ("description", "prod 2027") in hidden_fields(page)


def test_u44_what_was_typed_stands_in_the_form_again_and_was_not_sent(app: Flask, ada: Ada):
    fields = {"description": "prod <2027>", "overlap": "24h", "expires_in": "90d"}
    asked = ada.send(SECRETS, **fields, replaces=["a", "b"])
    assert asked.status_code == 403
    answer = go_on(ada, asked)
    assert answer.status_code == 200
    page = read(answer.text)
    assert page.title == "New secret for Billing export – Signet"
    values = {f.attributes.get("name"): f.attributes.get("value") for f in page.all("input")}
    assert values["description"] == "prod <2027>"
    checked = {
        (f.attributes.get("name"), f.attributes.get("value"))
        for f in page.all("input")
        if "checked" in f.attributes
    }
    assert {("overlap", "24h"), ("expires_in", "90d")} <= checked
    assert "Confirmed. Nothing was sent yet" in answer.text
    client = find_client("billing-export")
    assert client is not None
    assert len(client.secrets) == 1


def test_u44_the_form_that_came_back_can_be_sent(ada: Ada):
    answer = go_on(ada, ada.send("/admin/clients/new", name="Kept", client_id="kept-client"))
    page = read(answer.text)
    form = {
        str(f.attributes["name"]): str(f.attributes.get("value", ""))
        for f in page.all("input")
        if f.attributes.get("type") in ("hidden", "text") and f.attributes.get("name")
    }
    assert form["client_id"] == "kept-client"
    assert form["form_number"] != ""
    made = ada.client.post("/admin/clients/new", data=form | {"expires_in": "365d"})
    assert "save the secret now" in made.text


def test_u5_no_secret_goes_along(ada: Ada):
    sent = {
        "password": "canary-1",
        "new_password": "canary-2",
        "client_secret": "canary-3",
        "code": "canary-4",
        "token": "canary-5",
        "credential": "canary-6",
        "sealed": "canary-7",
        "form_number": "canary-8",
        "access_token_lifetime": "60",
        "secret_expires": "90d",
    }
    page = ada.send(SECRETS, **sent)
    assert "canary" not in page.text
    names = {name for name, _ in hidden_fields(page)}
    assert {"access_token_lifetime", "secret_expires"} <= names


def test_u32_what_was_typed_is_text_in_the_question(ada: Ada):
    page = ada.send(SECRETS, **{"description": '"><img src=x>', "x<script>": "1"})
    assert "<img" not in page.text
    assert "x<script>" not in page.text


@pytest.mark.parametrize(
    "target",
    ["", "https://evil.example", "//evil.example/admin/keys/rotate", "/admin/nothing", "/admin/"],
)
def test_u24_the_question_leads_nowhere_else(ada: Ada, target: str):
    answer = ada.client.get("/admin/confirm", query_string={"next": target})
    assert (answer.status_code, answer.location) == (303, "/admin/")
    for field in (target, f"{SECRETS}/new"):
        sent = {"confirm_next": target, "confirm_for": "admin.keys.rotate"}
        answer = ada.send("/admin/confirm", confirm_password=PASSWORD, **sent, name=field)
        assert (answer.status_code, answer.location) == (303, "/admin/")


@pytest.mark.parametrize("role", [role for role in ROLES if role != ADMINISTRATOR])
def test_u27_a_confirmation_opens_no_page_beyond_the_role(app: Flask, clock: Clock, role: str):
    # After the clock of the others, from whose address it comes.
    clock.now += timedelta(hours=1)
    client = app.test_client()
    name = make_admin(app, role, f"{secrets.token_hex(4)}@example.org")
    sign_in(client, name)
    sent = {"confirm_next": "/admin/keys/rotate", "confirm_for": "admin.keys.rotate"}
    sent |= {"confirm_password": PASSWORD, "kept": "so that the page is drawn at once"}
    sent["csrf_token"] = csrf_of(client.get("/admin/"))
    assert client.post("/admin/confirm", data=sent).status_code == 403


def test_u5_cancel_leads_away_from_the_act(ada: Ada):
    page = read(ada.open(f"/admin/confirm?next={SECRETS}/new").text)
    links = [link.attributes["href"] for link in page.all("a", within="form")]
    assert links == [SECRETS]


def test_u5_how_long_a_proof_lasts_is_a_setting(make_settings: MakeSettings, databases: Databases):
    with (
        databases.fresh("sqlite") as url,
        opened(create_app(make_settings(SIGNET_DATABASE_URL=url, SIGNET_CONFIRM="30s"))) as app,
        moved_clock(app, NOON) as clock,
    ):
        app.test_client_class = StrangerClient
        client = app.test_client()
        sign_in(client, make_admin(app))
        assert client.get("/admin/clients/new").status_code == 200
        clock.now += timedelta(seconds=30)
        assert client.get("/admin/clients/new").status_code == 303


def test_u5_a_proof_of_the_future_lasts_no_longer(ada: Ada, clock: Clock):
    """A clock that was set back must not keep the door open."""
    clock.now = NOON - timedelta(minutes=10)
    assert ada.open(f"{SECRETS}/new").status_code == 303


def test_u5_a_session_that_is_setting_up_its_first_factor_is_not_asked(app: Flask, clock: Clock):
    name = make_admin(app, ADMINISTRATOR, f"{secrets.token_hex(4)}@example.org")
    client = app.test_client()
    client.set_cookie("signet", make_session(name, second_factor=""))
    with write() as session:
        session.execute(delete(TotpRow))
    assert client.get("/admin/account/totp").status_code == 200
