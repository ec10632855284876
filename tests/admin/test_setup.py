"""The first administrator (SECURITY U11, U16, U22, C31)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from signet.extensions import db
from signet.models.admins import SetupCodeRow, list_admins
from signet.models.audit import Actor
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.operations import sign_in as operations
from signet.operations.admins import make_setup_code
from signet.operations.sign_in import SignInRefusedError
from signet.settings import load_settings
from signet.wiring import utc_now
from tests.admin.clock import moved_clock
from tests.admin.house import kept
from tests.admin.pages import read
from tests.admin.race import Browser, Raced
from tests.admin.signing_in import PASSWORD, csrf_of, sign_in_by_form
from tests.conftest import write_key_files
from tests.databases import ENGINES, Databases

NAME = "ada@example.org"


@pytest.fixture
def code(app: Flask) -> str:
    """The code that the server has printed."""
    return make_setup_code(now=utc_now())


def set_up(client: FlaskClient, code: str, **fields: str) -> TestResponse:
    """The answer to the form of the set-up."""
    form = {"code": code, "name": NAME, "password": PASSWORD} | fields
    form["csrf_token"] = csrf_of(client.get("/admin/setup"))
    return client.post("/admin/setup", data=form)


def test_the_code_makes_the_first_administrator_who_sets_up_a_second_factor(
    client: FlaskClient, code: str
):
    answer = set_up(client, code)
    assert (answer.status_code, answer.location) == (303, "/admin/account/totp")
    page = client.get("/admin/account/totp").text
    assert "Administrator created." in page
    assert "Set up a second factor" in page
    assert client.get("/admin/").location == "/admin/account/totp"


def test_the_set_up_stands_in_the_audit_log_with_who_and_from_where(client: FlaskClient, code: str):
    answer = set_up(client, code)
    entry = list_entries(AuditFilter(action="admin.set_up")).entries[0]
    assert (entry.actor, entry.address, entry.object.name) == (NAME, "127.0.0.1", NAME)
    assert entry.request_id == answer.headers["X-Request-Id"]


@pytest.mark.parametrize(
    "typed",
    [str.lower, lambda code: code.replace("-", ""), lambda code: f" {code.replace('-', ' ')} "],
    ids=["small letters", "without hyphens", "with spaces"],
)
@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_code_may_be_typed_as_people_type(client: FlaskClient, code: str, typed):
    assert set_up(client, typed(code)).status_code == 303


def test_u22_the_code_works_once(client: FlaskClient, code: str):
    eve = client.application.test_client()
    form = {"code": code, "name": "eve", "password": PASSWORD}
    form["csrf_token"] = csrf_of(eve.get("/admin/setup"))
    assert set_up(client, code).status_code == 303
    assert eve.post("/admin/setup", data=form).status_code == 404
    assert [admin.name for admin in list_admins()] == [NAME]
    with db.engine.connect() as connection:
        assert connection.execute(select(SetupCodeRow)).all() == []


def test_u22_once_there_is_an_administrator_there_is_no_such_page(client: FlaskClient, code: str):
    set_up(client, code)
    assert client.get("/admin/setup").status_code == 404
    assert "Set up" not in client.get("/admin/setup").text


def test_u22_the_code_runs_out_after_an_hour(app: Flask, client: FlaskClient, code: str):
    with moved_clock(app, utc_now() + timedelta(minutes=59)):
        assert set_up(client, code, password="short").status_code == 422
    with moved_clock(app, utc_now() + timedelta(hours=1)):
        answer = set_up(client, code)
    assert answer.status_code == 422
    assert "The setup code has run out: make one with flask admin setup-code" in answer.text
    assert list_admins() == ()


def test_u22_a_new_code_ends_the_old_one(client: FlaskClient, code: str):
    newer = make_setup_code(now=utc_now())
    assert set_up(client, code).status_code == 422
    assert set_up(client, newer).status_code == 303


def test_u29_nobody_chooses_another_role_or_date_at_set_up(client: FlaskClient, code: str):
    set_up(client, code, role="viewer", enabled="", id="7", created_at="2000-01-01")
    admin = list_admins()[0]
    assert (admin.role, admin.enabled) == ("administrator", True)
    assert utc_now() - admin.created_at < timedelta(minutes=1)


class Empty:
    """A server without administrator that stays so, and its code."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        with app.app_context():
            self.code = make_setup_code(now=utc_now())

    def set_up(self, **fields: str) -> TestResponse:
        """A set-up that is refused."""
        answer = set_up(self.app.test_client(), fields.pop("code", self.code), **fields)
        assert answer.status_code == 422
        with self.app.app_context():
            assert list_admins() == ()
        return answer


@pytest.fixture(scope="module", params=ENGINES)
def empty(
    request: pytest.FixtureRequest, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Empty]:
    """A server without administrator."""
    folder = tmp_path_factory.mktemp("empty")
    write_key_files(folder / "secrets")
    with databases.fresh(request.param) as url:
        environ = {"SIGNET_DATABASE_URL": url, "SIGNET_SECRETS_DIR": str(folder / "secrets")}
        with kept(create_app(load_settings(environ))) as app:
            yield Empty(app)


def test_a_visitor_is_led_to_the_set_up(empty: Empty):
    visitor = empty.app.test_client()
    assert visitor.get("/admin/clients").location == "/admin/sign-in?next=/admin/clients"
    assert visitor.get("/admin/sign-in").location == "/admin/setup"


@pytest.mark.parametrize(
    "wrong",
    ["AAAA-AAAA-AAAA", "", "-", "\0", "%", "' OR 1=1 --", "x" * 60_000, "\ud800", "ÄÖÜ"],
    ids=lambda wrong: repr(wrong)[:20],
)
def test_u22_c31_without_the_code_nobody_becomes_administrator(empty: Empty, wrong: str):
    code = wrong.encode("utf-8", "surrogatepass").decode("utf-8", "replace")
    answer = empty.set_up(code=code)
    wanted = "This is not the setup code" if code else "Enter the setup code"
    assert wanted in answer.text


def test_c31_the_digest_in_the_database_is_no_code(empty: Empty):
    with empty.app.app_context(), db.engine.connect() as connection:
        digest = connection.execute(select(SetupCodeRow.digest)).scalar_one()
    empty.set_up(code=digest)


def test_u22_a_wrong_code_is_found_out_before_any_slow_work(empty: Empty):
    """This password takes zxcvbn seconds; only who has the code may make the server do that."""
    answer = empty.set_up(code="AAAA-AAAA-AAAA", password="4@8({[<369&6!1|7!+0$57%2" * 3)
    assert "This is not the setup code" in answer.text


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("password", "refusal"),
    [
        ("", "Enter a password"),
        ("short", "Use 15 characters or more"),
        ("glacierharbour", "Use 15 characters or more"),
        ("\U0001f511" * 14, "Use 15 characters or more"),
        ("x" * 1_025, "Use at most 1024 bytes"),
        ("\U0001f511" * 300, "Use at most 1024 bytes"),
        ("passwordpassword", "easy to guess"),
        ("123456789012345", "easy to guess"),
        ("aaaaaaaaaaaaaaaaaaaaaaaa", "easy to guess"),
        ("qwertyuiopasdfghjkl", "easy to guess"),
        ("signetsignetsignet", "easy to guess"),
        ("ada@example.org", "easy to guess"),
        ("iloveyouiloveyou", "easy to guess"),
    ],
    ids=lambda text: text[:16],
)
def test_u11_a_weak_password_is_refused_at_its_field(empty: Empty, password: str, refusal: str):
    answer = empty.set_up(password=password)
    assert refusal in answer.text
    page = read(answer.text)
    field = next(f for f in page.all("input") if f.attributes.get("name") == "password")
    assert field.attributes["aria-invalid"] == "true"
    assert field.attributes.get("value", "") == ""
    assert f'value="{NAME}"' in answer.text


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize(
    "password",
    [
        "glacier-harbour-lantern-moss",
        "four plain words here",
        "Ünïcödé über alles ✓ 鍵",
        "tab\tand\u00a0odd spaces ' \" < > & \\ %00",
        "0" + "correct horse battery staple " * 35,
        "\U0001f511\U0001f98a\u2693\U0001f30b\U0001f6f0\U0001f3bb\U0001f40c\u2602" * 2,
    ],
    ids=["words", "spaces", "not ASCII", "odd characters", "long", "emoji"],
)
def test_u11_a_good_password_of_any_characters_is_taken_and_signs_in(
    client: FlaskClient, code: str, password: str
):
    assert set_up(client, code, password=password).status_code == 303
    assert sign_in_by_form(client, NAME, password).status_code == 303


@pytest.mark.parametrize("name", ["", "  ", "a\nb", "a\0b", "a\u202eb", "n" * 201])
def test_a_name_that_cannot_be_shown_is_refused(empty: Empty, name: str):
    answer = empty.set_up(name=name)
    assert 'id="name-error"' in answer.text


@pytest.mark.parametrize("empty", ["sqlite"], indirect=True)
def test_password_managers_know_the_fields(empty: Empty):
    page = read(empty.app.test_client().get("/admin/setup").text)
    fields = {field.attributes.get("name"): field.attributes for field in page.all("input")}
    assert fields["name"]["autocomplete"] == "username"
    assert fields["password"]["autocomplete"] == "new-password"
    assert fields["code"]["autocomplete"] == "off"


@pytest.mark.parametrize("name", ["admin", "administrator", "root", "signet", "test", "user"])
def test_u16_a_fresh_server_lets_no_common_pair_in(empty: Empty, name: str):
    visitor = Actor(name="", address=f"192.0.2.{len(name)}")
    with empty.app.app_context(), pytest.raises(SignInRefusedError):
        operations.sign_in(name, name, actor=visitor, now=utc_now())


def test_u22_c31_of_fifty_at_once_one_becomes_administrator(raced: Raced):
    statuses = list(raced.statuses.values())
    assert statuses.count(303) == 1
    # The others came too late, or while the server had its hands full.
    assert set(statuses) <= {303, 404, 429}
    admins = raced.server.flask("admin", "list")
    # Others of this file have made viewers there, each for itself.
    assert [a["name"] for a in admins if a["role"] == "administrator"] == [raced.winner]
    assert Browser(raced.server.base_url).sign_in(raced.winner, PASSWORD) == 303


def test_u22_afterwards_there_is_no_set_up_on_any_worker(raced: Raced):
    statuses = {Browser(raced.server.base_url).get("/admin/setup").status for _ in range(8)}
    assert statuses == {404}
    assert raced.server.command("admin", "setup-code").returncode == 1


def test_u22_a_restart_does_not_reopen_the_set_up(raced: Raced):
    """What a restart does before it serves."""
    assert "code" not in raced.server.prepare().lower()
    assert Browser(raced.server.base_url).get("/admin/setup").status == 404
