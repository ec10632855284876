"""Every page and state in the real Chromium: axe, both themes, wide and narrow, within budget.

UI.md, Accessibility checklist and Performance budget. A new page is looked at from its start: the
list of pages is the table of routes.
"""

import gzip
from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Browser, expect
from sqlalchemy import select

from signet.models.admin_sessions import AdminSessionRow
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.database import write
from signet.models.signing_keys import list_signing_keys
from signet.operations.admin_links import invite
from signet.wiring import utc_now
from tests.admin.looking import MOST_CSS, MOST_ICONS, MOST_IN_ALL, MOST_JS, Looker
from tests.admin.pages import read
from tests.admin.routes import SAFE_ROUTES
from tests.admin.signing_in import TEST, make_admin, make_session
from tests.believable import ADA, LINUS, Believable, furnish
from tests.databases import Databases
from tests.running import Server

#: No pages: files to download.
DOWNLOADS = {
    "admin.audit.export_csv",
    "admin.audit.export_jsonl",
    "admin.settings.export",
}
#: Pages for people who are not signed in, or not quite: looked at by themselves.
APART = {
    "admin.confirm.show",
    "admin.setup.show",
    "admin.sign_in.show",
    "admin.second_step.show",
    "admin.second_step.show_recovery",
    "admin.invitation.show",
}
#: A session of Ada's that has to be confirmed before anything grave.
STALE = "stale"
#: In so many parts, which may run beside each other.
PARTS = 3


class Installed:
    """A server with believable data, and who is signed in there."""

    def __init__(self, server: Server) -> None:
        self.server = server
        with server.opened() as app:
            self.believable = furnish(app)
            self.sessions = {name: make_session(name) for name in (ADA, LINUS)}
            self.sessions[STALE] = make_session(ADA)
            self._make_stale()
            self.invitation = invite(
                "eve@example.org", role="viewer", actor=TEST, now=utc_now()
            ).token
            self.paths = [path for path in self._paths(app, self.believable) if path]

    def looker(self, browser: Browser, name: str = "") -> Looker:
        """A browser of somebody's, or of a visitor's."""
        context = browser.new_context()
        if name:
            cookie = {"name": "signet", "value": self.sessions[name], "url": self.server.base_url}
            context.add_cookies([cookie])  # type: ignore[list-item]
        return Looker(context.new_page(), self.server.base_url)

    def _make_stale(self) -> None:
        """Let it be an hour ago that she has confirmed who she is, in one of her sessions."""
        with write() as session:
            newest = select(AdminSessionRow).order_by(AdminSessionRow.created_at.desc()).limit(1)
            row = session.scalars(newest).one()
            row.confirmed_at = utc_now() - timedelta(hours=1)

    def _paths(self, app: Flask, believable: Believable) -> Iterator[str]:
        entry = list_entries(AuditFilter(action="secret.rotate")).entries[0]
        kid = list_signing_keys()[-1].kid
        values = {
            "client_id": believable.client_id,
            "secret_id": believable.new_secret_id,
            "number": 1,
            "kid": kid,
            "request_id": believable.references["workload_untrusted"],
        }
        of_client = {"client_id": "warehouse-sync"}
        with app.test_request_context():
            for route in SAFE_ROUTES:
                endpoint = route.endpoint
                if endpoint in DOWNLOADS | APART or route.method == "HEAD":
                    continue
                rule = next(app.url_map.iter_rules(endpoint))
                chosen = values | (of_client if "client_secrets" in endpoint else {})
                if endpoint == "admin.audit.show":
                    chosen["number"] = entry.number
                if endpoint.startswith("admin.api_secrets."):
                    chosen["number"] = believable.api_number
                    chosen["secret_id"] = believable.api_secret_id
                yield app.url_for(endpoint, **{name: chosen[name] for name in rule.arguments})


@pytest.fixture(scope="module")
def installed(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    folder = tmp_path_factory.mktemp("every_page")
    with databases.fresh("sqlite") as url:
        server = Server(folder, url)
        try:
            server.start()
            yield Installed(server)
        finally:
            server.stop()


@pytest.mark.parametrize("part", range(PARTS))
def test_every_page_is_without_a_flaw(installed: Installed, chromium: Browser, part: int):
    looker = installed.looker(chromium, ADA)
    for path in installed.paths[part::PARTS]:
        looker.open(path)
    looker.page.context.close()
    assert looker.flaws == {}
    assert len(looker.looks) > 10


def test_states_of_pages_are_without_a_flaw(installed: Installed, chromium: Browser):
    looker = installed.looker(chromium, ADA)
    page = looker.page
    references = installed.believable.references
    for path in (
        "/admin/clients?q=nobody-is-called-so",
        "/admin/clients?status=expired",
        "/admin/clients/crm-bridge",
        "/admin/clients/ledger",
        "/admin/clients/deploy-pipeline",
        "/admin/clients/pilot/activity",
        "/admin/clients/price-watch/activity",
        "/admin/clients/warehouse-sync/secrets",
        f"/admin/requests/{references['expired_secret']}",
        "/admin/requests?reference=nothing-like-it",
        "/admin/audit?object=nothing-is-called-so",
    ):
        looker.open(path)
    looker.open("/admin/clients/nobody", status=404)
    _send_nothing(looker, "/admin/clients/new", "Create client")
    _make_a_client(looker)
    _try_it(looker)
    _revoke_and_undo(looker)
    page.context.close()
    assert looker.flaws == {}


def test_what_viewers_and_visitors_see_is_without_a_flaw(installed: Installed, chromium: Browser):
    viewer = installed.looker(chromium, LINUS)
    for path in ("/admin/", "/admin/clients/billing-export"):
        viewer.open(path)
    viewer.open("/admin/settings", status=403)
    viewer.page.context.close()
    stale = installed.looker(chromium, STALE)
    stale.open("/admin/keys/rotate")
    expect(stale.page.get_by_role("heading", level=1)).to_have_text("Confirm it is you")
    stale.page.context.close()
    visitor = installed.looker(chromium)
    for path in (
        "/admin/sign-in",
        f"/admin/invitation/{installed.invitation}",
        "/help/expiring-secret",
    ):
        visitor.open(path)
    visitor.open("/admin/invitation/nothing", status=404)
    _sign_in_wrongly(visitor)
    visitor.page.context.close()
    assert (viewer.flaws, stale.flaws, visitor.flaws) == ({}, {}, {})


@pytest.fixture(scope="module")
def fresh(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that nobody has used yet."""
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("fresh"), url)
        try:
            yield server.start()
        finally:
            server.stop()


def test_pages_without_data_are_without_a_flaw(fresh: Server, chromium: Browser):
    looker = Looker(chromium.new_context().new_page(), fresh.base_url)
    looker.open("/admin/setup")
    with fresh.opened() as app:
        make_admin(app, name=ADA)
        session = make_session(ADA)
    cookie = {"name": "signet", "value": session, "url": fresh.base_url}
    looker.page.context.add_cookies([cookie])  # type: ignore[list-item]
    for path in ("", "clients", "scopes", "apis", "keys", "requests", "admins", "account"):
        looker.open(f"/admin/{path}")
    looker.page.context.close()
    assert looker.flaws == {}


def test_a_first_view_is_light_and_of_one_origin(installed: Installed, chromium: Browser):
    """UI.md: at most 6 requests and 30 KB, assets that a browser keeps for ever."""
    looker = installed.looker(chromium, ADA)
    sizes: dict[str, int] = {}

    def note(response) -> None:
        sizes[response.url.partition("?")[0].rpartition("/")[2]] = len(
            gzip.compress(response.body())
        )

    looker.page.on("response", note)
    looker.page.goto(installed.server.base_url + "/admin/clients/billing-export")
    looker.page.wait_for_load_state("networkidle")
    assert len(sizes) <= 6, sizes
    assert sizes["signet.css"] <= MOST_CSS, sizes
    assert sizes["signet.js"] <= MOST_JS, sizes
    assert sizes["icons.svg"] <= MOST_ICONS, sizes
    assert sum(sizes.values()) <= MOST_IN_ALL, sizes
    again: list[str] = []
    looker.page.on("request", lambda request: again.append(request.url))
    looker.page.goto(installed.server.base_url + "/admin/clients")
    looker.page.wait_for_load_state("networkidle")
    looker.page.context.close()
    from_server = [url for url in again if "/static/" not in url]
    assert from_server == [installed.server.base_url + "/admin/clients"]


def test_titles_are_unique(installed: Installed, chromium: Browser):
    """SC 2.4.2."""
    looker = installed.looker(chromium, ADA)
    titles: dict[str, str] = {}
    for path in installed.paths:
        answer = looker.page.request.get(installed.server.base_url + path)
        assert answer.status == 200, path
        title = read(answer.text()).title
        assert title.endswith(" – Signet"), path
        assert titles.setdefault(title, path) == path, title
    looker.page.context.close()


def _send_nothing(looker: Looker, path: str, button: str) -> None:
    looker.page.goto(looker.base_url + path)
    looker.page.get_by_role("button", name=button).click()
    expect(looker.page.get_by_role("alert")).to_be_visible()
    looker.look(f"{path} with mistakes")


def _make_a_client(looker: Looker) -> None:
    page = looker.page
    page.goto(looker.base_url + "/admin/clients/new")
    page.get_by_label("Name", exact=True).fill("Look at me")
    page.get_by_role("button", name="Create client").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("save the secret now")
    looker.look("a new secret")
    # Leaving without the tick asks; the tick is what people do.
    page.get_by_label("I have saved the secret").check()
    page.get_by_role("link", name="Go to the client").click()
    looker.look("a client that was never used")


def _try_it(looker: Looker) -> None:
    page = looker.page
    page.goto(looker.base_url + "/admin/clients/billing-export/try")
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    looker.look("a tried token")


def _revoke_and_undo(looker: Looker) -> None:
    page = looker.page
    page.goto(looker.base_url + "/admin/clients/mail-sender/secrets")
    page.get_by_role("link", name="Revoke").first.click()
    looker.look("revoke the only secret")
    page.get_by_role("button", name="Revoke secret").click()
    expect(page.get_by_role("button", name="Undo revoke")).to_be_visible()
    looker.look("a revoked secret")
    page.get_by_role("button", name="Undo revoke").click()
    looker.look("a secret that works again")


def _sign_in_wrongly(visitor: Looker) -> None:
    page = visitor.page
    page.goto(visitor.base_url + "/admin/sign-in")
    page.get_by_label("E-mail").fill("nobody@example.org")
    page.get_by_label("Password", exact=True).fill("not the password of anybody")
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    visitor.look("a refused sign-in")
