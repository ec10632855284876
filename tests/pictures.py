"""``make pictures``: the pictures of README.md and docs/, taken of a running Signet.

With believable data, in light and dark. The server runs on a port of its own and is gone
afterwards.
"""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from playwright.sync_api import Browser, Page, expect

from tests.admin.signing_in import make_session
from tests.believable import ADA, Believable, furnish
from tests.browser import launched
from tests.running import Server

FOLDER = Path(__file__).resolve().parent.parent / "docs" / "images"
SIZE = {"width": 1280, "height": 800}
#: Pages by the name of their picture.
PAGES = {
    "overview": "/admin/",
    "secrets": "/admin/clients/warehouse-sync/secrets",
    "activity": "/admin/clients/price-watch/activity",
    "request": "/admin/requests/{workload_untrusted}",
    "keys": "/admin/keys",
}


def main() -> None:
    """Take every picture anew."""
    FOLDER.mkdir(exist_ok=True)
    with serving() as (server, believable, session), launched() as browser:
        for theme in ("light", "dark"):
            with visiting(browser, server, session, theme) as page:
                for name, path in PAGES.items():
                    page.goto(server.base_url + path.format_map(believable.references))
                    take(page, f"{name}-{theme}")
                make_secret(page, server, theme)
                take(page, f"secret-{theme}")


@contextmanager
def serving() -> Iterator[tuple[Server, Believable, str]]:
    """A server that looks as if it had been there for months, and a session of its admin."""
    with tempfile.TemporaryDirectory(prefix="signet-pictures-") as name:
        folder = Path(name)
        server = Server(folder, f"sqlite:///{folder}/signet.db")
        try:
            server.start()
            with server.opened() as app:
                believable, session = furnish(app), make_session(ADA)
            yield server, believable, session
        finally:
            server.stop()


@contextmanager
def visiting(browser: Browser, server: Server, session: str, theme: str) -> Iterator[Page]:
    """A page of the admin's, in one theme."""
    context = browser.new_context(
        viewport=SIZE,  # type: ignore[arg-type]
        color_scheme="dark" if theme == "dark" else "light",
    )
    context.add_cookies([{"name": "signet", "value": session, "url": server.base_url}])
    yield context.new_page()
    context.close()


def make_secret(page: Page, server: Server, theme: str) -> None:
    """A new client, and its secret this once; it dies with the server a moment later."""
    page.goto(server.base_url + "/admin/clients/new")
    page.get_by_label("Name", exact=True).fill("Invoice archive")
    page.get_by_label("Client ID").fill(f"invoice-archive-{theme}")
    page.get_by_label("external-api").check()
    page.get_by_role("button", name="Create client").click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("save the secret now")


def take(page: Page, name: str) -> None:
    """Write what is seen of the page, without what moves."""
    page.screenshot(path=FOLDER / f"{name}.png", animations="disabled")


if __name__ == "__main__":
    main()
