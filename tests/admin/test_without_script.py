"""The whole life of a client in a browser that runs no script: it works, and nothing is missing."""

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.admin.signing_in import make_admin, sign_in_browser
from tests.databases import Databases
from tests.running import Server

NAME = "ada@example.org"
CLIENT = "/admin/clients/billing-export"
#: All that a page without script may leave out: comfort that needs one.
COMFORT = "[data-copy], .check, .option:has([data-saved]), form[data-passkey]"


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an administrator and nothing else."""
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("server"), url)
        try:
            server.start()
            with server.opened() as app:
                make_admin(app, name=NAME)
            yield server
        finally:
            server.stop()


class Visit:
    """An administrator at a browser without script, who looks for what is hidden at every page."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page = page
        self.server = server
        self.hidden: set[str] = set()

    def open(self, path: str) -> None:
        self.page.goto(self.server.base_url + path)
        self._look_for_hidden()

    def click(self, name: str) -> None:
        self.named(name).first.click()
        self._look_for_hidden()

    def named(self, name: str) -> Locator:
        button = self.page.get_by_role("button", name=name, exact=True)
        return button.or_(self.page.get_by_role("link", name=name, exact=True))

    def fill(self, label: str, value: str) -> None:
        self.page.get_by_label(label).fill(value)

    def says(self, text: str) -> None:
        expect(self.page.locator("main")).to_contain_text(text)

    def at(self, path: str) -> None:
        expect(self.page).to_have_url(self.server.base_url + path)

    def secret(self) -> str:
        """What a click on the shown secret selects."""
        shown = self.page.locator("[data-secret]").first
        shown.click()
        return str(self.page.evaluate("getSelection().toString()"))

    def _look_for_hidden(self) -> None:
        controls = self.page.locator(
            "main :is(a, button, input:not([type=hidden]), select, textarea)"
        )
        self.hidden.update(
            controls.evaluate_all(
                """(controls, comfort) => controls
                .filter((control) => !control.checkVisibility({ visibilityProperty: true }))
                // A fold and a choice open without script.
                .filter((control) => !control.closest(`${comfort}, details, .belonging`))
                .map((control) => control.outerHTML)""",
                COMFORT,
            )
        )


@pytest.fixture
def visit(chromium: Browser, server: Server) -> Iterator[Visit]:
    context = chromium.new_context(java_script_enabled=False)
    context.set_default_timeout(10_000)
    page = context.new_page()
    sign_in_browser(page, server, NAME)
    visit = Visit(page, server)
    yield visit
    context.close()
    assert visit.hidden == set()


def status_of_token(server: Server, client_secret: str) -> int:
    """The status of the answer to the client's request with this secret."""
    form = {"grant_type": "client_credentials", "client_id": "billing-export"}
    body = urllib.parse.urlencode(form | {"client_secret": client_secret}).encode()
    try:
        with urllib.request.urlopen(f"{server.base_url}/connect/token", body) as answer:
            json.load(answer)
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_the_whole_life_of_a_client(visit: Visit, server: Server):
    first = register(visit)
    assert status_of_token(server, first) == 200
    second = rotate(visit)
    assert status_of_token(server, second) == 200
    revoke_and_undo(visit)
    try_a_token(visit)
    find_in_lists(visit)
    disable_and_enable(visit)
    delete(visit)


def register(visit: Visit) -> str:
    """Make a scope and a client that has it, and give the secret that is shown."""
    visit.open("/admin/scopes")
    visit.click("New scope")
    visit.fill("Name", "external-api")
    visit.fill("API", "https://api.example.org")
    visit.click("Create scope")
    visit.says("external-api")
    visit.open("/admin/clients")
    visit.click("New client")
    visit.page.get_by_label("Name", exact=True).fill("Billing export")
    visit.page.get_by_label("Client ID").fill("billing-export")
    visit.page.get_by_label("external-api").check()
    visit.click("Create client")
    visit.says("This is the only time the secret is shown.")
    expect(visit.page.locator("[data-copy]").first).to_be_hidden()
    expect(visit.page.locator("[data-saved]")).to_be_hidden()
    expect(visit.named("Download .env")).to_be_visible()
    secret = visit.secret()
    visit.click("Go to the client")
    visit.at(CLIENT)
    return secret


def rotate(visit: Visit) -> str:
    visit.click("Rotate secret")
    visit.page.get_by_label("In 7 days").check()
    visit.fill("Name of the new secret", "prod 2027")
    visit.click("Make new secret")
    visit.says("Old secret")
    secret = visit.secret()
    visit.click("Go to the client")
    return secret


def revoke_and_undo(visit: Visit) -> None:
    visit.open(f"{CLIENT}/secrets")
    visit.click("Revoke prod 2027")
    visit.click("Revoke secret")
    visit.says("was revoked")
    visit.click("Undo revoke")
    expect(visit.named("Revoke prod 2027")).to_be_visible()


def try_a_token(visit: Visit) -> None:
    visit.open(CLIENT)
    visit.click("Try it")
    visit.click("Run")
    visit.says("This is a preview.")
    visit.says("https://api.example.org")


def find_in_lists(visit: Visit) -> None:
    visit.open("/admin/clients")
    visit.fill("Search name or client ID", "nobody")
    visit.click("Filter")
    visit.says("No client matches “nobody”")
    visit.open("/admin/clients")
    visit.page.get_by_label("Scope").select_option("external-api")
    visit.click("Filter")
    expect(visit.named("Billing export")).to_be_visible()
    visit.open("/admin/audit")
    visit.page.get_by_label("Who").select_option(NAME)
    visit.click("Filter")
    visit.says("Billing export")


def disable_and_enable(visit: Visit) -> None:
    visit.open(CLIENT)
    visit.click("Disable")
    visit.click("Disable client")
    visit.says("The client is refused.")
    visit.click("Enable")
    visit.click("Enable client")
    expect(visit.page.get_by_text("The client is refused.")).to_be_hidden()


def delete(visit: Visit) -> None:
    visit.click("Delete client…")
    visit.click("Delete client")
    visit.says("There is a problem")
    visit.page.get_by_role("textbox").fill("billing-export")
    visit.click("Delete client")
    visit.at("/admin/clients")
    visit.says("No clients yet")


def test_an_admin_is_invited_and_the_link_can_be_selected(visit: Visit):
    visit.open("/admin/admins")
    visit.click("Invite")
    visit.page.locator("[name=name]").fill("grace@example.org")
    visit.page.get_by_label("Operator").check()
    visit.click("Make invitation")
    assert visit.secret().startswith(f"{visit.server.base_url}/admin/invitation/")
    visit.click("Go to the administrators")
    visit.says("grace@example.org")


def test_a_theme_is_chosen_and_the_admin_signs_out(visit: Visit):
    visit.open("/admin/account")
    visit.page.get_by_label("Dark").check()
    visit.click("Save theme")
    expect(visit.page.locator("html")).to_have_attribute("data-theme", "dark")
    visit.click("Sign out")
    visit.at("/admin/sign-in")
    expect(visit.page.get_by_label("Password", exact=True)).to_be_visible()
