"""Signing in to the admin pages in tests."""

import re
from functools import cache

import pyotp
from flask import Flask
from flask.testing import FlaskClient
from playwright.sync_api import Page
from sqlalchemy.orm import Session
from werkzeug.test import TestResponse

from signet.models.admin_sessions import open_session
from signet.models.admins import AdminRow, find_admin_row
from signet.models.audit import Actor, act, append_entry
from signet.models.database import write
from signet.models.second_factors import (
    TotpRow,
    about_seed,
    has_saved_codes,
    put_recovery_codes,
    save_recovery_codes,
)
from signet.operations.admin_rows import add_admin, admin_facts, audited_admin
from signet.operations.passwords import hash_password
from signet.views.sessions import ServerSessionInterface
from signet.wiring import utc_now, wiring
from tests.running import Server

PASSWORD = "glacier-harbour-lantern-moss"
TEST = Actor(name="test")
#: What the app of every admin has scanned.
SEED = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
#: What every admin keeps in a drawer.
RECOVERY_CODES = tuple(f"{letter * 4}-" * 5 + letter * 4 for letter in "ABCDEFGHJK")


def make_admin(app: Flask, role: str = "administrator", name: str = "") -> str:
    """An admin of this role, with ``PASSWORD`` and no second factor; returns the name."""
    name = name or f"{role}@example.org"
    with app.app_context(), act() as session:
        admin = add_admin(session, name, role, _hash_of_password(), now=utc_now())
        append_entry(
            session,
            actor=TEST,
            action="admin.create",
            object=audited_admin(admin),
            now=utc_now(),
            after=admin_facts(admin),
        )
    return name


def csrf_of(answer: TestResponse) -> str:
    """The CSRF token of the first form in a page."""
    found = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def sign_in(client: FlaskClient, name: str) -> None:
    """Sign an admin in, past the second factor and just confirmed, without any form."""
    app = client.application
    with app.app_context():
        session_id = make_session(name)
    assert isinstance(app.session_interface, ServerSessionInterface)
    client.set_cookie(app.session_interface.id_cookie, session_id)


def sign_in_browser(page: Page, server: Server, name: str) -> None:
    """The same at a real server, for a real browser; no page is open afterwards."""
    cookie = {"name": "signet", "value": make_session_at(server, name), "url": server.base_url}
    page.context.add_cookies([cookie])  # type: ignore[list-item]


def sign_in_by_form(client: FlaskClient, name: str, password: str = PASSWORD) -> TestResponse:
    """The answer to the password at the page for signing in; the client keeps the cookies."""
    page = client.get("/admin/sign-in")
    return client.post(
        "/admin/sign-in",
        data={"name": name, "password": password, "csrf_token": csrf_of(page)},
    )


def make_session(name: str, *, second_factor: str = "app") -> str:
    """The id of a new session of an admin, who has a second factor afterwards."""
    now = wiring().clock()
    with write() as session:
        admin = find_admin_row(session, name)
        assert admin is not None, name
        give_second_factor(session, admin)
        return open_session(
            session,
            admin,
            address="127.0.0.1",
            user_agent="a test",
            second_factor=second_factor,
            now=now,
        )


def make_session_at(server: Server, name: str) -> str:
    """The id of a new session at a real server."""
    with server.opened():
        return make_session(name)


def give_second_factor(session: Session, admin: AdminRow) -> None:
    """Have an admin scan ``SEED`` and save ``RECOVERY_CODES``, unless that is done."""
    if session.get(TotpRow, admin.id) is None:
        sealed = wiring().encryption.encrypt(SEED.encode(), about=about_seed(admin.id))
        session.add(
            TotpRow(
                admin_id=admin.id,
                encrypted_seed=sealed,
                last_used_step=0,
                added_at=wiring().clock(),
                last_used_at=wiring().clock(),
            )
        )
    if not session.query(has_saved_codes(AdminRow.id)).filter(AdminRow.id == admin.id).scalar():
        put_recovery_codes(session, admin.id, RECOVERY_CODES)
        session.flush()
        assert save_recovery_codes(session, admin.id, RECOVERY_CODES[0])


def code_of_app() -> str:
    """What the app of an admin shows at this moment."""
    return pyotp.TOTP(SEED).at(utc_now())


@cache
def _hash_of_password() -> str:
    return hash_password(PASSWORD)
