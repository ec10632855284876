"""Cookies, and sessions that the server can end (SECURITY U1 to U4)."""

import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.cookies import Morsel, SimpleCookie
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from signet.extensions import db
from signet.models.admins import ADMINISTRATOR, OPERATOR, ROLES
from signet.operations import admin_links, admins
from signet.operations.clients import ClientFacts, register_client
from signet.wiring import utc_now, wiring
from tests.admin.clock import Clock, moved_clock
from tests.admin.house import House, kept
from tests.admin.signing_in import (
    PASSWORD,
    TEST,
    code_of_app,
    csrf_of,
    make_admin,
    make_session,
    sign_in,
    sign_in_by_form,
)
from tests.conftest import MakeSettings, StrangerClient
from tests.databases import Databases
from tests.running import opened

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
HTTPS = "https://id.example.org"


class Ada(NamedTuple):
    """An operator of this test's own, and a browser in which she is signed in."""

    name: str
    browser: FlaskClient


@pytest.fixture
def app(house: House) -> Iterator[Flask]:
    """The app that the tests of this file share, with its context."""
    with house.app.app_context():
        yield house.app


@pytest.fixture
def browser(app: Flask) -> FlaskClient:
    """A browser that nobody has used."""
    return app.test_client()


@pytest.fixture
def ada(app: Flask, browser: FlaskClient) -> Ada:
    """An operator who is signed in; there is an administrator besides."""
    name = make_admin(app, OPERATOR, f"ada.{secrets.token_hex(4)}@example.org")
    sign_in(browser, name)
    return Ada(name, browser)


@pytest.fixture(scope="module")
def other_node(house: House) -> Iterator[Flask]:
    """Another server over the same database and keys."""
    with house.app.app_context():
        settings = wiring().settings
    with kept(create_app(settings)) as other:
        yield other


@pytest.fixture
def https_app(make_settings: MakeSettings, databases: Databases) -> Iterator[Flask]:
    """A server whose issuer is https, with an administrator."""
    with databases.fresh("sqlite") as url:
        settings = make_settings(SIGNET_DATABASE_URL=url, SIGNET_ISSUER=HTTPS)
        with opened(create_app(settings)) as app:
            app.test_client_class = StrangerClient
            make_session(make_admin(app))
            yield app


@pytest.fixture
def clock(app: Flask) -> Iterator[Clock]:
    """The clock that the app goes by during this test."""
    with moved_clock(app, NOON) as clock:
        yield clock


def cookies_of(answer: TestResponse) -> dict[str, Morsel[str]]:
    """What an answer sets, by name."""
    cookies: SimpleCookie = SimpleCookie()
    for header in answer.headers.getlist("Set-Cookie"):
        cookies.load(header)
    return dict(cookies)


def session_id(client: FlaskClient, name: str = "signet") -> str:
    """The id in a browser's cookie."""
    cookie = client.get_cookie(name)
    assert cookie is not None
    return cookie.value


def is_signed_in(app: Flask, cookie: str, name: str = "signet") -> bool:
    """Whether a browser with this cookie sees a page of admins."""
    browser = app.test_client()
    browser.set_cookie(name, cookie)
    status = browser.get("/admin/clients").status_code
    assert status in (200, 303)
    return status == 200


def sign_out(client: FlaskClient) -> TestResponse:
    token = csrf_of(client.get("/admin/clients"))
    return client.post("/admin/sign-out", data={"csrf_token": token})


def steps_of_a_session(app: Flask, issuer: str) -> dict[str, dict[str, Morsel[str]]]:
    """The cookies that each answer on the way through a session sets."""
    browser = app.test_client()
    page = browser.get("/admin/sign-in", base_url=issuer)
    form = {"name": f"{ADMINISTRATOR}@example.org", "password": PASSWORD}
    form["csrf_token"] = csrf_of(page)
    signed_in = browser.post("/admin/sign-in", base_url=issuer, data=form)
    form = {"code": code_of_app()}
    form["csrf_token"] = csrf_of(browser.get("/admin/sign-in/second-step", base_url=issuer))
    second_step = browser.post("/admin/sign-in/second-step", base_url=issuer, data=form)
    token = csrf_of(browser.get("/admin/clients", base_url=issuer))
    signed_out = browser.post("/admin/sign-out", base_url=issuer, data={"csrf_token": token})
    return {
        "page": cookies_of(page),
        "sign-in": cookies_of(signed_in),
        "second step": cookies_of(second_step),
        "sign-out": cookies_of(signed_out),
    }


def check_cookies(set_by: dict[str, dict[str, Morsel[str]]], *, prefix: str, secure: bool) -> None:
    """Compare every cookie with what SECURITY asks of it."""
    names = {step: set(cookies) for step, cookies in set_by.items()}
    visitor_cookie, id_cookie = prefix + "signet-visitor", prefix + "signet"
    assert names["page"] == {visitor_cookie}
    assert names["sign-in"] == {visitor_cookie, id_cookie}
    assert id_cookie in names["second step"] <= {visitor_cookie, id_cookie}
    assert id_cookie in names["sign-out"] <= {visitor_cookie, id_cookie}
    assert set_by["sign-out"][id_cookie].value == ""
    for cookies in set_by.values():
        for cookie in cookies.values():
            assert bool(cookie["secure"]) is secure
            assert cookie["httponly"] is True
            assert cookie["samesite"] == "Lax"
            assert cookie["path"] == "/"
            assert cookie["domain"] == ""
            # A cookie of the browser's session, but for one that is taken back.
            assert bool(cookie["max-age"] or cookie["expires"]) is (cookie.value == "")


def test_u1_under_https_every_cookie_is_bound_to_the_host_and_to_https(https_app: Flask):
    check_cookies(steps_of_a_session(https_app, HTTPS), prefix="__Host-", secure=True)


def test_u1_on_a_loopback_issuer_the_same_cookies_work_without_https(app: Flask):
    check_cookies(steps_of_a_session(app, "http://localhost:8000"), prefix="", secure=False)


def test_u1_under_https_a_cookie_of_another_name_signs_nobody_in(https_app: Flask):
    cookie = make_session(f"{ADMINISTRATOR}@example.org")
    names = ("__Host-signet", "signet", "session", "__Secure-signet", "__host-signet")
    statuses = {
        name: https_app.test_client(use_cookies=False)
        .get("/admin/clients", base_url=HTTPS, headers={"Cookie": f"{name}={cookie}"})
        .status_code
        for name in names
    }
    assert statuses == dict.fromkeys(names, 303) | {"__Host-signet": 200}


@pytest.mark.parametrize("cookie", ["=x; =signet", "signet", "=", ";;;", "signet=\x7f; a=\xff"])
def test_c25_a_malformed_cookie_is_that_of_a_visitor(app: Flask, cookie: str):
    browser = app.test_client(use_cookies=False)
    answer = browser.get("/admin/clients", headers={"Cookie": cookie})
    assert answer.status_code == 303


def test_u1_what_is_no_page_sets_no_cookie(ada: Ada):
    for path in (
        "/connect/token",
        "/.well-known/jwks.json",
        "/healthz",
        "/nothing",
        "/adminx",
        "/",
    ):
        answer = ada.browser.get(path)
        assert "Set-Cookie" not in answer.headers


def test_u2_the_session_id_is_new_at_the_password_and_again_at_the_second_factor(
    app: Flask, browser: FlaskClient, ada: Ada
):
    browser.set_cookie("signet", "chosen-by-a-stranger")
    sign_in_by_form(browser, ada.name)
    after_password = session_id(browser)
    assert after_password != "chosen-by-a-stranger"
    form = {"code": code_of_app()}
    form["csrf_token"] = csrf_of(browser.get("/admin/sign-in/second-step"))
    assert browser.post("/admin/sign-in/second-step", data=form).location == "/admin/"
    assert session_id(browser) != after_password
    assert is_signed_in(app, session_id(browser))
    assert not is_signed_in(app, "chosen-by-a-stranger")
    assert not is_signed_in(app, after_password)


def test_u2_a_second_sign_in_ends_the_first_session(app: Flask, ada: Ada):
    first = session_id(ada.browser)
    form = {
        "name": ada.name,
        "password": PASSWORD,
        "csrf_token": csrf_of(ada.browser.get("/admin/clients")),
    }
    assert ada.browser.post("/admin/sign-in", data=form).status_code == 303
    assert session_id(ada.browser) != first
    assert not is_signed_in(app, first)


def test_u2_what_a_visitor_had_does_not_come_along(browser: FlaskClient):
    """A planted visitor's cookie would bring a CSRF token that its planter knows."""
    old = csrf_of(browser.get("/admin/sign-in"))
    sign_in_by_form(browser, f"{ADMINISTRATOR}@example.org")
    assert browser.get_cookie("signet-visitor") is None
    assert browser.post("/admin/sign-out", data={"csrf_token": old}).status_code == 400


def test_u2_the_session_id_has_256_random_bits(house: House):
    ids = {session_id(house.people[role]) for role in ROLES}
    assert len(ids) == len(ROLES)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{43}", value) for value in ids)


def test_u2_the_database_does_not_hold_the_session_id(house: House, ada: Ada):
    rows = house.contents()["admin_session"]
    assert len(rows) > 0
    assert session_id(ada.browser) not in str(rows)


def test_u3_a_session_ends_after_half_an_hour_without_a_request(app: Flask, clock: Clock, ada: Ada):
    clock.now += timedelta(minutes=29, seconds=59)
    assert ada.browser.get("/admin/clients").status_code == 200
    clock.now += timedelta(minutes=30)
    assert ada.browser.get("/admin/clients").status_code == 303
    # The browser still has its cookie: it is the server that refuses.
    assert not is_signed_in(app, session_id(ada.browser))


def test_u3_a_session_ends_after_twelve_hours_however_busy(app: Flask, clock: Clock, ada: Ada):
    while clock.now < NOON + timedelta(hours=11, minutes=40):
        clock.now += timedelta(minutes=20)
        assert ada.browser.get("/admin/clients").status_code == 200
    clock.now = NOON + timedelta(hours=12)
    assert ada.browser.get("/admin/clients").status_code == 303


def test_u3_a_form_of_a_session_that_has_ended_is_refused_and_does_nothing(
    house: House, clock: Clock, ada: Ada
):
    token = csrf_of(ada.browser.get("/admin/scopes/new"))
    clock.now += timedelta(hours=1)
    form = {"csrf_token": token, "name": "too.late", "apis": "external-api"}
    before = house.contents()
    assert ada.browser.post("/admin/scopes/new", data=form).status_code == 400
    assert house.contents() == before


def test_u3_limits_are_settings(make_settings: MakeSettings, databases: Databases):
    with databases.fresh("sqlite") as url:
        limits = {"SIGNET_SESSION_IDLE": "5m", "SIGNET_SESSION_MAX": "8m"}
        with opened(create_app(make_settings(SIGNET_DATABASE_URL=url, **limits))) as app:
            app.test_client_class = StrangerClient
            browser = app.test_client()
            with moved_clock(app, NOON) as clock:
                sign_in(browser, make_admin(app))
                statuses = []
                for _ in range(3):
                    clock.now += timedelta(minutes=4)
                    statuses.append(browser.get("/admin/clients").status_code)
    assert statuses == [200, 303, 303]


def reset_password(name: str) -> None:
    admins.reset_password(name, "orchid-tundra-violin-kettle", actor=TEST, now=utc_now())


def disable(name: str) -> None:
    admins.disable_admin(name, actor=TEST, now=utc_now())


def disable_and_enable(name: str) -> None:
    disable(name)
    admins.enable_admin(name, actor=TEST, now=utc_now())


def delete(name: str) -> None:
    admins.delete_admin(name, actor=TEST, now=utc_now())


def delete_and_make_anew(name: str) -> None:
    delete(name)
    admins.create_admin(name, role=ADMINISTRATOR, password=PASSWORD, actor=TEST, now=utc_now())


def raise_role(name: str) -> None:
    admins.set_role(name, "administrator", actor=TEST, now=utc_now())


def lower_role(name: str) -> None:
    admins.set_role(name, "viewer", actor=TEST, now=utc_now())


def end_sessions(name: str) -> None:
    admins.end_sessions(name, actor=TEST, now=utc_now())


def choose_password(name: str) -> None:
    link = admin_links.make_password_link(name, actor=TEST, now=utc_now())
    admin_links.choose_password(
        link.token, "walnut-saddle-quartz-ribbon", actor=TEST, now=utc_now()
    )


def drop_second_factor(name: str) -> None:
    link = admin_links.make_second_factor_link(name, actor=TEST, now=utc_now())
    admin_links.drop_second_factor(link.token, PASSWORD, actor=TEST, now=utc_now())


@pytest.mark.parametrize(
    "act",
    [
        reset_password,
        choose_password,
        drop_second_factor,
        disable,
        disable_and_enable,
        delete,
        delete_and_make_anew,
        raise_role,
        lower_role,
        end_sessions,
    ],
)
def test_u4_an_act_upon_the_admin_ends_every_session_on_every_node(
    app: Flask, other_node: Flask, ada: Ada, act: Callable[[str], None]
):
    elsewhere = other_node.test_client()
    sign_in(elsewhere, ada.name)
    copies = [session_id(ada.browser), session_id(elsewhere)]
    assert [is_signed_in(node, copy) for node in (app, other_node) for copy in copies] == [True] * 4
    act(ada.name)
    assert [is_signed_in(node, copy) for node in (app, other_node) for copy in copies] == (
        [False] * 4
    )


def test_u4_sign_out_kills_the_session_on_every_node(app: Flask, other_node: Flask, ada: Ada):
    copy = session_id(ada.browser)
    answer = sign_out(ada.browser)
    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")
    assert [is_signed_in(node, copy) for node in (app, other_node)] == [False, False]


def test_u4_sign_out_leaves_the_other_sessions_of_the_admin_alone(
    app: Flask, other_node: Flask, ada: Ada
):
    elsewhere = other_node.test_client()
    sign_in(elsewhere, ada.name)
    sign_out(ada.browser)
    assert is_signed_in(app, session_id(elsewhere))


def test_u4_an_act_upon_one_admin_leaves_the_sessions_of_others_alone(app: Flask, ada: Ada):
    other = app.test_client()
    sign_in(other, f"{ADMINISTRATOR}@example.org")
    disable(ada.name)
    assert is_signed_in(app, session_id(other))


def test_u9_sign_out_empties_what_the_browser_keeps_of_us_and_no_cookie_of_others(
    ada: Ada,
):
    assert sign_out(ada.browser).headers["Clear-Site-Data"] == '"cache", "storage"'


def test_a_new_role_counts_from_the_next_sign_in(app: Flask, ada: Ada):
    assert ada.browser.get("/admin/clients/new").status_code == 200
    lower_role(ada.name)
    sign_in(ada.browser, ada.name)
    assert ada.browser.get("/admin/clients/new").status_code == 403


def test_a_visitors_cookie_that_was_changed_is_no_cookie(browser: FlaskClient):
    token = csrf_of(browser.get("/admin/sign-in"))
    cookie = browser.get_cookie("signet-visitor")
    assert cookie is not None
    browser.set_cookie("signet-visitor", cookie.value[:-2] + "xx")
    form = {"name": "ada@example.org", "password": "whatever it may be", "csrf_token": token}
    assert browser.post("/admin/sign-in", data=form).status_code == 400


def test_with_another_secret_key_sessions_stay_and_old_forms_are_refused(app: Flask, ada: Ada):
    token = csrf_of(ada.browser.get("/admin/clients"))
    with app.app_context():
        settings = wiring().settings
    changed = replace(settings, secret_key="another key, and just as long as it has to be")
    with opened(create_app(changed)) as restarted:
        restarted.test_client_class = StrangerClient
        browser = restarted.test_client()
        browser.set_cookie("signet", session_id(ada.browser))
        browser.set_cookie("signet-visitor", "signed.with.the-old-key")
        assert browser.post("/admin/sign-out", data={"csrf_token": token}).status_code == 400
        assert sign_out(browser).status_code == 303


def test_messages_that_nobody_reads_do_not_outgrow_the_cookie(app: Flask, ada: Ada):
    token = {"csrf_token": csrf_of(ada.browser.get("/admin/clients"))}
    for _ in range(20):
        # Characters that nothing compresses.
        name = "".join(chr(0x4E00 + secrets.randbelow(20_000)) for _ in range(100))
        with app.app_context():
            issued = register_client(ClientFacts(name=name), actor=TEST, now=utc_now())
        answer = ada.browser.post(f"/admin/clients/{issued.client_id}/disable", data=token)
        assert answer.status_code == 303
    cookie = ada.browser.get_cookie("signet-visitor")
    assert cookie is not None
    assert 3_000 < len(cookie.value) < 4_000
    # The newest are those that are kept, and they are shown once.
    message = f"Client “{name}” was disabled."
    assert message in ada.browser.get("/admin/clients").text
    assert message not in ada.browser.get("/admin/clients").text


def test_a_session_that_cannot_be_read_is_an_error_page_and_not_a_crash(
    sqlite_house: House,
):
    with sqlite_house.app.app_context(), db.engine.begin() as connection:
        connection.exec_driver_sql("UPDATE admin_session SET created_at = '2999-spoiled'")
    answer = sqlite_house.people[ADMINISTRATOR].get("/admin/clients")
    assert answer.status_code == 500
    assert "Something went wrong on the server" in answer.text
    assert answer.headers["X-Request-Id"] in answer.text
    assert "spoiled" not in answer.text
