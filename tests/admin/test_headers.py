"""What every answer tells the browser, and that no page needs more (SECURITY U6 to U9, C24)."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from signet.models.admins import ADMINISTRATOR, VIEWER
from signet.settings import ROOT
from tests.admin.house import VISITOR, House
from tests.admin.pages import read
from tests.admin.routes import CHANGING_ROUTES, SAFE_ROUTES, Route, name_of
from tests.admin.signing_in import make_admin
from tests.conftest import MakeSettings, StrangerClient
from tests.running import opened

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'; "
    "require-trusted-types-for 'script'"
)
OF_EVERY_PAGE = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "X-Frame-Options": "DENY",
}
#: What is kept as a file and never shown: these of the above are left.
OF_EVERY_FILE = {"Cache-Control", "X-Content-Type-Options"}
GETS = [route for route in SAFE_ROUTES if route.method == "GET"]


def headers_of(answer: TestResponse) -> dict[str, str | None]:
    """Those of an answer that every page has."""
    return {name: answer.headers.get(name) for name in OF_EVERY_PAGE}


def is_file(answer: TestResponse) -> bool:
    """Whether a browser keeps the answer as a file instead of showing it."""
    return answer.headers.get("Content-Disposition", "").startswith("attachment;")


def expected(answer: TestResponse) -> dict[str, str | None]:
    """What ``headers_of`` must give."""
    kept = OF_EVERY_FILE if is_file(answer) else OF_EVERY_PAGE
    return {name: value if name in kept else None for name, value in OF_EVERY_PAGE.items()}


def error_pages(house: House) -> Iterator[tuple[int, TestResponse]]:
    """An answer of each kind that is no page of its own."""
    admin = house.people[ADMINISTRATOR]
    yield 303, admin.get("/")
    yield 303, admin.get("/admin")
    yield 303, house.people[VISITOR].get("/admin/clients")
    yield 400, admin.post("/admin/sign-out")
    yield 400, admin.get("/admin/clients?q=a&q=b")
    yield 403, admin.post("/admin/sign-out", headers={"Sec-Fetch-Site": "cross-site"})
    yield 404, admin.get("/admin/nothing")
    yield 404, admin.get("/nothing")
    yield 404, admin.get("/static/nothing.css")
    yield 404, admin.get("/static/")
    yield 405, admin.post("/admin/")
    yield 405, admin.get("/admin/sign-out")
    yield 413, admin.post("/admin/sign-out", data={"csrf_token": "x" * 65_536})
    yield 422, house.open(ADMINISTRATOR, Route("admin.clients.create", "POST"))
    yield 422, house.open(VISITOR, Route("admin.sign_in.sign_in", "POST"))


@pytest.mark.parametrize("who", [VISITOR, ADMINISTRATOR])
def test_u7_u8_u9_c24_every_page_has_the_headers(sqlite_house: House, who: str):
    answers = {name_of(route): sqlite_house.open(who, route) for route in SAFE_ROUTES}
    wrong = {
        name: headers_of(answer)
        for name, answer in answers.items()
        if headers_of(answer) != expected(answer)
    }
    assert wrong == {}


def test_u7_u8_u9_c24_every_refusal_has_the_headers(sqlite_house: House):
    for status, answer in error_pages(sqlite_house):
        assert (answer.status_code, headers_of(answer)) == (status, OF_EVERY_PAGE)


def test_u7_u8_u9_c24_every_answer_to_a_form_has_the_headers(sqlite_house: House):
    for route in CHANGING_ROUTES:
        answer = sqlite_house.people[VISITOR].open(
            sqlite_house.url(route.endpoint), method=route.method
        )
        assert headers_of(answer) == OF_EVERY_PAGE


def test_c24_a_page_of_a_session_says_that_it_varies_by_cookie(sqlite_house: House):
    assert "Cookie" in sqlite_house.people[ADMINISTRATOR].get("/admin/clients").vary


def test_u8_answers_that_are_no_pages_cannot_be_taken_for_one(sqlite_house: House):
    for path in (
        "/healthz",
        "/readyz",
        "/.well-known/openid-configuration",
        "/.well-known/jwks.json",
        "/connect/token",
        "/static/signet.js",
    ):
        with sqlite_house.people[VISITOR].get(path) as answer:
            assert answer.headers["X-Content-Type-Options"] == "nosniff"
            assert answer.mimetype in ("application/json", "text/javascript")


def test_an_asset_is_kept_for_a_year_under_the_address_of_its_content(sqlite_house: House):
    client = sqlite_house.people[VISITOR]
    style = read(client.get("/admin/sign-in").text).all("link")[1].attributes["href"]
    with client.get(style) as answer:
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"
    with client.get("/static/signet.css") as answer:
        assert answer.headers["Cache-Control"] == "no-cache"
        etag = answer.headers["ETag"]
    with client.get(style, headers={"If-None-Match": etag}) as answer:
        assert answer.status_code == 304
        assert answer.headers["Cache-Control"] == "public, max-age=31536000, immutable"


def test_an_asset_sets_no_cookie_and_knows_no_session(sqlite_house: House):
    with sqlite_house.people[ADMINISTRATOR].get("/static/signet.css") as answer:
        assert "Set-Cookie" not in answer.headers
        assert "Cookie" not in answer.vary


@pytest.fixture
def https_client(make_settings: MakeSettings, database_url: str) -> Iterator[FlaskClient]:
    """A browser at a Signet whose issuer is https."""
    settings = make_settings(
        SIGNET_DATABASE_URL=database_url, SIGNET_ISSUER="https://id.example.org"
    )
    with opened(create_app(settings)) as app:
        make_admin(app)
        app.test_client_class = StrangerClient
        yield app.test_client()


@pytest.mark.parametrize(
    "path", ["/admin/sign-in", "/nothing", "/static/signet.css", "/connect/token", "/healthz"]
)
def test_u6_under_https_browsers_are_told_to_stay_there(https_client: FlaskClient, path: str):
    with https_client.get(path, base_url="https://id.example.org/") as answer:
        assert answer.headers["Strict-Transport-Security"] == (
            "max-age=31536000; includeSubDomains"
        )


def test_u6_on_a_loopback_issuer_nothing_is_said_of_https(sqlite_house: House):
    answer = sqlite_house.people[VISITOR].get("/admin/sign-in")
    assert "Strict-Transport-Security" not in answer.headers


def inline_code(html: str) -> list[str]:
    """What the policy would forbid in a page."""
    found = []
    for element in read(html).elements:
        attributes: dict[str, Any] = element.attributes
        if element.tag in ("style", "iframe", "object", "embed", "base", "template"):
            found.append(element.tag)
        if element.tag == "script" and not attributes.get("src"):
            found.append("script")
        found += [
            f"{name}={value}"
            for name, value in attributes.items()
            if name.startswith("on")
            or name in ("style", "srcdoc", "formaction", "ping", "background")
            or (name in ("href", "src", "action") and not is_own_address(value, attributes))
        ]
    return found


def is_own_address(value: str, attributes: dict[str, Any]) -> bool:
    # "Download .env" is a link with the file itself in it.
    if value.startswith("data:text/plain") and "download" in attributes:
        return True
    return value.startswith(("#", "?")) or re.match(r"/(?!/)", value) is not None


@pytest.mark.parametrize("who", [VISITOR, VIEWER, ADMINISTRATOR])
def test_u7_no_page_holds_a_script_a_style_or_a_foreign_address(house: House, who: str):
    pages = {name_of(route): house.open(who, route).text for route in GETS}
    found = {name: inline_code(html) for name, html in pages.items() if inline_code(html)}
    assert found == {}


def test_u7_no_refusal_holds_a_script_a_style_or_a_foreign_address(sqlite_house: House):
    for status, answer in error_pages(sqlite_house):
        assert (status, inline_code(answer.text)) == (status, [])


def test_every_page_has_one_heading_one_title_of_its_own_and_names_its_language(house: House):
    titles = {}
    for route in GETS:
        answer = house.open(ADMINISTRATOR, route)
        if answer.status_code != 200 or is_file(answer):
            continue
        page = read(answer.text)
        assert len(page.all("h1")) == 1, route
        assert page.all("html")[0].attributes["lang"] == "en"
        titles[route.endpoint] = page.title
    assert all(title.endswith(" – Signet") for title in titles.values())
    assert len(set(titles.values())) == len(titles)


def test_no_template_lets_a_text_pass_as_markup():
    """U32: what people type is escaped, without exception."""
    for path in (ROOT / "templates").rglob("*"):
        # Programs are plain text: what is filled in is written in their language, and the
        # highlighter escapes all of it.
        if path.is_file() and "snippets" not in path.parts:
            # The suffix is what switches the escaping on.
            assert path.suffix == ".html", path
            assert not re.search(r"\|\s*safe\b|autoescape\s+false", path.read_text()), path


@pytest.mark.parametrize("who", [VISITOR, ADMINISTRATOR])
def test_u44_no_page_takes_the_focus_away_or_leaves_by_itself(sqlite_house: House, who: str):
    """SECURITY U44; what a message looks like to a screen reader is for axe."""
    for route in GETS:
        for element in read(sqlite_house.open(who, route).text).elements:
            attributes = element.attributes
            assert "autofocus" not in attributes, route
            assert attributes.get("tabindex", "0") in ("0", "-1"), route
            assert "http-equiv" not in attributes, route
