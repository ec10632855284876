"""The pages of how a client proves itself in the real Chromium: seen, typed at, and used."""

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, expect

from signet.operations.client_authentication import ClientAuthentication
from tests.admin.clients.proofs import KEY, OTHER_KEY, TRUST, WAYS, make_keyed
from tests.admin.clients.steps import make_scope
from tests.admin.looking import find_flaws
from tests.admin.signing_in import make_admin, sign_in_browser
from tests.certificates import make_authority
from tests.databases import Databases
from tests.oauth.signing import (
    jwk_set,
    make_assertion,
    make_workload_token,
    public_jwk,
    public_pem,
)
from tests.running import Server

NAME = "ada@example.org"
METHODS = (
    "client_secret_basic",
    "private_key_jwt",
    "tls_client_auth",
    "self_signed_tls_client_auth",
    "federated_jwt",
)
SUBJECT = "repo:acme/billing"


@pytest.fixture(scope="module")
def server(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that takes clients of every method, with an administrator and some clients."""
    folder = tmp_path_factory.mktemp("server")
    authority = folder / "authority.pem"
    authority.write_text(make_authority().pem)
    variables = {
        "SIGNET_CLIENT_CERT_PROXIES": "127.0.0.1",
        "SIGNET_CLIENT_CERT_CA_FILE": str(authority),
    }
    with databases.fresh("sqlite") as url:
        server = Server(folder, url, **variables)
        try:
            server.start()
            # In one process: each command would load the app anew.
            with server.opened() as app:
                furnish(app)
            yield server
        finally:
            server.stop()


def furnish(app: Flask) -> None:
    """Somebody who may sign in, a scope, and clients that have it."""
    make_admin(app, name=NAME)
    make_scope("external-api")
    keys = ClientAuthentication(method="private_key_jwt", jwks=jwk_set(KEY, OTHER_KEY))
    make_keyed("keyed", keys, scopes=("external-api",), claims={"tenant": "blue"})
    make_keyed("certified", WAYS["self_signed_tls_client_auth"][1])
    make_keyed("workload", WAYS["federated_jwt"][1], dpop_bound_access_tokens=True)
    known = replace(TRUST, subject=SUBJECT, jwks=jwk_set(OTHER_KEY))
    issued = ClientAuthentication(method="federated_jwt", trusted_issuers=(known,))
    make_keyed("known-issuer", issued, scopes=("external-api",))


def sign_in(page: Page, server: Server, target: str) -> None:
    sign_in_browser(page, server, NAME)
    page.goto(f"{server.base_url}{target}")
    expect(page).to_have_url(f"{server.base_url}{target}")


def test_axe_finds_nothing_in_the_new_states_of_the_pages(page: Page, server: Server):
    sign_in(page, server, "/admin/clients/new")
    found = {}
    for method in METHODS:
        page.locator(f"[value={method}]").check()
        found[f"new {method}"] = find_flaws(page)
    page.get_by_text("More options").click()
    page.get_by_role("button", name="Create client").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter the address of the issuer")
    found["mistakes"] = find_flaws(page)
    for path in (
        *("keyed", "workload", "keyed/authentication", "certified/authentication"),
        *("workload/authentication", "keyed/tokens", "keyed/secrets", "keyed?language=node"),
        *("../apis/1?language=spring", "keyed/try"),
    ):
        page.goto(f"{server.base_url}/admin/clients/{path}")
        found[path] = find_flaws(page)
    page.get_by_role("button", name="Run").click()
    expect(page.get_by_role("heading", name="Result")).to_be_visible()
    found["tried"] = find_flaws(page)
    assert {state: wrong for state, wrong in found.items() if wrong} == {}


def test_only_the_fields_of_the_chosen_method_show_and_the_keyboard_reaches_them(
    chromium: Browser, server: Server
):
    """Without a script."""
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, server, "/admin/clients/new")
    shown = {
        "client_secret_basic": "[name=expires_in] >> nth=0",
        "private_key_jwt": "[name=jwks]",
        "tls_client_auth": "[name=tls_client_auth_subject_dn]",
        "self_signed_tls_client_auth": "[name=certificates]",
        "federated_jwt": "[name=trust_issuer]",
    }
    for method in METHODS:
        for other, field in shown.items():
            expect(page.locator(field)).to_be_visible(visible=other == method)
        if method != METHODS[-1]:
            page.locator(f"[value={method}]").press("ArrowDown")
    page.locator("[value=federated_jwt]").press("Tab")
    expect(page.locator("[name=trust_issuer]")).to_be_focused()
    context.close()


def test_a_client_with_an_uploaded_key_is_created_and_changed_without_a_script(
    chromium: Browser, server: Server, tmp_path: Path
):
    key = tmp_path / "key.pem"
    key.write_bytes(public_pem(KEY))
    context = chromium.new_context(java_script_enabled=False)
    page = context.new_page()
    sign_in(page, server, "/admin/clients/new")
    page.locator("[name=name]").fill("Uploaded")
    page.locator("[name=client_id]").fill("uploaded")
    page.locator("[value=private_key_jwt]").check()
    page.locator("[name=jwks_file]").set_input_files(key)
    page.get_by_role("button", name="Create client").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Uploaded")
    expect(page.locator("main")).to_contain_text(KEY.kid)
    page.get_by_role("link", name="Change how it proves itself").click()
    page.locator("[name=jwks]").fill(json.dumps(public_jwk(OTHER_KEY)))
    page.locator("[name=kept_keys]").uncheck()
    page.get_by_role("button", name="Save changes").click()
    expect(page.locator("main")).to_contain_text(OTHER_KEY.kid)
    expect(page.locator("main")).not_to_contain_text(KEY.kid)
    context.close()


def run(page: Page, **variables: str) -> Any:
    """What a shell prints for the command of a page, as JSON."""
    names = ("Variables", "curl program")
    regions = [page.get_by_role("region", name=name, exact=True) for name in names]
    command = "\n".join(region.inner_text() for region in regions)
    if "SIGNET_TOKEN_FILE" in variables:
        command = command.replace("/path/to/the/token", variables["SIGNET_TOKEN_FILE"])
    done = subprocess.run(
        ["bash", "-c", command],
        env={"PATH": "/usr/local/bin:/usr/bin:/bin", **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(done.stdout)


def test_the_curl_command_of_a_client_with_keys_runs_with_its_assertion(page: Page, server: Server):
    sign_in(page, server, "/admin/clients/keyed")
    assertion = make_assertion(KEY, "keyed", server.base_url)
    assert run(page, SIGNET_ASSERTION=assertion)["scope"] == "external-api"


def test_the_curl_command_of_a_workload_runs_with_the_file_of_its_token(
    page: Page, server: Server, tmp_path: Path
):
    token = tmp_path / "token"
    token.write_text(make_workload_token(OTHER_KEY, TRUST.issuer, SUBJECT, TRUST.audience) + "\n")
    sign_in(page, server, "/admin/clients/known-issuer")
    assert run(page, SIGNET_TOKEN_FILE=str(token))["scope"] == "external-api"
