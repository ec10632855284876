"""``make bench-pages``: how fast and how heavy the admin pages are with 5,000 clients.

A real gunicorn on SQLite with believable data and a real Chromium, against the budgets of the
pages. It takes some minutes, most of them to register the clients; ``python -m bench.pages FOLDER``
keeps the installation in a folder and finds it there the next time. The exit code is 1 if a page is
over budget.
"""

import argparse
import gzip
import json
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median, quantiles
from typing import Any
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from flask import Flask
from playwright.sync_api import Browser
from sqlalchemy import event
from sqlalchemy.engine import Engine

from app import create_app
from signet.settings import load_settings
from tests.admin.signing_in import make_session, sign_in
from tests.believable import ADA, furnish, furnish_many
from tests.browser import launched
from tests.running import Server, opened

CLIENTS = 5_000
#: Requests per page, and visits of Chromium.
REQUESTS, VISITS = 50, 5
PAGES = {
    "list of clients": "/admin/clients",
    "search": "/admin/clients?q=device-03",
    "sort by last token": "/admin/clients?sort=-used",
    "filter by status": "/admin/clients?status=active",
    "overview": "/admin/",
    "audit log": "/admin/audit",
    "a client": "/admin/clients/billing-export",
    "activity": "/admin/clients/billing-export/activity",
    "refused requests": "/admin/requests",
    "a scope of all": "/admin/scopes/6",
}
#: Budgets: milliseconds, queries of the list, elements, bytes of the HTML as gzip has them.
P95, QUERIES, ELEMENTS, HTML = 50.0, 5, 1_500, 15_000
COLD, REPEAT, SHIFT, LONG_TASKS = 300.0, 200.0, 0.01, 0

#: Counts from the start of a page what the browser reports of it.
OBSERVE = """
window.seen = { lcp: 0, shift: 0, tasks: 0 };
const watch = (type, note) => new PerformanceObserver((list) => list.getEntries().forEach(note))
    .observe({ type, buffered: true });
watch("largest-contentful-paint", (entry) => { seen.lcp = entry.startTime; });
watch("layout-shift", (entry) => { seen.shift += entry.value; });
watch("longtask", () => { seen.tasks += 1; });
"""


@dataclass
class Figures:
    """What was measured of a page."""

    name: str
    path: str
    durations: list[float] = field(default_factory=list)
    queries: int = 0
    html: int = 0
    elements: int = 0
    cold: list[float] = field(default_factory=list)
    repeat: list[float] = field(default_factory=list)
    shift: float = 0.0
    tasks: int = 0

    @property
    def p95(self) -> float:
        """Milliseconds in which the server has answered nineteen of twenty requests."""
        return quantiles(self.durations, n=20)[-1]

    def excesses(self) -> Iterator[str]:
        """What is over budget."""
        values: list[tuple[str, float, float]] = [
            ("p95", self.p95, P95),
            ("elements", self.elements, ELEMENTS),
            ("HTML", self.html, HTML),
            ("LCP cold", median(self.cold), COLD),
            ("LCP repeat", median(self.repeat), REPEAT),
            ("CLS", self.shift, SHIFT),
            ("long tasks", self.tasks, LONG_TASKS),
        ]
        if self.path.startswith("/admin/clients?") or self.path == "/admin/clients":
            values.append(("queries", self.queries, QUERIES))
        for name, value, budget in values:
            if value > budget:
                yield f"{self.name}: {name} {value:g}, budget {budget:g}"


def main() -> int:
    """Measure every page, print a table, and say whether all are within budget."""
    parser = argparse.ArgumentParser(prog="bench.pages")
    parser.add_argument("folder", nargs="?", type=Path)
    folder = parser.parse_args().folder
    pages = [Figures(name, path) for name, path in PAGES.items()]
    with (
        tempfile.TemporaryDirectory(prefix="signet-bench-") as temporary,
        serving(folder or Path(temporary)) as (server, session),
    ):
        for page in pages:
            ask(server, session, page)
        with launched() as browser:
            for page in pages:
                visit(browser, server, session, page)
    report(pages)
    excesses = [line for page in pages for line in page.excesses()]
    print(*excesses or ["All within budget."], sep="\n")
    return bool(excesses)


@contextmanager
def serving(folder: Path) -> Iterator[tuple[Server, str]]:
    """A server with many clients, and a session of its admin."""
    folder.mkdir(parents=True, exist_ok=True)
    database = folder.resolve() / "signet.db"
    is_new = not database.exists()
    server = Server(folder.resolve(), f"sqlite:///{database}", SIGNET_WORKERS="1")
    server.prepare()
    with server.opened() as app:
        if is_new:
            furnish(app)
            furnish_many(app, CLIENTS)
        session = make_session(ADA)
    try:
        server.start()
        yield server, session
    finally:
        server.stop()


def ask(server: Server, session: str, page: Figures) -> None:
    """Ask the server for a page many times, and read from its log how long it took."""
    ids = []
    request = Request(server.base_url + page.path, headers={"Cookie": f"signet={session}"})
    # The first ones compile the templates and open the database.
    for _ in range(REQUESTS + 3):
        with urlopen(request) as answer:
            body = answer.read()
            ids.append(answer.headers["X-Request-Id"])
    page.html = len(gzip.compress(body))
    by_id = durations_by_id(server)
    page.durations = [by_id[request_id] for request_id in ids[3:]]
    page.queries = count_queries(server, page.path)


def durations_by_id(server: Server) -> dict[str, float]:
    """Milliseconds of each request in the server's log."""
    lines: list[dict[str, Any]] = [
        json.loads(line) for line in server.log.splitlines() if line.startswith("{")
    ]
    return {
        line["request_id"]: line["duration_ms"]
        for line in lines
        if line.get("message") == "request"
    }


def count_queries(server: Server, path: str) -> int:
    """Statements that one request sends to the database, the session's own among them."""
    quiet = server.environ | {"SIGNET_LOG_LEVEL": "error"}
    with opened(create_app(load_settings(quiet))) as app:
        return _count(app, path)


def _count(app: Flask, path: str) -> int:
    client = app.test_client()
    sign_in(client, ADA)
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statements.append(str(arguments[2]))

    client.get(path)
    event.listen(Engine, "before_cursor_execute", note)
    try:
        client.get(path)
    finally:
        event.remove(Engine, "before_cursor_execute", note)
    return sum(not statement.startswith(("PRAGMA", "BEGIN")) for statement in statements)


def visit(browser: Browser, server: Server, session: str, page: Figures) -> None:
    """Open a page in new browsers and again in the same ones."""
    parts = urlsplit(server.base_url)
    for _ in range(VISITS):
        context = browser.new_context()
        cookie = {"name": "signet", "value": session, "domain": str(parts.hostname), "path": "/"}
        context.add_cookies([cookie])  # type: ignore[list-item]
        context.add_init_script(OBSERVE)
        tab = context.new_page()
        for paints in (page.cold, page.repeat):
            tab.goto(server.base_url + page.path, wait_until="networkidle")
            seen = tab.evaluate("seen")
            paints.append(seen["lcp"])
            page.shift = max(page.shift, seen["shift"])
            page.tasks += seen["tasks"]
        page.elements = tab.evaluate("document.querySelectorAll('*').length")
        context.close()


def report(pages: list[Figures]) -> None:
    """Print the figures, a page a line."""
    print(
        f"{'page':<19}{'p50 ms':>8}{'p95 ms':>8}{'queries':>9}{'elements':>10}{'HTML gz':>9}"
        f"{'LCP cold':>10}{'repeat':>8}{'CLS':>7}{'long':>6}"
    )
    for page in pages:
        print(
            f"{page.name:<19}{median(page.durations):>8.1f}{page.p95:>8.1f}{page.queries:>9}"
            f"{page.elements:>10}{page.html:>9}{median(page.cold):>10.0f}{median(page.repeat):>8.0f}"
            f"{page.shift:>7.3f}{page.tasks:>6}"
        )


if __name__ == "__main__":
    sys.exit(main())
