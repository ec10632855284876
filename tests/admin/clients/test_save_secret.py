"""The page that shows a new secret, once (SECURITY U34 to U36)."""

import io
import json
import logging
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from dotenv import dotenv_values
from playwright.sync_api import Page, expect
from sqlalchemy import event, select
from sqlalchemy.exc import OperationalError
from werkzeug.test import TestResponse

from signet.extensions import db
from signet.json_log import JsonFormatter
from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.oauth.client import digest_client_secret
from signet.operations.scopes import disable_scope
from signet.views.admin.save_secret import env_text
from signet.wiring import utc_now
from tests.admin.clients.steps import (
    get_client,
    make_client,
    make_scope,
    secret_in,
    send_new,
    value_in,
)
from tests.admin.desk import Desk, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import PASSWORD, TEST, sign_in_browser
from tests.databases import Databases
from tests.running import Server

CLIENT = "/admin/clients/billing-export"
NAME = "ada@example.org"
ALREADY_SHOWN = (
    "This secret was already shown Reloading does not show a secret again, and nothing was "
    "changed. If you did not save it, make a new secret."
)


def make_secret(desk: Desk, number: str | None = None, **fields: Any) -> TestResponse:
    """The answer to the form of one more secret."""
    number = number or value_in(desk.open(f"{CLIENT}/secrets/new"), "form_number")
    filled_in = {"overlap": "keep", "expires_in": "365d", "form_number": number}
    return desk.send(f"{CLIENT}/secrets", **filled_in | fields)


def env_of(answer: TestResponse) -> str:
    """The content of the file that the page offers."""
    (link,) = (u for u in links_of(answer.text) if u.startswith("data:"))
    return unquote(link.removeprefix("data:text/plain;charset=utf-8,"))


# What the page says


def test_a_new_client_leads_to_its_secret_in_the_answer_to_the_form(desk):
    answer = send_new(desk, client_id="billing-export")
    text = text_of(answer)
    assert answer.status_code == 200
    assert text.startswith("New client created: save the secret now")
    assert (
        "This is the only time the secret is shown. Signet keeps only a hash of it. "
        "If you lose it, make a new one."
    ) in text
    assert "I have saved the secret Go to the client" in text
    assert CLIENT in links_of(answer.text, within="main")


def test_a_new_secret_has_its_own_heading(desk):
    make_client()
    assert text_of(make_secret(desk)).startswith("New secret: save it now")


def test_the_page_names_only_the_scopes_that_the_client_gets(desk):
    make_scope("external-api")
    make_scope("orders.read")
    disable_scope("orders.read", actor=TEST, now=utc_now())
    answer = send_new(desk, scopes=["external-api", "orders.read"])
    assert "Scopes external-api Audience https://api.example.org Expires" in text_of(answer)
    assert "SIGNET_SCOPE=external-api\n" in env_of(answer)


def test_without_a_scope_the_page_says_that_no_token_comes(desk):
    answer = send_new(desk)
    assert "None: the client gets no token until a scope is assigned." in text_of(answer)


def test_the_env_file_holds_what_a_caller_needs(desk):
    make_scope()
    answer = send_new(desk, client_id="billing-export", scopes="external-api")
    assert env_of(answer) == (
        "SIGNET_TOKEN_URL=http://localhost:8000/connect/token\n"
        "SIGNET_CLIENT_ID=billing-export\n"
        f"SIGNET_CLIENT_SECRET={secret_in(answer)}\n"
        "SIGNET_SCOPE=external-api\n"
    )
    (link,) = (e for e in read(answer.text).all("a") if "download" in e.attributes)
    assert link.attributes["download"] == "billing-export.env"


def read_by_shell(file: Path) -> str:
    """The variable that a shell finds in the file."""
    command = f'. {file}; printf "%s" "$SIGNET_SCOPE"'
    return subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize("text", ["a b", "it's", "$HOME `id`", "#a", "a&b;c !x", "it's d", 'say"'])
def test_shell_and_dotenv_read_the_same_from_the_env_file(tmp_path: Path, text: str):
    file = tmp_path / "billing-export.env"
    file.write_text(env_text({"SIGNET_SCOPE": text}), encoding="utf-8")
    assert read_by_shell(file) == text
    assert dotenv_values(file, interpolate=False)["SIGNET_SCOPE"] == text


@pytest.mark.parametrize("text", ["it's$(id)", "it's`id`", "it's$HOME", """it's"; id; echo \\"""])
def test_a_shell_that_reads_the_env_file_runs_nothing_of_it(tmp_path: Path, text: str):
    file = tmp_path / "billing-export.env"
    file.write_text(env_text({"SIGNET_SCOPE": text}), encoding="utf-8")
    assert read_by_shell(file) == text


# Shown once


def test_u35_a_reloaded_page_of_a_new_client_shows_nothing_and_makes_nothing(desk):
    number = value_in(desk.open("/admin/clients/new"), "form_number")
    first = send_new(desk, form_number=number)
    again = send_new(desk, form_number=number)
    assert (first.status_code, again.status_code) == (200, 409)
    assert ALREADY_SHOWN in text_of(again)
    assert secret_in(first) not in again.text
    assert len(list_entries(AuditFilter(action="client.create")).entries) == 1


def test_u35_a_reloaded_secret_page_shows_nothing_and_makes_nothing(desk):
    make_client()
    number = value_in(desk.open(f"{CLIENT}/secrets/new"), "form_number")
    first, again = make_secret(desk, number), make_secret(desk, number)
    assert (first.status_code, again.status_code) == (200, 409)
    assert ALREADY_SHOWN in text_of(again)
    assert secret_in(first) not in again.text
    assert len(get_client().secrets) == 2


@pytest.mark.parametrize("number", ["", None])
def test_u35_a_form_without_a_number_makes_no_secret(desk, number):
    make_client()
    answer = desk.send(f"{CLIENT}/secrets", overlap="keep", expires_in="365d", form_number=number)
    assert answer.status_code == 409
    assert len(get_client().secrets) == 1


def test_u35_the_page_of_a_secret_is_not_to_be_stored(desk):
    answer = send_new(desk)
    assert answer.headers["Cache-Control"] == "no-store"


def stored() -> str:
    """Every value in the database, and on SQLite every byte of its files as well."""
    with db.engine.connect() as connection:
        values = [
            repr(tuple(row))
            for table in db.metadata.sorted_tables
            for row in connection.execute(select(table))
        ]
    if db.engine.dialect.name == "sqlite":
        folder = Path(db.engine.url.database or "").parent
        stem = Path(db.engine.url.database or "").name
        values += [f.read_bytes().decode("latin-1") for f in folder.glob(f"{stem}*")]
    return "\n".join(values)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What Signet and all libraries log at their most talkative."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.setLevel(level)
    root.removeHandler(handler)


def test_u35_nothing_of_a_secret_is_in_the_database_the_cookies_or_the_log(desk, log):
    answers = [send_new(desk, client_id="billing-export"), make_secret(desk)]
    answers.append(make_secret(desk, overlap="0s", replaces=get_client().secrets[0].secret_id))
    cookies = repr([answer.headers.getlist("Set-Cookie") for answer in answers])
    cookies += repr(desk.client._cookies)
    assert "/admin/clients/billing-export/secrets" in log.getvalue()
    everything = stored() + cookies + log.getvalue()
    for answer in answers:
        secret = secret_in(answer)
        # The last characters are the hint, and on purpose there.
        assert secret.removeprefix("signet_")[:20] not in everything


def test_u34_a_secret_stands_neither_in_the_title_nor_in_an_address_that_is_asked_for(desk):
    answer = send_new(desk)
    page = read(answer.text)
    secret = secret_in(answer)
    assert secret not in page.title
    asked_for = [e.attributes.get(n, "") for e in page.elements for n in ("href", "src", "action")]
    assert [u for u in asked_for if secret in u and not u.startswith("data:")] == []


def test_u36_no_later_page_holds_the_secret_or_its_digest(desk, app):
    secret = secret_in(send_new(desk, client_id="billing-export"))
    forbidden = (secret, secret[:30], digest_client_secret(secret, client_id="billing-export"))
    (shown,) = get_client().secrets
    values = {"client_id": "billing-export", "secret_id": shown.secret_id, "number": 1}
    with app.test_request_context():
        addresses = [
            app.url_for(rule.endpoint, **{name: values[name] for name in rule.arguments})
            for rule in app.url_map.iter_rules()
            if "GET" in rule.methods
            and rule.endpoint.startswith("admin.")
            # What else an address names there is neither of a client nor of a secret.
            and rule.arguments <= values.keys()
        ]
    pages = {address: desk.open(address).text for address in addresses}
    assert len(pages) > 20
    assert [a for a, text in pages.items() if any(f in text for f in forbidden)] == []


@contextmanager
def database_gone_after_the_act() -> Iterator[None]:
    """The database fails as soon as something with an audit entry is committed."""
    seen: list[str] = []

    def on_execute(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "committed" in seen:
            raise OperationalError(statement, None, Exception("gone"))
        if statement.startswith("INSERT INTO audit_entry"):
            seen.append("written")

    def on_commit(_connection: Any) -> None:
        if "written" in seen:
            seen.append("committed")

    event.listen(db.engine, "before_cursor_execute", on_execute)
    event.listen(db.engine, "commit", on_commit)
    try:
        yield
    finally:
        event.remove(db.engine, "before_cursor_execute", on_execute)
        event.remove(db.engine, "commit", on_commit)
    assert "committed" in seen


@pytest.mark.parametrize("overlap", ["7d", "0s", "keep"])
def test_a_database_that_fails_after_the_act_does_not_lose_the_secret(desk, overlap):
    issued = make_client()
    number = value_in(desk.open(f"{CLIENT}/secrets/new"), "form_number")
    token = value_in(desk.open("/admin/"), "csrf_token")
    form = {
        "overlap": overlap,
        "replaces": issued.secret_id,
        "expires_in": "365d",
        "form_number": number,
        "csrf_token": token,
    }
    with database_gone_after_the_act():
        answer = desk.client.post(f"{CLIENT}/secrets", data=form)
    assert answer.status_code == 200
    assert secret_in(answer)[-4:] == get_client().secrets[0].hint


def test_a_database_that_fails_after_the_act_does_not_lose_a_new_client(desk):
    number = value_in(desk.open("/admin/clients/new"), "form_number")
    token = value_in(desk.open("/admin/"), "csrf_token")
    form = {"name": "x", "expires_in": "365d", "form_number": number, "csrf_token": token}
    with database_gone_after_the_act():
        answer = desk.client.post("/admin/clients/new", data=form)
    assert answer.status_code == 200
    assert secret_in(answer)


# In a browser


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with an administrator and a scope; each test registers its own client."""
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("server"), url)
        try:
            server.start()
            server.flask("scope", "create", "external-api", "--api", "https://api.example.org")
            admin = ("admin", "create", NAME, "--role", "administrator", "--password-stdin")
            server.flask(*admin, stdin=PASSWORD)
            yield server
        finally:
            server.stop()


def sign_in(page: Page, server: Server, *, target: str) -> None:
    sign_in_browser(page, server, NAME)
    page.goto(f"{server.base_url}{target}")


def register(page: Page, server: Server, client_id: str) -> str:
    """Sign in, register a client and read its secret."""
    sign_in(page, server, target="/admin/clients/new")
    page.locator("[name=name]").fill("Billing export")
    page.locator("[name=client_id]").fill(client_id)
    page.get_by_label("external-api").check()
    page.get_by_role("button", name="Create client").click()
    return page.locator("[data-secret]").first.inner_text()


def run(page: Page, folder: Path, *names: str) -> Any:
    """What a shell prints for the command of a page, or for these of it, as JSON."""
    regions = [
        page.get_by_role("region", name=name, exact=True) for name in names or ("curl command",)
    ]
    command = "\n".join(region.inner_text() for region in regions)
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, capture_output=True, text=True, check=True
    )
    return json.loads(done.stdout)


def test_the_curl_command_beside_the_secret_runs_as_it_is_printed(page, server, tmp_path):
    register(page, server, "beside-the-secret")
    page.get_by_text("Test it with curl").click()
    answer = run(page, tmp_path)
    assert list(answer) == ["access_token", "expires_in", "token_type", "scope"]


def test_the_curl_command_beside_the_secret_of_an_api_runs_as_it_is_printed(page, server, tmp_path):
    sign_in(page, server, target="/admin/apis/1/secrets/new")
    page.get_by_role("button", name="Make new secret").click()
    page.get_by_text("Test it with curl").click()
    assert run(page, tmp_path) == {"active": False}


def test_the_curl_command_of_the_client_runs_with_the_file_of_the_secret(page, server, tmp_path):
    register(page, server, "with-the-file")
    with page.expect_download() as download:
        page.get_by_role("link", name="Download .env").click()
    assert download.value.suggested_filename == "with-the-file.env"
    download.value.save_as(tmp_path / "with-the-file.env")
    page.get_by_label("I have saved the secret").check()
    page.get_by_role("link", name="Go to the client").click()
    answer = run(page, tmp_path, "Variables", "curl program")
    assert answer["scope"] == "external-api"


def test_u35_reloading_shows_the_client_and_not_the_secret(page, server):
    secret = register(page, server, "reloaded")
    page.get_by_label("I have saved the secret").check()
    page.reload(wait_until="commit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Billing export")
    assert secret not in page.content()


def test_u35_back_shows_the_client_and_not_the_secret(page, server):
    secret = register(page, server, "gone-back")
    page.get_by_label("I have saved the secret").check()
    # By way of another page: a link to the same address would replace this entry of the history.
    page.get_by_role("link", name="Audit log").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")
    page.go_back(wait_until="commit")
    expect(page.get_by_role("heading", level=1)).to_have_text("Billing export")
    assert secret not in page.content()


def test_u35_a_page_that_is_left_holds_the_secret_no_more(page, server):
    secret = register(page, server, "left")
    page.get_by_label("I have saved the secret").check()
    page.evaluate("dispatchEvent(new PageTransitionEvent('pagehide', {persisted: true}))")
    assert secret not in page.content()


def test_leaving_the_page_without_the_tick_asks_first(page, server):
    secret = register(page, server, "unsaved")
    page.once("dialog", lambda dialog: dialog.dismiss())
    with page.expect_event("dialog") as question:
        page.get_by_role("link", name="Overview").click()
    assert question.value.type == "beforeunload"
    expect(page.locator("[data-secret]").first).to_have_text(secret)


def test_u35_back_shows_neither_a_token_that_was_tried_nor_the_secret_that_was_typed(page, server):
    secret = register(page, server, "tried")
    page.get_by_label("I have saved the secret").check()
    page.goto(f"{server.base_url}/admin/clients/tried/try")
    page.get_by_label("Send a real request").check()
    page.get_by_label("Client secret").fill(secret)
    page.get_by_role("button", name="Run").click()
    shown = json.loads(page.get_by_role("region", name="Body of the answer").inner_text())
    expect(page.get_by_label("Client secret")).to_have_value("")
    for _ in range(2):
        page.get_by_role("link", name="Audit log").click()
        expect(page.get_by_role("heading", level=1)).to_have_text("Audit log")
        page.go_back(wait_until="commit")
        expect(page.get_by_role("button", name="Run")).to_be_visible()
        assert shown["access_token"] not in page.content()
        assert page.get_by_label("Client secret").input_value() == ""
    page.go_back(wait_until="commit")
    expect(page.get_by_role("button", name="Run")).to_be_visible()
    assert page.locator("[name=client_secret]").input_value() == ""
