"""The main job, the whole way in a real browser: from the set-up code to a revoked secret."""

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from typing import Any

import pyotp
import pytest
from playwright.sync_api import Page, expect

from tests.conftest import StartServer
from tests.running import Server

NAME, PASSWORD = "ada@example.org", "glacier-harbour-lantern-moss"
#: SIGNET_CACHE_SECONDS, and a second for the machine.
SOON = 2.0


def request_token(server: Server, client_secret: str) -> tuple[int, dict[str, Any]]:
    """Status and answer of the document's request."""
    form = {
        "client_id": "billing-export",
        "client_secret": client_secret,
        "grant_type": "client_credentials",
    }
    body = urllib.parse.urlencode(form).encode()
    try:
        with urllib.request.urlopen(f"{server.base_url}/connect/token", body) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, json.load(error)


class Visit:
    """One admin at one browser window."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server

    def open(self, path: str) -> None:
        self.page.goto(self.server.base_url + path)

    def click(self, name: str) -> None:
        button = self.page.get_by_role("button", name=name, exact=True)
        link = self.page.get_by_role("link", name=name, exact=True)
        button.or_(link).first.click()

    def fill(self, **values: str) -> None:
        for name, value in values.items():
            self.page.locator(f"[name={name}]").fill(value)

    def expect_heading(self, text: str) -> None:
        expect(self.page.get_by_role("heading", level=1)).to_have_text(text)

    def shown_secret(self) -> str:
        """The secret on the page that shows it once."""
        secret = self.page.locator("[data-secret]").first.inner_text()
        assert secret.startswith("signet_")
        return secret

    def code_of_shown_key(self) -> str:
        """What an app shows that was given the key on the page."""
        key = self.page.locator("code[data-secret]").inner_text().replace(" ", "")
        return pyotp.TOTP(key).now()

    def leave_secret_page(self) -> None:
        self.page.get_by_label("I have saved the secret").check()
        self.click("Go to the client")


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_whole_way_from_the_setup_code_to_a_revoked_secret(
    page: Page, start_server: StartServer
) -> None:
    server = start_server(SIGNET_WORKERS="2")
    visit = Visit(page, server)

    visit.open("/")
    visit.expect_heading("Set up Signet")
    visit.fill(code=server.setup_code, name=NAME, password=PASSWORD)
    visit.click("Create administrator")

    visit.expect_heading("Set up a second factor")
    visit.fill(code=visit.code_of_shown_key())
    visit.click("Continue")
    visit.expect_heading("Recovery codes")
    visit.click("Make recovery codes")
    visit.expect_heading("Save your recovery codes")
    visit.fill(code=page.locator("[data-secret]").inner_text().split()[0])
    visit.click("Finish")
    visit.expect_heading("Overview")

    visit.click("Scopes")
    visit.click("New scope")
    visit.fill(name="external-api", description="Call the partner API")
    visit.fill(new_api="https://api.example.org")
    visit.click("Create scope")
    visit.expect_heading("Scopes")
    expect(page.get_by_role("table")).to_contain_text("external-api")

    visit.click("Clients")
    visit.click("New client")
    visit.click("Create client")
    expect(page.get_by_role("alert")).to_contain_text("Enter a name for the client")
    visit.fill(name="Billing export", client_id="billing-export")
    page.get_by_label("external-api").check()
    visit.click("Create client")
    visit.expect_heading("New client created: save the secret now")
    first = visit.shown_secret()
    visit.leave_secret_page()
    visit.expect_heading("Billing export")

    status, answer = request_token(server, first)
    assert status == 200
    assert list(answer) == ["access_token", "expires_in", "token_type", "scope"]
    assert answer["scope"] == "external-api"

    visit.click("Secrets")
    visit.click("New secret")
    visit.fill(description="prod 2027")
    visit.click("Make new secret")
    visit.expect_heading("New secret: save it now")
    expect(page.get_by_text("works until")).to_be_visible()
    second = visit.shown_secret()
    visit.leave_secret_page()
    assert request_token(server, first)[0] == 200
    assert request_token(server, second)[0] == 200

    visit.click("Secrets")
    page.get_by_role("row", name=first[-4:]).get_by_role("link", name="Revoke").click()
    visit.click("Revoke secret")
    expect(page.get_by_role("status").first).to_contain_text("was revoked")
    deadline = time.monotonic() + SOON
    while request_token(server, first)[0] == 200:
        assert time.monotonic() < deadline, "the revoked secret still works"
    assert request_token(server, first)[1]["error"] == "invalid_client"
    assert request_token(server, second)[0] == 200

    visit.click("Clients")
    visit.click("APIs")
    visit.click("Audit log")
    expect(page.get_by_role("table")).to_contain_text("Billing export")
    visit.click("Overview")
    visit.click("Sign out")
    visit.expect_heading("Sign in")
    visit.fill(name=NAME, password=PASSWORD)
    visit.click("Sign in")
    visit.expect_heading("Second step")
    visit.click("Sign out")
    visit.open("/admin/clients")
    visit.expect_heading("Sign in")


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_way_from_client_to_token_needs_no_script(
    chromium: Any, start_server: StartServer
) -> None:
    server = start_server()
    server.flask("scope", "create", "external-api", "--api", "https://api.example.org")
    server.flask(
        *("admin", "create", NAME, "--role", "administrator", "--password-stdin"), stdin=PASSWORD
    )
    context = chromium.new_context(java_script_enabled=False)
    visit = Visit(context.new_page(), server)
    visit.open("/admin/clients/new")
    visit.fill(name=NAME, password=PASSWORD)
    visit.click("Sign in")
    visit.expect_heading("Set up a second factor")
    visit.fill(code=visit.code_of_shown_key())
    visit.click("Continue")
    visit.click("Make recovery codes")
    visit.fill(code=visit.page.locator("[data-secret]").inner_text().split()[0])
    visit.click("Finish")
    visit.click("Clients")
    visit.click("New client")
    visit.expect_heading("New client")
    visit.fill(name="Billing export", client_id="billing-export")
    visit.page.get_by_label("external-api").check()
    visit.click("Create client")
    secret = visit.shown_secret()
    visit.click("Go to the client")
    visit.expect_heading("Billing export")
    assert request_token(server, secret)[0] == 200
    context.close()
