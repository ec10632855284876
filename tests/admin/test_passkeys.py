"""Passkeys in the real Chromium with a virtual authenticator (SECURITY U17, WebAuthn)."""

import re
import secrets
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, CDPSession, Page, Response, expect

from signet.models.admins import find_admin_row
from signet.models.database import write
from signet.models.passkeys import PasskeyRow
from signet.models.second_factors import put_recovery_codes, save_recovery_codes
from tests.admin.looking import find_flaws
from tests.admin.signing_in import PASSWORD, RECOVERY_CODES, make_admin, sign_in_browser
from tests.databases import Databases
from tests.running import Server

AUTHENTICATOR = {
    "protocol": "ctap2",
    "transport": "internal",
    "hasResidentKey": True,
    "hasUserVerification": True,
    "isUserVerified": True,
    "automaticPresenceSimulation": True,
}


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose issuer has a name, with an administrator who is never disabled."""
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("server"), url)
        server.base_url = f"http://localhost:{server.port}"
        server.environ["SIGNET_ISSUER"] = server.base_url
        try:
            server.start()
            with server.opened() as app:
                make_admin(app, name="the-first@example.org")
            yield server
        finally:
            server.stop()


class Device:
    """What holds the passkeys of a browser."""

    def __init__(self, cdp: CDPSession) -> None:
        self._cdp = cdp
        cdp.send("WebAuthn.enable")
        made = cdp.send("WebAuthn.addVirtualAuthenticator", {"options": AUTHENTICATOR})
        self._id = {"authenticatorId": made["authenticatorId"]}

    def verify_nobody(self) -> None:
        """Fail to recognise who holds it."""
        self._cdp.send("WebAuthn.setUserVerified", self._id | {"isUserVerified": False})

    def credentials(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self._cdp.send("WebAuthn.getCredentials", self._id)[
            "credentials"
        ]
        return found


class Ada:
    """Somebody at a browser with a device."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.server = page, server
        self.device = Device(page.context.new_cdp_session(page))
        self.name = f"ada.{secrets.token_hex(4)}@example.org"
        with server.opened() as app:
            make_admin(app, name=self.name)

    def open(self, path: str) -> None:
        self.page.goto(self.server.base_url + path)

    def click(self, name: str) -> None:
        self.page.get_by_role("button", name=name, exact=True).click()

    def give_password(self) -> None:
        self.open("/admin/sign-in")
        self.page.locator("[name=name]").fill(self.name)
        self.page.locator("[name=password]").fill(PASSWORD)
        self.click("Sign in")

    def add_passkey(self, name: str = "Laptop") -> None:
        """By a session that is signed in already."""
        sign_in_browser(self.page, self.server, self.name)
        self.open("/admin/account/passkeys/new")
        self.page.locator("[name=name]").fill(name)
        self.click("Add passkey")
        expect(self.page).to_have_url(f"{self.server.base_url}/admin/account")

    def sign_out(self) -> None:
        self.click("Sign out")
        self.expect_at("/admin/sign-in")

    def expect_at(self, path: str) -> None:
        expect(self.page).to_have_url(self.server.base_url + path)


@pytest.fixture
def ada(page: Page, server: Server) -> Ada:
    return Ada(page, server)


def sent_by(page: Page, act: Callable[[], None]) -> str:
    """The form that an act sends, and that has been answered."""

    # The browser may take its time to sign; the page is there all along.
    def holds_proof(answer: Response) -> bool:
        return "credential=" in (answer.request.post_data or "")

    with page.expect_response(holds_proof) as answered:
        act()
    return str(answered.value.request.post_data)


def test_u17_a_passkey_is_the_second_factor_of_whoever_has_none_and_then_signs_in_alone(ada: Ada):
    ada.give_password()
    ada.expect_at("/admin/account/totp")
    ada.page.get_by_role("link", name="Use a passkey instead").click()
    ada.page.locator("[name=name]").fill("Laptop")
    ada.page.keyboard.press("Enter")
    ada.expect_at("/admin/account/recovery-codes")
    ada.click("Make recovery codes")
    codes = ada.page.locator("[data-secret]").inner_text().split()
    ada.page.locator("[name=code]").fill(codes[0])
    ada.click("Finish")
    ada.expect_at("/admin/")
    ada.sign_out()
    ada.click("Use a passkey")
    ada.expect_at("/admin/")
    ada.open("/admin/account")
    expect(ada.page.get_by_role("row", name="Laptop")).to_contain_text(re.compile("ago|now"))
    credential = ada.device.credentials()[0]
    assert credential["isResidentCredential"] is True
    assert credential["rpId"] == "localhost"


def test_a_passkey_is_a_second_step_and_a_confirmation(ada: Ada):
    ada.add_passkey()
    ada.sign_out()
    ada.give_password()
    ada.expect_at("/admin/sign-in/second-step")
    ada.click("Use a passkey")
    ada.expect_at("/admin/")
    with ada.server.opened(), write() as session:
        session.connection().exec_driver_sql("UPDATE admin_session SET confirmed_at = NULL")
    ada.open("/admin/clients/new")
    ada.expect_at("/admin/confirm?next=/admin/clients/new")
    ada.click("Use a passkey")
    ada.expect_at("/admin/clients/new")


def test_an_answer_works_once_and_for_nobody_else(ada: Ada, chromium: Browser):
    ada.add_passkey()
    ada.sign_out()
    form = sent_by(ada.page, lambda: ada.click("Use a passkey"))
    ada.expect_at("/admin/")
    ada.sign_out()
    replayed = post(ada.page, f"{ada.server.base_url}/admin/sign-in/passkey", form)
    assert replayed == 400
    token = str(ada.page.locator("[name=csrf_token]").first.get_attribute("value"))
    fields = dict(part.split("=", 1) for part in form.split("&")) | {"csrf_token": token}
    again = "&".join(f"{name}={value}" for name, value in fields.items())
    assert post(ada.page, f"{ada.server.base_url}/admin/sign-in/passkey", again) == 422
    ada.open("/admin/")
    ada.expect_at("/admin/sign-in")


def post(page: Page, url: str, form: str) -> int:
    """The status of the answer to a form that this browser sends."""
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    return page.context.request.post(url, data=form, headers=headers, max_redirects=0).status


def test_a_device_that_does_not_know_who_holds_it_lets_nobody_in(ada: Ada):
    ada.add_passkey()
    ada.sign_out()
    ada.device.verify_nobody()
    ada.click("Use a passkey")
    expect(ada.page.get_by_text("No passkey was used. Try again.")).to_be_visible()
    ada.open("/admin/")
    ada.expect_at("/admin/sign-in")


def test_a_passkey_that_was_removed_lets_nobody_in(ada: Ada):
    ada.add_passkey()
    ada.page.get_by_role("link", name="Remove Laptop").click()
    ada.click("Remove passkey")
    expect(ada.page.get_by_text("The passkey “Laptop” was removed.")).to_be_visible()
    ada.sign_out()
    ada.click("Use a passkey")
    expect(ada.page.get_by_role("alert").first).to_contain_text("This passkey does not work here")


def test_a_disabled_admin_does_not_come_in_by_passkey(ada: Ada):
    ada.add_passkey()
    ada.sign_out()
    ada.server.flask("admin", "disable", ada.name)
    ada.click("Use a passkey")
    expect(ada.page.get_by_role("alert").first).to_contain_text("This passkey does not work here")


def test_a_device_makes_one_passkey_for_an_admin(ada: Ada):
    ada.add_passkey()
    ada.open("/admin/account/passkeys/new")
    ada.page.locator("[name=name]").fill("Again")
    ada.click("Add passkey")
    expect(ada.page.get_by_text("This device has a passkey for you already.")).to_be_visible()


def test_at_an_address_without_a_name_the_page_says_why_there_can_be_no_passkey(
    page: Page, shared_servers: Callable[[str], Server]
):
    server = shared_servers("sqlite")
    name = f"{secrets.token_hex(4)}@example.org"
    with server.opened() as app:
        make_admin(app, name=name)
    sign_in_browser(page, server, name)
    page.goto(f"{server.base_url}/admin/account/passkeys/new")
    expect(page.locator("main")).to_contain_text("Passkeys need a server with a name")
    expect(page.get_by_role("button", name="Add passkey")).to_have_count(0)
    page.goto(f"{server.base_url}/admin/sign-in")
    expect(page.get_by_role("button", name="Use a passkey")).to_have_count(0)


def test_at_another_name_than_the_issuers_the_page_says_where_to_go(ada: Ada):
    sign_in_browser(ada.page, ada.server, ada.name)
    elsewhere = ada.server.base_url.replace("localhost", "127.0.0.1")
    cookie = ada.page.context.cookies()[0]
    ada.page.context.add_cookies(
        [{"name": cookie["name"], "value": cookie["value"], "url": elsewhere}]  # type: ignore[typeddict-item]
    )
    ada.page.goto(f"{elsewhere}/admin/account/passkeys/new")
    expect(ada.page.locator("main")).to_contain_text("Passkeys belong to localhost")


def test_whoever_has_only_a_passkey_can_come_in_by_a_recovery_code(ada: Ada):
    with ada.server.opened(), write() as session:
        admin = find_admin_row(session, ada.name)
        assert admin is not None
        session.add(
            PasskeyRow(
                admin_id=admin.id,
                user_handle=b"handle",
                credential_id=secrets.token_bytes(16),
                public_key=b"of a lost device",
                sign_count=0,
                name="Lost",
                added_at=admin.created_at,
                last_used_at=None,
            )
        )
        put_recovery_codes(session, admin.id, RECOVERY_CODES)
        session.flush()
        save_recovery_codes(session, admin.id, RECOVERY_CODES[0])
    ada.give_password()
    expect(ada.page.locator("[name=code]")).to_have_count(0)
    ada.page.get_by_role("link", name="Use a recovery code").click()
    ada.page.locator("[name=code]").fill(RECOVERY_CODES[1])
    ada.click("Continue")
    ada.expect_at("/admin/")


def test_u44_axe_finds_nothing_in_the_pages_of_the_account_and_on_the_way_in(ada: Ada):
    found = {}
    ada.give_password()
    for path in ("/admin/account/totp", "/admin/account/passkeys/new"):
        ada.open(path)
        found[f"{path} on the way in"] = find_flaws(ada.page)
    ada.add_passkey()
    paths = ("", "/totp", "/passkeys/new", "/recovery-codes", "/password")
    for path in paths:
        ada.open(f"/admin/account{path}")
        found[path] = find_flaws(ada.page)
    ada.open("/admin/account/recovery-codes")
    ada.click("Make recovery codes")
    found["new codes"] = find_flaws(ada.page)
    ada.open("/admin/account")
    ada.page.get_by_role("link", name="Remove Laptop").click()
    found["remove"] = find_flaws(ada.page)
    ada.sign_out()
    found["sign in"] = find_flaws(ada.page)
    ada.give_password()
    found["second step"] = find_flaws(ada.page)
    ada.page.get_by_role("link", name="Use a recovery code").click()
    ada.click("Continue")
    found["recovery code, wrong"] = find_flaws(ada.page)
    assert {state: flaws for state, flaws in found.items() if flaws} == {}
