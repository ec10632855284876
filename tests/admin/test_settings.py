"""The page of settings and the export: what an administrator reads there, and what nobody does."""

import json

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.database import write
from signet.models.encrypted_columns import KeyUse
from signet.models.signing_keys import SigningKeyRow
from signet.operations.configuration import effective_settings
from signet.operations.signing_keys import take_due_step
from signet.settings import Settings
from signet.views.admin.settings_page import GROUPS, _key_encryption_lines
from signet.wiring import utc_now, wiring
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import read
from tests.admin.signing_in import TEST
from tests.cli.shell import Shell
from tests.conftest import MakeSettings


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str) -> Settings:
    return make_settings(
        SIGNET_DATABASE_URL=database_url,
        SIGNET_SIGNING_ALG="ES256",
        SIGNET_SESSION_IDLE="45m",
        SIGNET_CACHE_SECONDS="1",
    )


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    take_due_step("ES256", encryption=wiring().encryption, actor=TEST, now=utc_now())
    return sit_down(app, client, "administrator")


on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@on_sqlite
def test_every_setting_stands_beside_its_variable(desk):
    page = text_of(desk.open("/admin/settings"))
    for setting in effective_settings(wiring().settings):
        assert setting.variable in page


@on_sqlite
def test_a_default_is_told_from_what_was_set(desk):
    page = text_of(desk.open("/admin/settings"))
    assert "Signed out when idle for 45m SIGNET_SESSION_IDLE Signed" in page
    assert "Signed out after 12h SIGNET_SESSION_MAX , default" in page
    assert "Seconds until a change counts 1 SIGNET_CACHE_SECONDS Seconds" in page


@on_sqlite
def test_every_setting_has_words_of_its_own(desk):
    named = {variable for labels in GROUPS.values() for variable in labels}
    assert {setting.variable for setting in effective_settings(wiring().settings)} - named == set()


@on_sqlite
def test_u36_no_secret_of_the_settings_is_shown(desk):
    page, settings = desk.open("/admin/settings").text, wiring().settings
    assert settings.secret_key not in page
    assert "Key of cookies</dt><dd>Set, never shown" in page
    for key in settings.key_encryption_keys:
        assert key.kek_id in page
        assert key.key.hex() not in page


@on_sqlite
def test_the_page_says_which_key_has_encrypted_what(desk):
    page = text_of(desk.open("/admin/settings"))
    assert "test Encrypts" in page
    assert "1 signing key" in page
    assert "flask key rewrap" not in page


@on_sqlite
def test_rows_of_a_key_that_is_missing_are_pointed_out(desk):
    with write() as session:
        for row in session.query(SigningKeyRow):
            row.encrypted_private_jwk = row.encrypted_private_jwk.replace(b"test", b"lost")
    page = text_of(desk.open("/admin/settings"))
    assert "Some of what is encrypted at rest cannot be opened" in page
    assert "lost Missing 1 signing key" in page


def test_an_older_key_is_still_needed_until_the_rewrap_and_not_afterwards():
    def tags(*uses: KeyUse) -> list[tuple[str, str, str]]:
        lines = _key_encryption_lines(("new", "old"), uses)
        return [(line.kek_id, line.tag, line.rows) for line in lines]

    before = tags(
        KeyUse(kek_id="new", what="signing key", rows=1),
        KeyUse(kek_id="old", what="signing key", rows=1_200),
        KeyUse(kek_id="", what="signing key", rows=1),
    )
    assert before == [
        ("new", "Encrypts", "1 signing key"),
        ("old", "Still needed", "1,200 signing keys"),
        ("", "Damaged", "1 signing key"),
    ]
    assert tags()[1] == ("old", "Not needed", "Nothing")


@on_sqlite
def test_the_page_changes_nothing_and_has_no_form(desk):
    assert read(desk.open("/admin/settings").text).all("form", within="main") == []


def test_the_export_is_a_file_of_a_fixed_name_that_nobody_keeps(desk):
    answer = desk.open("/admin/settings/export")
    assert answer.status_code == 200
    assert answer.content_type == "application/json"
    disposition = answer.headers["Content-Disposition"]
    assert disposition == 'attachment; filename="signet-configuration.json"'
    assert "no-store" in answer.headers["Cache-Control"]
    assert json.loads(answer.text)["format"] == 1


@on_sqlite
def test_page_and_command_export_the_same(desk, app):
    assert desk.open("/admin/settings/export").text == Shell(app).text("config", "export")


@on_sqlite
def test_the_command_shows_the_settings_of_the_page(desk, app):
    found = {row["variable"]: row for row in Shell(app).json("config", "show")}
    assert found["SIGNET_SESSION_IDLE"] == {
        "variable": "SIGNET_SESSION_IDLE",
        "value": "45m",
        "is_default": False,
    }
    assert "SIGNET_SESSION_IDLE" in Shell(app).text("config", "show")


@on_sqlite
@pytest.mark.parametrize("role", ["operator", "viewer"])
@pytest.mark.parametrize("path", ["/admin/settings", "/admin/settings/export"])
def test_c14_nobody_else_reads_settings_or_the_export(app, client, role, path):
    answer = sit_down(app, client, role).open(path)
    assert answer.status_code == 403
    assert "SIGNET_" not in answer.text
