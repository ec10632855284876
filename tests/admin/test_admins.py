"""The pages of administrators: who may sign in, as what, and links that are handed over."""

import html
import re
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from signet.models.admin_links import list_open_links
from signet.models.admins import AdminDetails, find_admin, list_admins
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.operations import admin_links, admins
from signet.wiring import utc_now
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST, csrf_of, make_admin, sign_in

ME, FIRST, GRACE, EVE = (
    "administrator@example.org",
    "the-first@example.org",
    "grace@example.org",
    "eve@example.org",
)
LINK = re.compile(r"http://localhost:8000/admin/invitation/([A-Za-z0-9_-]{43})")
#: U32: what would break out of text, of an attribute, of a template, of a line.
MARKUP = "\"><img src=x onerror=alert(1)></script>{{7*7777}}' 🦀"


@pytest.fixture
def engine() -> str:
    """The rules are tested on both engines where they are: at the operations."""
    return "sqlite"


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    """An administrator at work; there is another one, and the operator grace."""
    make_admin(app, "operator", GRACE)
    return sit_down(app, client, "administrator")


def get(name: str = GRACE) -> AdminDetails:
    found = find_admin(name)
    assert found is not None
    return found


def page_of(name: str = GRACE) -> str:
    return f"/admin/admins/{get(name).number}"


def form_number_of(answer: TestResponse) -> str:
    found = re.search(r'name="form_number" value="([^"]+)"', answer.text)
    assert found is not None, answer.text
    return found[1]


def invite(desk: Desk, name: str = EVE, **fields: Any) -> TestResponse:
    number = form_number_of(desk.open("/admin/admins/invite"))
    return desk.send(
        "/admin/admins/invite", **{"name": name, "role": "viewer", "form_number": number} | fields
    )


def make_link(desk: Desk, kind: str = "password", name: str = GRACE) -> TestResponse:
    page = f"{page_of(name)}/{kind}-link"
    return desk.send(page, form_number=form_number_of(desk.open(page)))


def actions() -> list[str]:
    return [entry.action for entry in list_entries(AuditFilter(actor=ME), limit=50).entries]


def test_the_list_says_who_may_sign_in_as_what_and_how_they_prove_it(desk):
    text = text_of(desk.open("/admin/admins"))
    assert "administrator@example.org (you) Administrator App Never" in text
    assert "grace@example.org Operator None Never Never signed in" in text


def test_a_disabled_administrator_is_shown_as_such(desk):
    admins.disable_admin(GRACE, actor=TEST, now=utc_now())
    assert "grace@example.org Operator None Never Disabled" in text_of(desk.open("/admin/admins"))


@pytest.mark.parametrize("kind", ["password", "second-factor"])
def test_u20_a_link_is_shown_once_and_opens_a_form(desk, kind):
    shown = make_link(desk, kind)
    assert shown.status_code == 200
    assert shown.headers["Cache-Control"] == "no-store"
    (token,) = set(LINK.findall(html.unescape(shown.text)))
    assert desk.client.get(f"/admin/invitation/{token}").status_code == 200
    for path in ("/admin/admins", page_of(), "/admin/audit", "/admin/"):
        assert token not in desk.open(path).text


def test_u20_an_invitation_is_shown_once_and_says_for_whom(desk):
    shown = invite(desk, role="operator")
    assert shown.status_code == 200
    assert LINK.search(shown.text)
    assert "For eve@example.org Role Operator" in text_of(shown)
    assert "eve@example.org Invitation as operator" in text_of(desk.open("/admin/admins"))


def test_u20_no_page_of_administrators_asks_for_a_password(desk):
    paths = ["/admin/admins", "/admin/admins/invite", page_of(), page_of(ME)]
    paths += [f"{page_of()}/{act}" for act in ("password-link", "second-factor-link", "delete")]
    for path in paths:
        fields = read(desk.open(path).text).all("input")
        assert [f for f in fields if f.attributes.get("type") == "password"] == [], path


@pytest.mark.parametrize("send", [invite, make_link])
def test_u35_the_form_of_a_link_acts_once(desk, send):
    path = "/admin/admins/invite" if send is invite else f"{page_of()}/password-link"
    fields = {"name": EVE, "role": "viewer", "form_number": form_number_of(desk.open(path))}
    assert desk.send(path, **fields).status_code == 200
    again = desk.send(path, **fields)
    assert again.status_code == 409
    assert "This link was already shown" in text_of(again)
    assert not LINK.search(again.text)
    assert len(list_open_links(now=utc_now())) == 1


def test_u35_without_its_number_a_form_makes_no_link(desk):
    assert desk.send("/admin/admins/invite", name=EVE, role="viewer").status_code == 409
    assert list_open_links(now=utc_now()) == ()


def test_u25_a_link_begins_with_the_issuer_whatever_the_request_says(desk):
    page, evil = f"{page_of()}/password-link", "http://evil.example"
    cookie = desk.client.get_cookie("signet")
    assert cookie is not None
    desk.client.set_cookie("signet", cookie.value, domain="evil.example")
    form = desk.client.get(page, base_url=evil)
    fields = {"csrf_token": csrf_of(form), "form_number": form_number_of(form)}
    headers = {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}
    shown = desk.client.post(page, data=fields, headers=headers, base_url=evil)
    assert LINK.search(shown.text)
    assert "evil.example" not in shown.text


def test_a_refused_invitation_keeps_what_was_typed_and_its_number(desk):
    number = form_number_of(desk.open("/admin/admins/invite"))
    refused = invite(desk, GRACE, role="operator", form_number=number)
    assert refused.status_code == 422
    assert "There is an admin “grace@example.org” already" in text_of(refused)
    assert f'value="{GRACE}"' in refused.text
    assert invite(desk, EVE, form_number=number).status_code == 200


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"name": ""}, "Enter an e-mail address or a name"),
        ({"name": "Signet itself"}, "Choose a name that does not begin like"),
        ({"role": ""}, "Choose a role"),
        ({"role": "root"}, "Choose a role"),
    ],
)
def test_a_mistake_in_an_invitation_is_said_at_its_field(desk, fields, text):
    refused = invite(desk, **fields)
    assert refused.status_code == 422
    assert text in text_of(refused)
    assert list_open_links(now=utc_now()) == ()


def test_a_link_is_withdrawn(desk):
    token = LINK.findall(invite(desk).text)[0]
    (link,) = list_open_links(now=utc_now())
    answer = desk.send(f"/admin/admins/links/{link.number}/withdraw")
    assert (answer.status_code, answer.location) == (303, "/admin/admins")
    assert desk.client.get(f"/admin/invitation/{token}").status_code == 404
    assert actions()[0] == "admin.withdraw_link"


def test_u2_another_role_signs_them_out(app, desk):
    browser = app.test_client()
    sign_in(browser, GRACE)
    answer = desk.send(f"{page_of()}/role", role="viewer")
    assert (answer.status_code, answer.location) == (303, page_of())
    assert get().role == "viewer"
    assert browser.get("/admin/").status_code == 303
    assert actions()[0] == "admin.set_role"


def test_sessions_are_listed_and_ended(app, desk):
    browser = app.test_client()
    sign_in(browser, GRACE)
    assert "a test 127.0.0.1" in text_of(desk.open(page_of()))
    desk.send(f"{page_of()}/end-sessions")
    shown = text_of(desk.open(page_of()))
    assert "was signed out: 1 session ended." in shown
    assert "Not signed in anywhere." in shown
    assert browser.get("/admin/").status_code == 303


def test_an_administrator_is_disabled_and_enabled(desk):
    assert "They are signed out everywhere at once" in text_of(desk.open(f"{page_of()}/disable"))
    desk.send(f"{page_of()}/disable")
    assert not get().enabled
    shown = desk.open(page_of())
    assert "Reset password by link" not in shown.text
    desk.send(f"{page_of()}/enable")
    assert get().enabled


def test_an_administrator_is_deleted_by_typing_the_name(desk):
    page = f"{page_of()}/delete"
    refused = desk.send(page, confirmation="grace")
    assert refused.status_code == 422
    assert "Type “grace@example.org” to confirm" in text_of(refused)
    answer = desk.send(page, confirmation=GRACE)
    assert (answer.status_code, answer.location) == (303, "/admin/admins")
    assert find_admin(GRACE) is None


@pytest.mark.parametrize(
    ("act", "fields", "text"),
    [
        ("role", {"role": "viewer"}, "You cannot change your own role"),
        ("delete", {"confirmation": ME}, "You cannot delete yourself"),
    ],
)
def test_nobody_changes_their_own_rights(desk, act, fields, text):
    refused = desk.send(f"{page_of(ME)}/{act}", **fields)
    assert refused.status_code == 422
    assert text in text_of(refused)
    assert (get(ME).role, get(ME).enabled) == ("administrator", True)


@pytest.mark.parametrize("act", ["disable", "password-link", "second-factor-link"])
def test_what_nobody_does_to_themselves_is_explained(desk, act):
    page = f"{page_of(ME)}/{act}"
    explained = desk.open(page)
    assert "ask another administrator" in text_of(explained).lower()
    assert "<form class" not in explained.text
    number = form_number_of(desk.open(f"{page_of()}/password-link"))
    assert desk.send(page, form_number=number).location == page_of(ME)
    assert "You cannot" in text_of(desk.open(page_of(ME)))
    assert get(ME).enabled
    assert list_open_links(now=utc_now()) == ()


def test_the_own_page_offers_nothing_that_is_refused(desk):
    own = desk.open(page_of(ME))
    assert "This is you." in text_of(own)
    hrefs = links_of(own.text, within="main")
    assert not [href for href in hrefs if href.startswith(f"{page_of(ME)}/")]


@pytest.mark.parametrize(
    ("act", "fields"),
    [("role", {"role": "viewer"}), ("disable", {}), ("delete", {"confirmation": ME})],
)
def test_u22_the_last_administrator_stays_and_it_is_said_kindly(desk, act, fields):
    admins.delete_admin(FIRST, actor=TEST, now=utc_now())
    answer = desk.send(f"{page_of(ME)}/{act}", **fields)
    shown = desk.open(page_of(ME)) if answer.status_code == 303 else answer
    said = "“administrator@example.org” is the last administrator: make another one first"
    assert said in text_of(shown)
    assert (get(ME).role, get(ME).enabled) == ("administrator", True)


FORMS: list[tuple[str, Callable[[Desk], TestResponse]]] = [
    ("role", lambda desk: desk.send(f"{page_of()}/role", role="viewer", **UNASKED)),
    ("disable", lambda desk: desk.send(f"{page_of()}/disable", **UNASKED)),
    ("enable", lambda desk: desk.send(f"{page_of()}/enable", **UNASKED)),
    ("end-sessions", lambda desk: desk.send(f"{page_of()}/end-sessions", **UNASKED)),
    ("invite", partial(invite, id="1", admin_id="1", number="1")),
]
UNASKED = {
    "is_admin": "1",
    "id": "1",
    "number": "1",
    "name": "mallory",
    "folded_name": "mallory",
    "created_at": "2000-01-01",
    "password": "walnut-saddle-quartz-ribbon",
    "password_hash": "x",
    "secret_hash": "x",
    "last_sign_in_at": "2000-01-01",
    "expires_at": "2099-01-01",
}


@pytest.mark.parametrize("send", [send for _, send in FORMS], ids=[name for name, _ in FORMS])
def test_u29_a_form_takes_nothing_but_its_fields(desk, send):
    before, others = get(), [get(ME), get(FIRST)]
    assert send(desk).status_code in (200, 303)
    after = get()
    assert (after.number, after.name, after.created_at, after.last_sign_in_at) == (
        before.number,
        before.name,
        before.created_at,
        before.last_sign_in_at,
    )
    assert [get(ME), get(FIRST)] == others
    assert len(list_admins()) == 3


def test_u29_an_invitation_lasts_a_day_whatever_the_form_says(desk):
    invite(desk, expires_at="2099-01-01", created_by="mallory", kind="password", admin_id="1")
    (link,) = list_open_links(now=utc_now())
    assert (link.created_by, link.kind) == (ME, "invitation")
    assert (link.expires_at - link.created_at).total_seconds() == 24 * 3_600


@pytest.mark.parametrize("fields", [{"name": [EVE, "mallory"]}, {"role": ["viewer", "operator"]}])
def test_u30_a_field_that_stands_twice_is_refused(desk, fields):
    assert invite(desk, **fields).status_code == 400
    assert list_open_links(now=utc_now()) == ()


def test_u32_a_name_breaks_out_of_no_page(desk, app):
    make_admin(app, "viewer", MARKUP)
    issued = admin_links.make_password_link(MARKUP, actor=TEST, now=utc_now())
    page = page_of(MARKUP)
    paths = ["/admin/admins", page, f"{page}/disable", f"{page}/delete", f"{page}/password-link"]
    for path in [*paths, f"/admin/invitation/{issued.token}"]:
        shown = desk.open(path)
        assert shown.status_code == 200
        assert read(shown.text).all("img") == []
        assert MARKUP in html.unescape(shown.text)
