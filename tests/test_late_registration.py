"""What a process does not need it does not load; what it needs is there when it is asked for."""

import json
import subprocess
import sys

import gevent
import pytest
from flask import Flask
from werkzeug.test import Client

from app import create_app
from signet.settings import Settings
from tests.running import ROOT, Installation, opened

on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)

#: Asks a new app as an API and its clients do, and says what it has imported for that.
PROGRAM = """
import json, sys
from werkzeug.test import Client
import wsgi

ask = Client(wsgi.app)
form = {"grant_type": "client_credentials", **json.loads(sys.stdin.read())}
answers = [ask.post("/connect/token", data=form)]
answers += [
    ask.get(path, environ_base={"REMOTE_ADDR": "127.0.0.1"})
    for path in ("/.well-known/openid-configuration", "/readyz", "/healthz", "/metrics")
]
print(json.dumps([[answer.status_code for answer in answers], sorted(sys.modules)]))
"""


@on_sqlite
def test_a_worker_that_serves_the_protocol_imports_no_page_and_nothing_that_only_pages_need(
    tmp_path, database_url
):
    installation = Installation(tmp_path, database_url, SIGNET_SIGNING_ALG="ES256")
    installation.prepare()
    installation.flask("scope", "create", "external-api", "--api", "external-api")
    made = installation.flask("client", "create", "Billing", "--scope", "external-api")
    form = {name: made[name] for name in ("client_id", "client_secret")}
    outcome = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=ROOT,
        env=installation.environ,
        input=json.dumps(form),
        capture_output=True,
        text=True,
        check=True,
    )
    statuses, imported = json.loads(outcome.stdout)
    assert statuses == [200] * 5
    assert not {
        *("signet.views.admin", "signet.operations.clients", "alembic", "flask_wtf", "wtforms"),
        *("webauthn", "zxcvbn", "argon2", "icalendar", "segno", "jinja2.ext", "psycopg"),
    } & set(imported)


@pytest.fixture
def late_app(settings: Settings) -> Flask:
    with opened(create_app(settings, rest_later=True)) as app:
        yield app


@on_sqlite
def test_the_pages_are_there_for_the_first_who_asks_and_for_those_who_ask_meanwhile(late_app):
    assert "admin" not in late_app.blueprints
    paths = ["/admin/sign-in", "/help/expiring-secret", "/admin/sign-in", "/nowhere"]
    asking = [gevent.spawn(Client(late_app).get, path) for path in paths]
    gevent.joinall(asking, raise_error=True)
    assert [greenlet.value.status_code for greenlet in asking] == [303, 200, 303, 404]
    assert "admin" in late_app.blueprints


@on_sqlite
def test_another_method_at_an_address_of_the_protocol_is_refused_by_the_same_rules(late_app):
    answer = Client(late_app).get("/connect/token")
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert answer.json["error"] == "invalid_request"
    answer = Client(late_app).post("/.well-known/openid-configuration")
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "HEAD"}


@on_sqlite
def test_only_the_headers_of_a_document_can_be_asked_for(late_app):
    whole = Client(late_app).get("/.well-known/openid-configuration")
    head = Client(late_app).head("/.well-known/openid-configuration")
    assert (head.status_code, head.data) == (200, b"")
    assert head.headers["Content-Length"] == str(len(whole.data))
