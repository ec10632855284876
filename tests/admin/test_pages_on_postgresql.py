"""Every page of a Signet with data, on PostgreSQL: what it asks, this engine answers too."""

from collections.abc import Iterator

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from signet.models.signing_keys import list_signing_keys
from signet.settings import load_settings
from tests.admin.house import kept
from tests.admin.routes import SAFE_ROUTES
from tests.admin.signing_in import sign_in
from tests.believable import ADA, Believable, furnish
from tests.conftest import write_key_files
from tests.databases import Databases

#: For those who are not signed in, or by a token of their own.
ELSEWHERE = ("admin.setup.", "admin.sign_in.", "admin.second_step.", "admin.invitation.")


@pytest.fixture(scope="module")
def furnished(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[Flask, Believable]]:
    folder = tmp_path_factory.mktemp("postgresql")
    write_key_files(folder / "secrets")
    with databases.fresh("postgresql") as url:
        environ = {
            "SIGNET_DATABASE_URL": url,
            "SIGNET_DATA_DIR": str(folder),
            "SIGNET_SECRETS_DIR": str(folder / "secrets"),
        }
        with kept(create_app(load_settings(environ))) as app:
            yield app, furnish(app)


@pytest.fixture
def ada(furnished: tuple[Flask, Believable]) -> FlaskClient:
    client = furnished[0].test_client()
    sign_in(client, ADA)
    return client


def test_every_page_opens(furnished: tuple[Flask, Believable], ada: FlaskClient):
    app, believable = furnished
    with app.app_context():
        kid = list_signing_keys()[-1].kid
    values = {
        "client_id": "warehouse-sync",
        "secret_id": believable.new_secret_id,
        "number": 1,
        "kid": kid,
        "request_id": believable.references["expired_secret"],
    }
    of_api = {"number": believable.api_number, "secret_id": believable.api_secret_id}
    opened = 0
    for route in SAFE_ROUTES:
        if route.method == "HEAD" or route.endpoint.startswith(ELSEWHERE):
            continue
        chosen = values | (of_api if ".api_secrets." in route.endpoint else {})
        with app.test_request_context():
            rule = next(app.url_map.iter_rules(route.endpoint))
            url = app.url_for(route.endpoint, **{name: chosen[name] for name in rule.arguments})
        answer = ada.get(url)
        # A page that asks first leads on when it has been asked lately.
        assert answer.status_code in (200, 303), (url, answer.status_code)
        opened += 1
    assert opened > 40


@pytest.mark.parametrize(
    "query",
    [
        "clients?q=e&status=active&sort=used&after=ledger",
        "clients?status=idle",
        "clients?sort=-used",
        "clients?scope=orders.read&before=warehouse-sync",
        "requests?client=partner-acme&reason=scope_not_assigned",
        "requests?address=203.0.113.9",
        "audit?actor=ada@example.org&action=secret.rotate&from=2020-01-01&to=2030-01-01",
        "audit?object=warehouse-sync",
        "audit/export.csv?object=ledger",
        "settings/export",
    ],
)
def test_every_filter_and_export_works(ada: FlaskClient, query: str):
    answer = ada.get(f"/admin/{query}")
    assert answer.status_code == 200
    assert answer.get_data()
