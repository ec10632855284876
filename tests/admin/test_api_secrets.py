"""The secrets of an API in the browser; what they share with a client's is tested there."""

import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from signet.models.audit_log import list_entries
from signet.models.audit_query import AuditFilter
from signet.models.secrets import SecretDetails
from signet.operations.resource_server_secrets import create_secret, revoke_secret
from signet.wiring import utc_now
from tests.admin.apis import API, get_api, make_api
from tests.admin.clients.steps import MARKUP, secret_in, value_in
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of, read
from tests.admin.signing_in import TEST

SECRETS = "/admin/apis/1/secrets"


@pytest.fixture
def engine() -> str:
    """One is enough: the life of secrets is tested on both, where operations are."""
    return "sqlite"


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    """An operator, and an API with the number 1."""
    desk = sit_down(app, client)
    assert make_api("Partner API") == 1
    return desk


def make_secret(description: str = "", identifier: str = API) -> str:
    """The id of one more secret."""
    issued = create_secret(identifier, description=description, actor=TEST, now=utc_now())
    return issued.secret_id


def send_new(desk: Desk, **fields: Any) -> TestResponse:
    """The answer to the form of a new secret, filled in."""
    number = value_in(desk.open(f"{SECRETS}/new"), "form_number")
    return desk.send(SECRETS, **{"expires_in": "365d", "form_number": number} | fields)


def secrets() -> dict[str, SecretDetails]:
    return {secret.secret_id: secret for secret in get_api().secrets}


def test_the_page_of_an_api_leads_to_its_first_secret(desk):
    page = desk.open("/admin/apis/1")
    assert "No secret works at this moment." in text_of(page)
    assert f"{SECRETS}/new" in links_of(page.text, within="main")
    assert "No secrets yet" in text_of(desk.open(SECRETS))


def test_a_new_secret_is_shown_once_with_what_goes_with_it(desk):
    answer = send_new(desk, description="prod")
    assert answer.status_code == 200
    text = text_of(answer)
    assert text.startswith("New secret: save it now")
    assert f"API Partner API Client ID {API}" in text
    assert "Introspection endpoint http://localhost:8000/connect/introspect" in text
    assert "Go to the API" in text
    assert "/admin/apis/1" in links_of(answer.text, within="main")
    (secret,) = secrets().values()
    assert (secret.description, secret.created_by) == ("prod", "operator@example.org")
    assert secret.hint == secret_in(answer)[-4:]


def test_the_env_file_of_an_api_holds_what_introspection_needs(desk):
    answer = send_new(desk)
    (link,) = (e for e in read(answer.text).all("a") if "download" in e.attributes)
    assert link.attributes["download"] == "https-api.example.org.env"
    assert env_of(answer) == (
        "SIGNET_INTROSPECTION_URL=http://localhost:8000/connect/introspect\n"
        f"SIGNET_CLIENT_ID={API}\n"
        f"SIGNET_CLIENT_SECRET={secret_in(answer)}\n"
    )


def test_the_curl_command_names_the_api_as_basic_wants_it(desk):
    answer = send_new(desk)
    user = "https%3A%2F%2Fapi.example.org"
    assert f'-u "{user}:{secret_in(answer)}"' in text_of(answer)


@pytest.mark.parametrize("identifier", ["\"it's`id`$(id)\\", "../../etc/passwd", "аpi🦀"])
def test_a_strange_identifier_harms_neither_shell_nor_disk(desk, tmp_path: Path, identifier: str):
    number = make_api(identifier=identifier)
    path = f"/admin/apis/{number}/secrets"
    form_number = value_in(desk.open(f"{path}/new"), "form_number")
    answer = desk.send(path, expires_in="365d", form_number=form_number)
    (link,) = (e for e in read(answer.text).all("a") if "download" in e.attributes)
    assert re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", link.attributes["download"])
    file = tmp_path / "api.env"
    file.write_text(env_of(answer), encoding="utf-8")
    command = f'. {file}; printf "%s" "$SIGNET_CLIENT_ID"'
    shell = subprocess.run(["sh", "-c", command], capture_output=True, check=True)
    assert shell.stdout.decode() == identifier


def test_u35_a_reloaded_secret_page_shows_nothing_and_makes_nothing(desk):
    number = value_in(desk.open(f"{SECRETS}/new"), "form_number")
    first, again = (send_new(desk, form_number=number, overlap="keep") for _ in range(2))
    assert (first.status_code, again.status_code) == (200, 409)
    assert "This secret was already shown" in text_of(again)
    assert "/admin/apis/1" in links_of(again.text, within="main")
    assert len(secrets()) == 1


def test_a_rotation_lets_the_old_secret_work_for_seven_days(desk):
    old = make_secret("prod 2026")
    text = text_of(send_new(desk, overlap="7d", replaces=[old]))
    assert "Old secret “prod 2026” works until" in text
    new = next(secret for secret in secrets().values() if secret.secret_id != old)
    assert (secrets()[old].expires_at - new.created_at).days == 7
    assert list_entries(AuditFilter(action="api_secret.rotate")).entries != ()


def test_an_api_with_ten_live_secrets_gets_no_eleventh(desk):
    for number in range(10):
        make_secret(f"secret {number}")
    answer = send_new(desk, overlap="keep")
    assert answer.status_code == 422
    assert "This API has 10 live secrets: revoke one of them first" in text_of(answer)
    assert "The API may have up to 10." in text_of(answer)


def test_an_api_lists_the_secrets_that_work_and_its_list_those_that_do_not(desk):
    make_secret("kept")
    revoke_secret(API, make_secret("gone"), actor=TEST, now=utc_now())
    assert "gone" not in text_of(desk.open("/admin/apis/1"))
    page = text_of(desk.open(SECRETS))
    assert page.startswith("Partner API Secrets of “Partner API”")
    assert re.search("gone signet_….{4} Revoked .* kept signet_….{4} Active", page)


def test_revoking_asks_first_and_says_what_happens(desk):
    first = make_secret("prod 2026")
    page = text_of(desk.open(f"{SECRETS}/{first}/revoke"))
    assert "Revoke “prod 2026”?" in page
    assert "Introspection with it is refused at once." in page
    assert "This is the only secret: the API can ask about no token any more." in page
    make_secret()
    assert "only secret" not in text_of(desk.open(f"{SECRETS}/{first}/revoke"))


def test_a_revoked_secret_is_named_in_the_message(desk):
    named = make_secret("prod 2026")
    answer = desk.send(f"{SECRETS}/{named}/revoke")
    assert (answer.status_code, answer.location) == (303, SECRETS)
    assert secrets()[named].state(utc_now()) == "revoked"
    assert "Secret “prod 2026” was revoked." in text_of(desk.open(SECRETS))


def test_u28_a_secret_of_another_api_is_not_found(desk):
    make_api(identifier="urn:stock")
    other = make_secret(identifier="urn:stock")
    for secret_id in (other, "nothing", "a%00b"):
        assert desk.open(f"{SECRETS}/{secret_id}/revoke").status_code == 404
        assert desk.send(f"{SECRETS}/{secret_id}/revoke").status_code == 404
    assert get_api("urn:stock").secrets[0].revoked_at is None


@pytest.mark.parametrize("path", ["", "/new", "/nothing/revoke"])
def test_the_secrets_of_an_api_that_is_not_there_are_not_found(desk, path):
    assert desk.open(f"/admin/apis/99/secrets{path}").status_code == 404
    assert desk.send("/admin/apis/99/secrets").status_code == 404


def test_u32_markup_in_names_is_text_on_every_page(desk):
    number = make_api(MARKUP, "urn:markup")
    secret_id = make_secret(MARKUP, "urn:markup")
    for path in ("", "/secrets", "/secrets/new", f"/secrets/{secret_id}/revoke"):
        page = desk.open(f"/admin/apis/{number}{path}")
        assert page.text and page.status_code == 200
        assert MARKUP in text_of(page)
        assert read(page.text).all("img") == []


def test_a_viewer_sees_secrets_without_a_way_to_change_them(sqlite_house):
    for path in ("/admin/apis/1", SECRETS):
        page = sqlite_house.people["viewer"].get(path)
        assert "signet_…" in text_of(page)
        assert not [link for link in links_of(page.text) if re.search("new|revoke", link)]


def env_of(answer: TestResponse) -> str:
    """The content of the file that the page offers."""
    (link,) = (u for u in links_of(answer.text) if u.startswith("data:"))
    return unquote(link.removeprefix("data:text/plain;charset=utf-8,"))
