"""The audit log as a file from the page: who gets it, of what name, and what if it breaks off."""

import json
import socket
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection, IncompleteRead

import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet.models.audit import AuditedObject, act, append_entry
from signet.models.audit_log import verify_chain
from signet.wiring import utc_now
from tests.admin.desk import Desk, sit_down, text_of
from tests.admin.pages import links_of
from tests.admin.signing_in import TEST, make_admin, make_session_at
from tests.cli.shell import Shell
from tests.conftest import StartServer

PATHS = {"csv": "/admin/audit/export.csv", "jsonl": "/admin/audit/export.jsonl"}
on_sqlite = pytest.mark.parametrize("engine", ["sqlite"], indirect=True)


@pytest.fixture
def desk(app: Flask, client: FlaskClient) -> Desk:
    return sit_down(app, client, "administrator")


@on_sqlite
@pytest.mark.parametrize(
    ("format", "content_type"),
    [("csv", "text/csv; charset=utf-8"), ("jsonl", "application/jsonl")],
)
def test_u33_it_is_a_file_of_a_fixed_name_that_nobody_keeps(desk, format, content_type):
    answer = desk.open(PATHS[format], object="x")
    assert answer.status_code == 200
    assert answer.content_type == content_type
    assert answer.headers["Content-Disposition"] == (
        f'attachment; filename="signet-audit-log.{format}"'
    )
    assert answer.headers["Cache-Control"] == "no-store"
    assert "Content-Length" not in answer.headers


@pytest.mark.parametrize("format", PATHS)
def test_page_and_command_export_the_same(desk, app, format):
    command = Shell(app).run("audit", "export", "--format", format)
    assert desk.open(PATHS[format]).data == command.stdout_bytes


@on_sqlite
def test_the_links_of_the_page_keep_its_filter(desk):
    page = desk.open("/admin/audit", action="admin.create", object="administrator@example.org")
    links = [link for link in links_of(page.text, within="main") if "/export." in link]
    assert [link.partition("?")[0] for link in links] == list(PATHS.values())
    (line,) = desk.open(links[1]).text.splitlines()
    assert json.loads(line)["object_name"] == "administrator@example.org"


@on_sqlite
@pytest.mark.parametrize("role", ["operator", "viewer"])
def test_c14_nobody_else_may_have_it_or_is_shown_a_link(app, client, role):
    desk = sit_down(app, client, role)
    assert "Export" not in text_of(desk.open("/admin/audit"))
    for path in PATHS.values():
        assert desk.open(path).status_code == 403


@on_sqlite
def test_a_filter_that_cannot_be_is_the_page_that_says_so(desk):
    answer = desk.open(PATHS["csv"], **{"from": "yesterday"})
    assert (answer.status_code, answer.mimetype) == (422, "text/html")
    assert "Enter a day such as 2026-11-29" in text_of(answer)


@on_sqlite
@pytest.mark.parametrize("format", PATHS)
def test_to_export_changes_nothing_in_the_log(desk, format):
    before = verify_chain()
    desk.open(PATHS[format])
    assert verify_chain() == before


@pytest.fixture
def slow_reader(start_server: StartServer) -> Iterator[tuple[HTTPConnection, str]]:
    """A connection that takes in little at once, and the file of the database behind it.

    The log is of 20 MB, more than the sockets between the two can hold.
    """
    server = start_server()
    with server.opened() as app:
        name = make_admin(app)
        about = AuditedObject("client", "billing", "Billing")
        with act() as session:
            for _ in range(1_000):
                append_entry(
                    session,
                    actor=TEST,
                    action="client.edit",
                    object=about,
                    now=utc_now(),
                    after={"jwks": "x" * 20_000},
                )
    with closing(HTTPConnection("127.0.0.1", server.port, timeout=30)) as connection:
        connection.connect()
        connection.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 65_536)
        connection.request(
            "GET", PATHS["jsonl"], headers={"Cookie": f"signet={make_session_at(server, name)}"}
        )
        yield connection, server.environ["SIGNET_DATABASE_URL"].removeprefix("sqlite:///")


@on_sqlite
def test_a_download_that_breaks_off_does_not_look_complete(slow_reader):
    connection, database = slow_reader
    answer = connection.getresponse()
    assert answer.status == 200
    assert len(answer.read(1_000)) == 1_000
    with closing(sqlite3.connect(database)) as other:
        other.execute("ALTER TABLE audit_entry RENAME TO away")
    with pytest.raises(IncompleteRead) as broken:
        answer.read()
    last_line = broken.value.partial.rstrip(b"\n").rpartition(b"\n")[2]
    assert json.loads(last_line)["error"].startswith("This file is not whole")
