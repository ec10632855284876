"""Looking at a page in the real Chromium: with axe, narrow and dark, and with scales."""

import gzip
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, Request

TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
#: What a theme or a width can change.
_OF_THEME_AND_WIDTH = [
    "color-contrast",
    "link-in-text-block",
    "target-size",
    "scrollable-region-focusable",
]
#: UI.md's budgets: elements of a page, bytes of its HTML, CSS and JS as gzip has them.
MOST_ELEMENTS = 1_500
MOST_HTML, MOST_CSS, MOST_JS, MOST_ICONS, MOST_IN_ALL = 15_000, 6_000, 4_000, 2_000, 30_000

_NARROW, _WIDE = {"width": 360, "height": 800}, {"width": 1280, "height": 900}


@dataclass(frozen=True)
class Look:
    """What was seen of a page."""

    name: str
    title: str
    elements: int
    #: Bytes of the HTML as gzip has it.
    html: int
    flaws: tuple[str, ...]


@dataclass
class Looker:
    """Looks at pages, one after the other, and remembers all that was seen."""

    page: Page
    base_url: str
    looks: list[Look] = field(default_factory=list)
    _complaints: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.page.on("console", self._on_console)
        self.page.on("pageerror", lambda error: self._complaints.append(f"script: {error}"))
        self.page.on("request", self._on_request)

    def open(self, path: str, *, status: int = 200) -> None:
        """Go to a page and look at it."""
        self.page.set_viewport_size(_WIDE)  # type: ignore[arg-type]
        answer = self.page.goto(self.base_url + path)
        if answer is None or answer.status != status:
            self._complaints.append(f"status {answer and answer.status}")
        self.look(path)

    def look(self, name: str) -> None:
        """Look at the page that is there."""
        page = self.page
        flaws = find_flaws(page)
        if page.locator("h1").count() != 1:
            flaws.append("not one h1")
        elements = page.evaluate("document.querySelectorAll('*').length")
        html = len(gzip.compress(page.content().encode()))
        if elements > MOST_ELEMENTS:
            flaws.append(f"{elements} elements")
        if html > MOST_HTML:
            flaws.append(f"{html} bytes of HTML")
        flaws += [complaint for complaint in self._complaints if "status of 4" not in complaint]
        self._complaints.clear()
        self.looks.append(Look(name, page.title(), elements, html, tuple(flaws)))

    @property
    def flaws(self) -> dict[str, tuple[str, ...]]:
        """What is wrong, by page."""
        return {look.name: look.flaws for look in self.looks if look.flaws}

    def _on_console(self, message: Any) -> None:
        if message.type in ("error", "warning"):
            self._complaints.append(message.text)

    def _on_request(self, request: Request) -> None:
        if not request.url.startswith((self.base_url, "data:")):
            self._complaints.append(f"a foreign request: {request.url}")


def find_flaws(page: Page) -> list[str]:
    """What axe finds wrong in both themes, wide and narrow; and whether it scrolls sideways."""
    found = []
    runs: tuple[tuple[str, dict[str, int], list[str], Axe], ...] = (
        # A theme changes nothing but colours, a width nothing but places.
        ("light", _WIDE, TAGS, Axe()),
        # By then the page has axe; to give it once more takes as long as to run it.
        ("dark", _NARROW, _OF_THEME_AND_WIDTH, Axe("axe.version")),
    )
    for theme, size, rules, axe in runs:
        page.set_viewport_size(size)  # type: ignore[arg-type]
        page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
        options = {"resultTypes": ["violations"], "runOnly": rules}
        report = axe.run(page, options=options).response
        found += [
            f"{theme} {size['width']}: {violation['id']} at {node['target']}"
            for violation in report["violations"]
            for node in violation["nodes"]
        ]
    page.set_viewport_size({"width": 320, "height": 700})
    root = "document.documentElement"
    if page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"):
        found.append("scrolls sideways at 320 px")
    page.set_viewport_size(_WIDE)  # type: ignore[arg-type]
    return found
