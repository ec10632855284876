"""The pages by keyboard alone, and as people set up their screens: contrast, motion, spacing, zoom.

WCAG 2.2: SC 1.4.4, 1.4.10, 1.4.12, 2.1.1, 2.1.2, 2.4.1, 2.4.3, 2.4.7, 2.4.11, 3.3.1.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests.admin.signing_in import make_session
from tests.believable import ADA, furnish
from tests.databases import Databases
from tests.running import Server

#: A list, a thing with tabs, two forms and a table that scrolls.
PATHS = (
    "/admin/clients",
    "/admin/clients/warehouse-sync",
    "/admin/clients/new",
    "/admin/clients/warehouse-sync/secrets/new",
    "/admin/audit",
)
#: All that Tab should reach, numbered in the order of the source; of radio buttons, the chosen one.
REACHABLE = """() => [...document.querySelectorAll(
    'a[href], button, input, select, textarea, summary, [tabindex="0"]')]
    .filter((element) => element.type !== 'hidden' && !element.disabled)
    .filter((element) => element.checkVisibility({ visibilityProperty: true }))
    .filter((element) => element.type !== 'radio' || element.checked)
    .forEach((element, index) => { element.dataset.order = index; })
    ?? document.querySelectorAll('[data-order]').length"""
#: What has the focus: its place in that order, the ring around it, and whether it can be seen.
FOCUSED = """() => {
    const element = document.activeElement, style = getComputedStyle(element);
    const { left, top, width, height } = element.getBoundingClientRect();
    const x = left + Math.min(width, innerWidth) / 2, y = top + Math.min(height, 40) / 2;
    const above = document.elementFromPoint(x, y);
    return {
        order: Number(element.dataset.order ?? -1),
        ring: `${style.outlineStyle} ${style.outlineWidth} ${style.outlineOffset}`,
        seen: above !== null && (element.contains(above) || above.contains(element)),
    };
}"""
#: Day, month, year and the calendar are stops of their own in a date; two dates in a filter.
PARTS_OF_DATES = 2 * 3
#: Texts of which a part is cut off; what is hidden for the eye and what scrolls is meant to be.
CUT = """() => [...document.querySelectorAll('body *')]
    .filter((element) => element.checkVisibility() && !element.closest('.visually-hidden, svg'))
    .filter((element) => ['hidden', 'clip'].includes(getComputedStyle(element).overflowX))
    .filter((element) => element.scrollWidth > element.clientWidth + 1
        || element.scrollHeight > element.clientHeight + 1)
    .map((element) => element.outerHTML.slice(0, 120))"""
#: SC 1.4.12, by a style sheet of the kind that the policy of the pages lets a script make.
SPACING = """() => {
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: .12em !important;
        word-spacing: .16em !important; } p { margin-block-end: 2em !important; }`);
    document.adoptedStyleSheets = [sheet];
}"""


class Installed:
    """A server with believable data, and the session of its administrator."""

    def __init__(self, server: Server) -> None:
        self.server = server
        with server.opened() as app:
            furnish(app)
            self.session = make_session(ADA)


@pytest.fixture(scope="module")
def installed(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Installed]:
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("keyboard"), url)
        try:
            server.start()
            yield Installed(server)
        finally:
            server.stop()


class Hands:
    """An administrator who has a keyboard and no mouse."""

    def __init__(self, page: Page, installed: Installed) -> None:
        self.page = page
        self.base_url = installed.server.base_url
        cookie = {"name": "signet", "value": installed.session, "url": self.base_url}
        page.context.add_cookies([cookie])  # type: ignore[list-item]

    def open(self, path: str) -> None:
        self.page.goto(self.base_url + path)

    def press(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def tab_to(self, target: Locator) -> None:
        """Press Tab until this has the focus; a hundred times is a trap."""
        for _ in range(100):
            self.press("Tab")
            if target.evaluate("element => element === document.activeElement"):
                return
        pytest.fail(f"Tab does not reach {target}")

    def focused(self) -> dict[str, Any]:
        return dict(self.page.evaluate(FOCUSED))


@pytest.fixture
def hands(page: Page, installed: Installed) -> Hands:
    return Hands(page, installed)


def test_the_first_stop_skips_the_navigation(hands: Hands):
    """SC 2.4.1."""
    hands.open("/admin/clients")
    hands.press("Tab")
    link = hands.page.get_by_role("link", name="Skip to main content")
    expect(link).to_be_focused()
    expect(link).to_be_in_viewport()
    hands.press("Enter")
    expect(hands.page.locator("main")).to_be_focused()
    hands.press("Tab")
    assert hands.page.evaluate("document.activeElement.closest('main') !== null")


@pytest.mark.parametrize("path", PATHS)
def test_tab_reaches_everything_in_order_with_a_ring_that_is_seen(hands: Hands, path: str):
    """SC 2.1.1, 2.1.2, 2.4.3, 2.4.7, 2.4.11; the window is low, so that the page scrolls."""
    hands.page.set_viewport_size({"width": 1280, "height": 500})
    hands.open(path)
    count = hands.page.evaluate(REACHABLE)
    stops: list[dict[str, Any]] = []
    for _ in range(count + PARTS_OF_DATES):
        hands.press("Tab")
        stop = hands.focused()
        if not stops or stop["order"] != stops[-1]["order"]:
            stops.append(stop)
        if stop["order"] == count - 1:
            break
    assert [stop["order"] for stop in stops] == list(range(count))
    assert {stop["ring"] for stop in stops} == {"solid 3px 2px"}
    assert [stop["order"] for stop in stops if not stop["seen"]] == []
    # Past the last one the browser has the focus again.
    hands.press("Tab")
    assert hands.focused()["order"] in (-1, 0)


def test_a_client_is_registered_and_its_secret_saved_without_a_mouse(hands: Hands):
    page = hands.page
    hands.open("/admin/clients")
    hands.tab_to(page.get_by_role("link", name="New client"))
    hands.press("Enter")
    hands.tab_to(page.get_by_label("Name", exact=True))
    page.keyboard.type("Keyboard client")
    hands.tab_to(page.get_by_label("external-api"))
    hands.press("Space")
    hands.tab_to(page.get_by_label("1 year"))
    hands.press("ArrowUp")
    expect(page.get_by_label("180 days")).to_be_checked()
    hands.tab_to(page.get_by_role("button", name="Create client"))
    hands.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_contain_text("save the secret now")
    hands.tab_to(page.get_by_label("I have saved the secret"))
    hands.press("Space")
    hands.tab_to(page.get_by_role("link", name="Go to the client"))
    hands.press("Enter")
    expect(page.get_by_role("heading", level=1, name="Keyboard client")).to_be_visible()


def test_enter_in_a_field_sends_and_the_summary_of_mistakes_has_the_focus(hands: Hands):
    """SC 3.3.1."""
    hands.open("/admin/clients/new")
    hands.tab_to(hands.page.get_by_label("Client ID"))
    hands.press("Enter")
    expect(hands.page.get_by_role("alert")).to_be_focused()
    hands.press("Tab", "Enter")
    expect(hands.page.get_by_label("Name", exact=True)).to_be_focused()


def test_everything_can_be_told_apart_in_forced_colours(hands: Hands):
    page = hands.page
    page.emulate_media(forced_colors="active")
    hands.open("/admin/clients/new")
    hands.tab_to(page.get_by_role("button", name="Create client"))
    assert hands.focused()["ring"] == "solid 3px 2px"
    drawn = "element => getComputedStyle(element).borderTopStyle === 'solid'"
    assert page.get_by_role("button", name="Create client").evaluate(drawn)
    assert page.get_by_label("Name", exact=True).evaluate(drawn)
    # Boxes are the browser's own then, and the current page is not told by a background.
    box = page.get_by_label("external-api")
    assert box.evaluate("element => getComputedStyle(element).appearance") == "auto"
    edge = "element => getComputedStyle(element).borderInlineStartColor"
    current = page.get_by_role("link", name="Clients", exact=True).first.evaluate(edge)
    assert current != page.get_by_role("link", name="Scopes", exact=True).first.evaluate(edge)


def test_nothing_moves_for_whoever_wants_no_motion(hands: Hands):
    """SC 2.3.3; nothing moves for anybody."""
    hands.page.emulate_media(reduced_motion="reduce")
    hands.open("/admin/")
    moving = """() => document.getAnimations().length
        + [...document.querySelectorAll('*')].filter((element) => {
            const { transitionDuration, animationName, scrollBehavior } = getComputedStyle(element);
            return transitionDuration !== '0s' || animationName !== 'none'
                || scrollBehavior === 'smooth';
        }).length"""
    assert hands.page.evaluate(moving) == 0


@pytest.fixture(scope="module")
def hands_of_all(chromium: Browser, installed: Installed) -> Iterator[Hands]:
    """One browser for many pages that are only looked at."""
    context = chromium.new_context(viewport={"width": 320, "height": 700})
    yield Hands(context.new_page(), installed)
    context.close()


@pytest.mark.parametrize("path", [*PATHS, "/admin/"])
def test_wider_spacing_of_text_cuts_nothing_at_320_pixels(hands_of_all: Hands, path: str):
    """SC 1.4.12, 1.4.10."""
    hands_of_all.open(path)
    hands_of_all.page.evaluate(SPACING)
    assert hands_of_all.page.evaluate("getComputedStyle(document.body).letterSpacing") != "normal"
    assert hands_of_all.page.evaluate(CUT) == []
    assert not scrolls_sideways(hands_of_all.page)


def test_twice_the_size_needs_no_sideways_scrolling(chromium: Browser, installed: Installed):
    """SC 1.4.4: 200 % zoom halves the window and doubles the pixels, as the browser does it."""
    context = chromium.new_context(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    hands = Hands(context.new_page(), installed)
    wide = []
    for path in PATHS:
        hands.open(path)
        wide += [path] if scrolls_sideways(hands.page) or hands.page.evaluate(CUT) else []
    context.close()
    assert wide == []


def scrolls_sideways(page: Page) -> bool:
    """Whether the page is wider than its window."""
    root = "document.documentElement"
    return bool(page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"))
