"""The way in past the password, and what can be opened before its end (SECURITY U2, U17 to U19)."""

import re
import secrets
from collections.abc import Callable, Iterator
from typing import NamedTuple

import pyotp
import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from signet.models.admin_sessions import Stage
from signet.models.admins import ADMINISTRATOR, OPERATOR, find_admin_row
from signet.models.database import write
from signet.models.second_factors import TotpRow
from signet.views.admin.rights import NEXT_STEP, OPEN_ON_THE_WAY
from signet.wiring import utc_now
from tests.admin.desk import text_of
from tests.admin.house import House
from tests.admin.pages import read
from tests.admin.routes import ROUTES, Route, name_of
from tests.admin.signing_in import (
    RECOVERY_CODES,
    code_of_app,
    csrf_of,
    give_second_factor,
    make_admin,
    make_session,
    sign_in,
    sign_in_by_form,
)

#: Where each of them is led.
ADDRESSES = {
    Stage.SECOND_STEP: "/admin/sign-in/second-step",
    Stage.ENROLMENT: "/admin/account/totp",
    Stage.RECOVERY_CODES: "/admin/account/recovery-codes",
}
#: What each may open on the way in; written down here a second time.
OPEN = {
    Stage.SECOND_STEP: {
        "admin.second_step.show",
        "admin.second_step.check",
        "admin.second_step.show_recovery",
        "admin.second_step.recover",
        "admin.second_step.passkey",
    },
    Stage.ENROLMENT: {
        "admin.account_totp.show",
        "admin.account_totp.create",
        "admin.account_passkeys.new",
        "admin.account_passkeys.create",
    },
    Stage.RECOVERY_CODES: {
        "admin.account_codes.show",
        "admin.account_codes.create",
        "admin.account_codes.prove",
    },
}
PUBLIC = ("admin.setup.", "admin.sign_in.", "admin.invitation.")


class Arriving(NamedTuple):
    """An administrator on the way in."""

    name: str
    client: FlaskClient

    def open(self, path: str) -> TestResponse:
        return self.client.get(path)

    def send(self, path: str, page: str, **fields: str) -> TestResponse:
        """The answer to a form, with the token of a page that this session may open."""
        form = {"csrf_token": csrf_of(self.client.get(page))} | fields
        return self.client.post(path, data=form)


@pytest.fixture
def app(sqlite_house: House) -> Iterator[Flask]:
    """The app that the tests of this file share, with its context."""
    with sqlite_house.app.app_context():
        yield sqlite_house.app


def arrive(app: Flask, *, second_factor: bool = True) -> Arriving:
    """Somebody whose password was right."""
    name = make_admin(app, ADMINISTRATOR, f"ada.{secrets.token_hex(4)}@example.org")
    if second_factor:
        with write() as session:
            admin = find_admin_row(session, name)
            assert admin is not None
            give_second_factor(session, admin)
    client = app.test_client()
    assert sign_in_by_form(client, name).status_code == 303
    return Arriving(name, client)


def shown_seed(page: TestResponse) -> str:
    found = re.search(r"<code data-copy-text data-secret>([A-Z2-7 ]+)</code>", page.text)
    assert found is not None
    return found[1].replace(" ", "")


def sealed_seed(page: TestResponse) -> str:
    fields = {f.attributes.get("name"): f.attributes for f in read(page.text).all("input")}
    return str(fields["sealed"]["value"])


def set_up_app(ada: Arriving) -> TestResponse:
    page = ada.open("/admin/account/totp")
    code = pyotp.TOTP(shown_seed(page)).at(utc_now())
    path = "/admin/account/totp"
    return ada.client.post(
        path, data={"csrf_token": csrf_of(page), "sealed": sealed_seed(page), "code": code}
    )


@pytest.fixture(scope="module")
def on_the_way(sqlite_house: House) -> Callable[[Stage], Arriving]:
    """Somebody at each stage, whom all tests of routes share."""
    known: dict[Stage, Arriving] = {}

    def at(stage: Stage) -> Arriving:
        if stage not in known:
            with sqlite_house.app.app_context():
                ada = arrive(sqlite_house.app, second_factor=stage is Stage.SECOND_STEP)
                if stage is Stage.RECOVERY_CODES:
                    set_up_app(ada)
            known[stage] = ada
        return known[stage]

    return at


def test_u17_the_table_opens_to_each_stage_what_it_needs_and_nothing_else():
    assert OPEN == OPEN_ON_THE_WAY
    assert {stage: NEXT_STEP[stage] in OPEN[stage] for stage in OPEN} == dict.fromkeys(OPEN, True)


@pytest.mark.parametrize("stage", OPEN, ids=lambda stage: stage.value)
def test_u17_between_password_and_second_factor_every_other_route_leads_to_the_next_step(
    sqlite_house: House, on_the_way: Callable[[Stage], Arriving], stage: Stage
):
    """Each of them, by every method, with a token that is good."""
    ada = on_the_way(stage)
    token = csrf_of(ada.open(ADDRESSES[stage]))
    before = sqlite_house.contents()
    led: dict[str, object] = {}
    for route in closed_to(stage):
        url = sqlite_house.url(route.endpoint)
        data = None if route.is_safe else {"csrf_token": token, "name": "x", "role": "viewer"}
        answer = ada.client.open(url, method=route.method, data=data)
        led[name_of(route)] = (answer.status_code, str(answer.location).partition("?")[0])
    assert len(led) > 80
    assert led == dict.fromkeys(led, (303, ADDRESSES[stage]))
    assert sqlite_house.contents() == before


def closed_to(stage: Stage) -> list[Route]:
    return [
        route
        for route in ROUTES
        if route.endpoint not in OPEN[stage] and not route.endpoint.startswith(PUBLIC)
    ]


@pytest.mark.parametrize("stage", OPEN, ids=lambda stage: stage.value)
def test_u17_on_the_way_in_one_can_sign_out(app: Flask, stage: Stage):
    ada = arrive(app, second_factor=stage is Stage.SECOND_STEP)
    if stage is Stage.RECOVERY_CODES:
        set_up_app(ada)
    answer = ada.send("/admin/sign-out", ADDRESSES[stage])
    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")
    assert ada.open(ADDRESSES[stage]).location.startswith("/admin/sign-in")


def test_u17_no_page_on_the_way_in_names_the_others(app: Flask):
    page = read(arrive(app).open(ADDRESSES[Stage.SECOND_STEP]).text)
    assert page.all("nav") == []


def test_whoever_has_no_second_factor_comes_in_by_an_app_and_recovery_codes(app: Flask):
    ada = arrive(app, second_factor=False)
    assert ada.open("/admin/").location == "/admin/account/totp"
    answer = set_up_app(ada)
    assert (answer.status_code, answer.location) == (303, "/admin/account/recovery-codes")
    shown = ada.send("/admin/account/recovery-codes", "/admin/account/recovery-codes")
    codes = re.findall(r"\b(?:[A-Z2-9]{4}-){5}[A-Z2-9]{4}\b", text_of(shown))
    assert len(codes) == 10
    page = "/admin/account/recovery-codes"
    wrong = ada.send("/admin/account/recovery-codes/proof", page, code="AAAA")
    assert wrong.status_code == 422
    assert not any(code in wrong.text for code in codes)
    assert ada.open("/admin/").location == "/admin/account/recovery-codes"
    right = ada.send("/admin/account/recovery-codes/proof", page, code=codes[7])
    assert (right.status_code, right.location) == (303, "/admin/")
    assert ada.open("/admin/").status_code == 200


def test_a_wrong_code_brings_the_same_picture_again(app: Flask):
    ada = arrive(app, second_factor=False)
    page = ada.open("/admin/account/totp")
    sent = {"csrf_token": csrf_of(page), "sealed": sealed_seed(page), "code": "000000"}
    again = ada.client.post("/admin/account/totp", data=sent)
    assert again.status_code == 422
    assert shown_seed(again) == shown_seed(page)
    assert "This is not the code that your app shows now" in text_of(again)


def test_each_look_offers_another_seed_and_keeps_none(app: Flask):
    ada = arrive(app, second_factor=False)
    first, second = ada.open("/admin/account/totp"), ada.open("/admin/account/totp")
    assert shown_seed(first) != shown_seed(second)
    with write() as session:
        admin = find_admin_row(session, ada.name)
        assert admin is not None
        assert session.get(TotpRow, admin.id) is None


def test_u7_the_picture_is_drawn_without_anything_inline(app: Flask):
    page = read(arrive(app, second_factor=False).open("/admin/account/totp").text)
    picture = next(svg for svg in page.all("svg") if svg.attributes.get("role") == "img")
    assert picture.attributes["aria-label"] == "QR code for an authenticator app"
    paths = [path for path in page.all("path") if path.attributes["d"].startswith("M4 4h7")]
    assert len(paths) == 1
    assert not any("style" in element.attributes for element in page.elements)


def test_u17_the_right_code_leads_to_the_page_that_was_asked_for(app: Flask):
    ada = arrive(app)
    led = ada.open("/admin/clients?q=crm").location
    assert led == "/admin/sign-in/second-step?next=/admin/clients?q%3Dcrm"
    answer = ada.send(ADDRESSES[Stage.SECOND_STEP], led, code=code_of_app(), next="/admin/clients")
    assert (answer.status_code, answer.location) == (303, "/admin/clients")
    assert ada.open("/admin/clients").status_code == 200


@pytest.mark.parametrize("target", ["https://evil.example", "//evil.example", "/connect/token"])
def test_u24_the_second_step_leads_nowhere_else(app: Flask, target: str):
    ada, path = arrive(app), ADDRESSES[Stage.SECOND_STEP]
    answer = ada.send(path, path, code=code_of_app(), next=target)
    assert (answer.status_code, answer.location) == (303, "/admin/")


def test_u17_a_wrong_code_is_said_at_the_field(app: Flask):
    ada, path = arrive(app), ADDRESSES[Stage.SECOND_STEP]
    answer = ada.send(path, path, code="000000", next="/admin/clients")
    assert answer.status_code == 422
    assert "This is not the code that your app shows now, or it was used before" in answer.text
    assert 'value="/admin/clients"' in answer.text
    assert ada.open("/admin/clients").status_code == 303


def test_u18_wrong_codes_are_slowed_down(app: Flask):
    ada, path = arrive(app), ADDRESSES[Stage.SECOND_STEP]
    ada.client.environ_base["REMOTE_ADDR"] = "192.0.2.77"
    statuses = [ada.send(path, path, code="000000").status_code for _ in range(6)]
    assert statuses == [422] * 5 + [429]


def test_u19_a_recovery_code_lets_in_once_and_says_what_to_do(app: Flask):
    page = f"{ADDRESSES[Stage.SECOND_STEP]}/recovery-code"
    ada = arrive(app)
    answer = ada.send(page, page, code=RECOVERY_CODES[2].lower())
    assert (answer.status_code, answer.location) == (303, "/admin/")
    assert "That recovery code is used up." in ada.open("/admin/").text
    assert "9 of 10 left" in text_of(ada.open("/admin/account"))
    again = Arriving(ada.name, app.test_client())
    sign_in_by_form(again.client, ada.name)
    assert again.send(page, page, code=RECOVERY_CODES[2]).status_code == 422


def test_u2_the_token_of_a_form_from_before_the_second_factor_is_refused_afterwards(app: Flask):
    ada, path = arrive(app), ADDRESSES[Stage.SECOND_STEP]
    old = csrf_of(ada.open(path))
    ada.send(path, path, code=code_of_app())
    assert ada.client.post("/admin/sign-out", data={"csrf_token": old}).status_code == 400


def test_whoever_is_signed_in_needs_no_second_step(app: Flask):
    client = app.test_client()
    sign_in(client, make_admin(app, OPERATOR, f"{secrets.token_hex(4)}@example.org"))
    assert client.get(ADDRESSES[Stage.SECOND_STEP]).location == "/admin/"


def test_a_session_from_before_there_were_second_factors_is_not_complete(app: Flask):
    name = make_admin(app, OPERATOR, f"{secrets.token_hex(4)}@example.org")
    client = app.test_client()
    client.set_cookie("signet", make_session(name, second_factor=""))
    assert client.get("/admin/clients").location.startswith(ADDRESSES[Stage.SECOND_STEP])


def test_password_managers_and_phones_know_the_field_of_the_code(app: Flask):
    page = read(arrive(app).open(ADDRESSES[Stage.SECOND_STEP]).text)
    field = next(f.attributes for f in page.all("input") if f.attributes.get("name") == "code")
    assert field["autocomplete"] == "one-time-code"
    assert field["inputmode"] == "numeric"
