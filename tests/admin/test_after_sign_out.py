"""What a browser still shows to whoever sits down after a sign-out (SECURITY U9)."""

import pytest
from playwright.sync_api import Page, expect

from tests.admin.race import Raced
from tests.admin.signing_in import PASSWORD, code_of_app, sign_in_browser


def sign_in(page: Page, raced: Raced, path: str) -> None:
    """Open this page, signed in."""
    sign_in_browser(page, raced.server, raced.winner)
    page.goto(raced.server.base_url + path)
    expect(page).to_have_url(raced.server.base_url + path)


@pytest.mark.parametrize("raced", ["sqlite"], indirect=True)
def test_u9_back_after_sign_out_shows_nothing(raced: Raced, page: Page):
    base_url = raced.server.base_url
    sign_in(page, raced, "/admin/audit")
    expect(page.locator("main")).to_contain_text(raced.winner)
    page.get_by_role("button", name="Sign out").click()
    expect(page).to_have_url(f"{base_url}/admin/sign-in")
    # By way of another page, because Back from a page of the same address proves nothing.
    page.goto(f"{base_url}/healthz")
    for _ in range(2):
        page.go_back(wait_until="commit")
        expect(page.get_by_role("heading", name="Sign in")).to_be_visible()
        assert raced.winner not in page.content()


@pytest.mark.parametrize("raced", ["sqlite"], indirect=True)
def test_back_while_signed_in_brings_back_what_was_typed(raced: Raced, page: Page):
    sign_in(page, raced, "/admin/scopes/new")
    page.locator("[name=name]").fill("orders.read")
    page.goto(f"{raced.server.base_url}/healthz")
    page.go_back(wait_until="commit")
    expect(page.locator("[name=name]")).to_be_visible()
    expect(page.locator("[name=name]")).to_have_value("orders.read")
    # What lies in the cache cannot be seen, not even until the server has been asked.
    page.evaluate("dispatchEvent(new Event('pagehide'))")
    expect(page.locator("[name=name]")).to_be_hidden()


@pytest.mark.parametrize("raced", ["sqlite"], indirect=True)
def test_u24_a_browser_that_was_led_to_sign_in_gets_to_its_page_with_its_filter(
    raced: Raced, page: Page
):
    # Gives the winner a second factor; this browser is a visitor again.
    sign_in_browser(page, raced.server, raced.winner)
    page.context.clear_cookies()
    path = "/admin/clients?q=caf%C3%A9+%26+bar&status="
    page.goto(raced.server.base_url + path)
    page.locator("[name=name]").fill(raced.winner)
    page.locator("[name=password]").fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    page.locator("[name=code]").fill(code_of_app())
    page.get_by_role("button", name="Continue").click()
    expect(page).to_have_url(raced.server.base_url + path)
