"""What somebody does with a one-time link, and what the log keeps of it (SECURITY U20, U34)."""

import io
import json
import logging
from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from signet.json_log import JsonFormatter, without_token
from signet.models.admins import find_admin
from signet.operations import admin_links, admins
from signet.operations.admin_links import IssuedLink
from signet.wiring import utc_now
from tests.admin.clock import moved_clock
from tests.admin.desk import text_of
from tests.admin.pages import read
from tests.admin.race import Browser, Raced, all_at_once
from tests.admin.signing_in import (
    PASSWORD,
    TEST,
    csrf_of,
    make_admin,
    make_session,
    sign_in,
    sign_in_by_form,
)
from tests.operations.acting import make_hashes_quick

GRACE, EVE = "grace@example.org", "eve@example.org"
OTHER_PASSWORD = "walnut-saddle-quartz-ribbon"
Lines = Callable[[], list[dict[str, object]]]


@pytest.fixture
def engine() -> str:
    """The rules are tested on both engines where they are: at the operations."""
    return "sqlite"


@pytest.fixture
def grace(app: Flask, monkeypatch: pytest.MonkeyPatch) -> str:
    """An operator with a second factor, besides an administrator."""
    make_hashes_quick(monkeypatch)
    make_admin(app)
    make_admin(app, "operator", GRACE)
    with app.app_context():
        make_session(GRACE)
    return GRACE


def invitation(name: str = EVE) -> IssuedLink:
    return admin_links.invite(name, role="operator", actor=TEST, now=utc_now())


def password_link() -> IssuedLink:
    return admin_links.make_password_link(GRACE, actor=TEST, now=utc_now())


def factor_link() -> IssuedLink:
    return admin_links.make_second_factor_link(GRACE, actor=TEST, now=utc_now())


LINKS = pytest.mark.parametrize("make", [invitation, password_link, factor_link])


def use(client: FlaskClient, token: str, password: str = "", **fields: str) -> TestResponse:
    """The answer to the form behind a link; the current password is ``PASSWORD``."""
    url = f"/admin/invitation/{token}"
    page = client.get(url)
    token_of_form = csrf_of(page if page.status_code == 200 else client.get("/admin/sign-in"))
    fields = {"csrf_token": token_of_form, "password": password or PASSWORD} | fields
    return client.post(url, data=fields)


@LINKS
def test_u20_looking_at_a_link_uses_nothing_up(grace, client, make):
    token = make().token
    for method in ("GET", "HEAD", "GET"):
        answer = client.open(f"/admin/invitation/{token}", method=method)
        assert answer.status_code == 200
    assert use(client, token).status_code == 303


def test_an_accepted_invitation_leads_to_sign_in_with_the_new_password(grace, client):
    answer = use(client, invitation().token, OTHER_PASSWORD)
    assert (answer.status_code, answer.location) == (303, "/admin/sign-in")
    assert "Your account is ready. Sign in now." in text_of(client.get("/admin/sign-in"))
    assert sign_in_by_form(client, EVE, OTHER_PASSWORD).status_code == 303


def test_an_invitation_says_who_invites_as_what_and_under_which_name(grace, client):
    shown = text_of(client.get(f"/admin/invitation/{invitation().token}"))
    assert "test invites you to Signet as operator. You will sign in as eve@example.org" in shown


def test_a_password_link_replaces_the_password(grace, client):
    use(client, password_link().token, OTHER_PASSWORD)
    assert sign_in_by_form(client, GRACE, PASSWORD).status_code == 422
    assert sign_in_by_form(client, GRACE, OTHER_PASSWORD).status_code == 303


def test_u17_a_second_factor_link_leads_to_setting_up_another_one(grace, client):
    use(client, factor_link().token)
    answer = sign_in_by_form(client, GRACE)
    assert answer.status_code == 303
    led = client.get(answer.location)
    while led.status_code == 303:
        answer = led
        led = client.get(led.location)
    assert answer.location == "/admin/account/totp"


def test_a_second_factor_link_without_the_password_removes_nothing(grace, client):
    answer = use(client, factor_link().token, OTHER_PASSWORD)
    assert answer.status_code == 422
    assert "The password is wrong" in text_of(answer)
    assert PASSWORD not in answer.text
    assert find_admin(GRACE).has_totp


def test_u14_guesses_at_the_password_behind_a_link_are_slowed_down(grace, client):
    token = factor_link().token
    statuses = [use(client, token, f"wrong password {n}").status_code for n in range(20)]
    assert statuses[0] == 422
    assert statuses[-1] == 429


@LINKS
def test_u20_a_used_link_is_gone(grace, client, make):
    token = make().token
    assert use(client, token).status_code == 303
    for answer in (client.get(f"/admin/invitation/{token}"), use(client, token)):
        assert answer.status_code == 410
        assert "This link does not work" in text_of(answer)
        assert read(answer.text).all("input") == []


@LINKS
def test_u20_a_link_that_has_run_out_is_gone(app, grace, client, make):
    token = make().token
    with moved_clock(app, utc_now() + timedelta(hours=24)):
        assert client.get(f"/admin/invitation/{token}").status_code == 410
        assert use(client, token).status_code == 410


@pytest.mark.parametrize("token", ["x", "a" * 43, "%00", "..%2f", "é" * 43, "a" * 3_000])
def test_u20_a_link_that_nobody_made_is_not_found(grace, client, token):
    answer = client.get(f"/admin/invitation/{token}")
    assert answer.status_code == 404
    assert use(client, token).status_code == 404


@pytest.mark.parametrize(("make", "status"), [(invitation, 422), (password_link, 422)])
def test_u11_a_weak_password_is_refused_and_not_repeated(grace, client, make, status):
    token = make().token
    answer = use(client, token, "passwordpassword")
    assert answer.status_code == status
    assert "passwordpassword" not in answer.text
    assert use(client, token).status_code == 303


def test_u29_nobody_chooses_another_role_or_name(grace, client):
    token = invitation().token
    unasked = {"role": "administrator", "name": "mallory", "is_admin": "1", "id": "1"}
    use(client, token, created_at="2000-01-01", password_hash="x", **unasked)
    eve = find_admin(EVE)
    assert eve is not None
    assert (eve.role, eve.enabled) == ("operator", True)
    assert eve.created_at.year > 2000
    assert find_admin("mallory") is None


def test_who_is_signed_in_as_somebody_else_is_told(app, grace, client):
    sign_in(client, "administrator@example.org")
    shown = text_of(client.get(f"/admin/invitation/{invitation().token}"))
    assert "You are signed in as administrator@example.org in this browser." in shown


@LINKS
def test_u9_the_page_of_a_link_is_kept_nowhere(grace, client, make):
    shown = client.get(f"/admin/invitation/{make().token}")
    assert shown.headers["Cache-Control"] == "no-store"
    assert shown.headers["Referrer-Policy"] == "same-origin"


# The log


@pytest.fixture
def lines(app: Flask) -> Iterator[Lines]:
    """All that is logged, read back line by line."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(JsonFormatter())
    logging.getLogger().addHandler(handler)
    logging.getLogger("signet").setLevel(logging.DEBUG)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger().removeHandler(handler)


#: Where somebody may ask for a link, rightly and wrongly copied.
ADDRESSES = [
    "/admin/invitation/{}",
    "/admin/invitation/{}/",
    "/admin/invitation/x{}",
    "/admin/invitation//{}",
    "/admin//invitation/{}",
    "/admin/Invitation/{}",
    "/admin/invitation/{}/more",
    "/admin/invitation/é{}",
    "/admin/invitation%2f{}",
    "/invitation/{}",
    "/{}",
    "/admin/invitation/?token={}",
]


@pytest.mark.parametrize("method", ["GET", "POST", "PUT"])
def test_u34_no_line_of_the_log_holds_the_token_of_a_link(grace, client, lines, method):
    token = invitation().token
    for address in ADDRESSES:
        client.open(address.format(token), method=method)
    logged = lines()
    assert len(logged) >= len(ADDRESSES)
    assert [line["path"] for line in logged if token in json.dumps(line)] == []


def test_u34_a_link_is_logged_without_its_token(grace, client, lines):
    use(client, invitation().token, OTHER_PASSWORD)
    paths = [line["path"] for line in lines() if line["message"] == "request"]
    assert paths == ["/admin/invitation/<redacted>"] * 2


def test_u34_a_request_that_fails_is_logged_without_its_token(app, client, grace, lines):
    token = invitation().token
    app.view_functions["admin.invitation.show"] = lambda token: 1 // 0
    app.config["PROPAGATE_EXCEPTIONS"] = False
    assert client.get(f"/admin/invitation/{token}").status_code == 500
    logged = json.dumps(lines())
    assert "ZeroDivisionError" in logged
    assert token not in logged


def test_u34_an_address_that_gunicorn_logs_loses_its_token():
    for address in ("/admin/invitation/abc?d", "/auth/admin/invitation%2Fabc", "/calendar/abc.ics"):
        assert "abc" not in without_token(address)
    assert without_token("/admin/clients/abc") == "/admin/clients/abc"


# Two workers


@pytest.mark.parametrize("raced", ["postgresql"], indirect=True)
def test_u20_of_many_browsers_with_one_link_at_two_workers_one_gets_in(raced: Raced):
    server = raced.server
    link = server.flask("admin", "invite", "together@example.org", "--role", "viewer")["link"]
    path = link.removeprefix(server.base_url)
    first = Browser(server.base_url)
    form = {"csrf_token": first.token(path), "password": OTHER_PASSWORD}

    def accept() -> int:
        return Browser(server.base_url, cookies=dict(first.cookies)).post(path, form).status

    statuses = all_at_once([accept] * 6)
    assert statuses.count(303) == 1
    assert set(statuses) <= {303, 410, 429}
    assert path.rpartition("/")[2] not in server.log


@pytest.mark.parametrize("raced", ["sqlite"], indirect=True)
def test_u4_a_new_password_by_link_signs_out_at_both_workers(raced: Raced):
    server, name = raced.server, "signed-out@example.org"
    server.flask("admin", "create", name, "--role", "viewer", "--password-stdin", stdin=PASSWORD)
    browser = Browser(server.base_url)
    browser.come_in(server, name)
    assert browser.get("/admin/").status == 200
    link = server.flask("admin", "reset-password", name, "--link")["link"]
    path = link.removeprefix(server.base_url)
    other = Browser(server.base_url)
    form = {"csrf_token": other.token(path), "password": OTHER_PASSWORD}
    assert other.post(path, form).status == 303
    # Connections are new each time, and so go to either worker.
    assert [browser.get("/admin/").status for _ in range(8)] == [303] * 8


def test_u4_deleting_an_admin_ends_links_too(grace, client):
    token = password_link().token
    admins.delete_admin(GRACE, actor=TEST, now=utc_now())
    assert client.get(f"/admin/invitation/{token}").status_code == 404
