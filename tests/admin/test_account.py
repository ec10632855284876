"""My account: password, sessions, second factors, theme (SECURITY U1, U2, U4, U28)."""

import secrets
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from signet.models.admin_sessions import session_key
from signet.models.admins import VIEWER, find_admin_row
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.database import write
from signet.models.passkeys import PasskeyRow
from signet.views.admin.account import browser_of
from signet.wiring import utc_now
from tests.admin.desk import text_of
from tests.admin.house import House
from tests.admin.pages import read
from tests.admin.signing_in import PASSWORD, csrf_of, make_admin, make_session, sign_in
from tests.admin.signing_in import sign_in_by_form as send_password
from tests.conftest import MakeSettings, StrangerClient
from tests.databases import Databases
from tests.running import opened

NEW_PASSWORD = "orchid-tundra-violin-kettle"


class Ada(NamedTuple):
    """A viewer who is signed in: the account is everybody's."""

    name: str
    client: FlaskClient

    def open(self, path: str = "") -> TestResponse:
        return self.client.get(f"/admin/account{path}")

    def send(self, path: str, **fields: str) -> TestResponse:
        form = {"csrf_token": csrf_of(self.client.get("/admin/"))} | fields
        return self.client.post(f"/admin/account{path}", data=form)

    @property
    def session_id(self) -> str:
        cookie = self.client.get_cookie("signet")
        assert cookie is not None
        return cookie.value


@pytest.fixture
def app(sqlite_house: House) -> Iterator[Flask]:
    """The app that the tests of this file share, with its context."""
    with sqlite_house.app.app_context():
        yield sqlite_house.app


@pytest.fixture
def ada(app: Flask) -> Ada:
    return somebody(app)


def somebody(app: Flask) -> Ada:
    name, client = make_admin(app, VIEWER, f"{secrets.token_hex(4)}@example.org"), app.test_client()
    sign_in(client, name)
    return Ada(name, client)


def is_signed_in(app: Flask, session_id: str) -> bool:
    """Whether a browser with this session sees a page of admins."""
    client = app.test_client()
    client.set_cookie("signet", session_id)
    return client.get("/admin/clients").status_code == 200


def give_passkey(name: str, called: str = "Laptop") -> int:
    """A passkey of the admin of this name; returns its number."""
    with write() as session:
        admin = find_admin_row(session, name)
        assert admin is not None
        row = PasskeyRow(
            admin_id=admin.id,
            user_handle=b"handle",
            credential_id=secrets.token_bytes(16),
            public_key=b"key",
            sign_count=0,
            name=called,
            added_at=utc_now(),
            last_used_at=None,
        )
        session.add(row)
        session.flush()
        return row.id


def test_the_account_says_what_there_is(ada: Ada):
    text = text_of(ada.open())
    assert "10 of 10 left." in text
    assert "This session" in text
    assert "127.0.0.1" in text


def test_u2_u4_another_password_gives_another_session_id_and_ends_the_other_sessions(
    app: Flask, ada: Ada
):
    before, elsewhere = ada.session_id, make_session(ada.name)
    answer = ada.send("/password", password=NEW_PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/admin/account")
    assert ada.session_id != before
    ids = (before, elsewhere, ada.session_id)
    assert [is_signed_in(app, each) for each in ids] == [False, False, True]
    assert send_password(app.test_client(), ada.name, PASSWORD).status_code == 422
    assert send_password(app.test_client(), ada.name, NEW_PASSWORD).status_code == 303
    entry = list_entries(AuditFilter(action="admin.change_password"), limit=1).entries[0]
    assert (entry.actor, dict(entry.after)) == (ada.name, {"ended": 1, "password": "changed"})


def test_u11_another_password_has_to_be_good_and_comes_not_back(ada: Ada):
    for bad in ("", "short", "passwordpassword"):
        answer = ada.send("/password", password=bad)
        assert answer.status_code == 422
        assert not bad or f'value="{bad}"' not in answer.text


def test_u4_one_of_ones_own_sessions_can_be_ended(app: Flask, ada: Ada):
    lost, other = make_session(ada.name), make_session(ada.name)
    answer = ada.send("/sessions/end", session=session_key(lost))
    assert (answer.status_code, answer.location) == (303, "/admin/account")
    ids = (lost, other, ada.session_id)
    assert [is_signed_in(app, each) for each in ids] == [False, True, True]


def test_u28_a_session_of_somebody_else_cannot_be_ended(app: Flask, ada: Ada):
    eve = somebody(app)
    answer = ada.send("/sessions/end", session=session_key(eve.session_id))
    assert answer.status_code == 404
    assert is_signed_in(app, eve.session_id)


def test_u4_all_other_sessions_can_be_ended_at_once(app: Flask, ada: Ada):
    eve = somebody(app)
    others = [make_session(ada.name) for _ in range(2)]
    ada.send("/sessions/end-others")
    assert "2 other sessions were ended." in text_of(ada.open())
    ids = (*others, ada.session_id, eve.session_id)
    assert [is_signed_in(app, each) for each in ids] == [False, False, True, True]


def test_u34_no_page_holds_a_session_id(app: Flask, ada: Ada):
    other = make_session(ada.name)
    page = ada.open().text
    assert session_key(other) in page
    assert other not in page
    assert ada.session_id not in page


def test_a_passkey_can_be_removed_while_there_is_another_second_factor(ada: Ada):
    number = give_passkey(ada.name)
    assert "Remove “Laptop”?" in text_of(ada.open(f"/passkeys/{number}/remove"))
    assert ada.send(f"/passkeys/{number}/remove").status_code == 303
    assert "The passkey “Laptop” was removed." in text_of(ada.open())


def test_the_last_second_factor_stays(ada: Ada):
    number = give_passkey(ada.name)
    assert ada.send("/totp/remove").status_code == 303
    assert "The codes of your app were removed." in text_of(ada.open())
    assert "Remove" not in text_of(ada.open())
    ada.send(f"/passkeys/{number}/remove")
    page = text_of(ada.open())
    assert "This is your only second factor: add another one first." in page
    assert "Laptop" in page


def test_u28_a_passkey_of_somebody_else_is_not_there(app: Flask, ada: Ada):
    number = give_passkey(somebody(app).name)
    assert ada.open(f"/passkeys/{number}/remove").status_code == 404
    assert ada.send(f"/passkeys/{number}/remove").status_code == 404


def test_u32_markup_in_a_name_of_a_passkey_is_text(ada: Ada):
    number = give_passkey(ada.name, '"><img src=x>')
    for path in ("", f"/passkeys/{number}/remove"):
        assert "<img" not in ada.open(path).text


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_theme_that_was_chosen_is_the_theme_of_every_page(ada: Ada, theme: str):
    ada.send("/theme", theme=theme)
    for path in ("/admin/account", "/admin/clients", "/admin/nothing", "/nothing"):
        page = read(ada.client.get(path).text)
        assert page.all("html")[0].attributes.get("data-theme") == theme
    ada.send("/theme", theme="")
    assert "data-theme" not in read(ada.open().text).all("html")[0].attributes


@pytest.mark.parametrize("theme", ["sepia", 'dark" onload="x', "x" * 4_000])
def test_there_are_no_other_themes(ada: Ada, theme: str):
    answer = ada.send("/theme", theme=theme)
    assert answer.status_code == 422
    assert "Set-Cookie" not in answer.headers
    ada.client.set_cookie("signet-theme", "sepia")
    assert "data-theme" not in read(ada.open().text).all("html")[0].attributes


def test_u1_the_cookie_of_the_theme_is_bound_to_the_host_and_to_https(
    make_settings: MakeSettings, databases: Databases
):
    https = "https://id.example.org"
    with (
        databases.fresh("sqlite") as url,
        opened(create_app(make_settings(SIGNET_DATABASE_URL=url, SIGNET_ISSUER=https))) as app,
    ):
        app.test_client_class = StrangerClient
        client = app.test_client(use_cookies=False)
        cookie = {"Cookie": f"__Host-signet={make_session(make_admin(app))}"}
        token = csrf_of(client.get("/admin/account", base_url=https, headers=cookie))
        form = {"csrf_token": token, "theme": "dark"}
        path = "/admin/account/theme"
        answer = client.post(path, base_url=https, headers=cookie, data=form)
    chosen = [c for c in answer.headers.getlist("Set-Cookie") if "theme" in c]
    assert len(chosen) == 1
    assert chosen[0].startswith("__Host-signet-theme=dark; ")
    assert {"Secure", "HttpOnly", "Path=/", "SameSite=Lax"} <= set(chosen[0].split("; "))


@pytest.mark.parametrize(
    ("user_agent", "words"),
    [
        (
            "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537 Chrome/126 Safari/537",
            "Chrome on Linux",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0) AppleWebKit/5 Chrome/126 Safari/5 Edg/126",
            "Edge on Windows",
        ),
        ("Mozilla/5.0 (iPhone; like Mac OS X) Version/17 Mobile Safari/604", "Safari on iPhone"),
        (
            "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
            "Firefox on Linux",
        ),
        ("curl/8.5.0", "curl"),
        ("", "Unknown"),
    ],
)
def test_a_browser_is_named_in_few_words(user_agent: str, words: str):
    assert browser_of(user_agent) == words
