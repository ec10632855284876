"""A rewrap that is killed while tokens are issued (SECURITY section 4, item 8)."""

import base64
import secrets
import signal
import sqlite3
import subprocess
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from app import create_app
from signet.models.database import write
from signet.models.encrypted_columns import count_key_uses
from signet.models.key_encryption import KeyEncryption
from signet.models.signing_keys import load_signing_key_rows, new_signing_key_row
from signet.oauth.jwks import generate_private_key
from signet.settings import load_settings
from signet.wiring import utc_now, wiring
from tests.conftest import StartServer, write_key_files
from tests.running import BIN, PATIENCE, ROOT, Server, opened
from tests.views.wire import Wire

pytestmark = pytest.mark.soak

ROWS = 1_000


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_killed_rewrap_loses_nothing_and_no_token_is_refused(
    start_server: StartServer, tmp_path: Path
):
    write_key_files(tmp_path / "secrets")
    keys = tmp_path / "secrets" / "key-encryption-keys"
    old = keys.read_text()
    new = f"new:{base64.b64encode(secrets.token_bytes(32)).decode()}\n"
    keys.write_text(new + old)
    server = start_server(SIGNET_SIGNING_ALG="EdDSA")
    keys.write_text(old)
    add_old_keys(server)
    keys.write_text(new + old)

    form = make_client(server)
    statuses: Counter[int] = Counter()
    is_over = threading.Event()
    load = threading.Thread(target=ask_for_tokens, args=(server, form, statuses, is_over))
    load.start()
    try:
        kill_once_begun(server)
        assert server.flask("key", "rewrap")["left"] == []
    finally:
        is_over.set()
        load.join()

    assert statuses.keys() == {200}
    keys.write_text(new)
    with server.opened(), write() as session:
        assert {(use.kek_id, use.what) for use in count_key_uses()} == {("new", "signing key")}
        rows = load_signing_key_rows(session)
        assert len(rows) == ROWS + 1
        for row in rows:
            assert row.decrypt_private_key(wiring().encryption).thumbprint() == row.kid


def add_old_keys(server: Server) -> None:
    """Keys that have ended long ago, encrypted with the old key; the one that signs stays."""
    settings = load_settings(server.environ)
    encryption = KeyEncryption(settings.key_encryption_keys)
    with opened(create_app(settings)), write() as session:
        for _ in range(ROWS):
            row = new_signing_key_row(
                generate_private_key("EdDSA"),
                alg="EdDSA",
                encryption=encryption,
                announced_at=utc_now(),
                signing_at=utc_now(),
            )
            row.revoked_at = utc_now()
            session.add(row)


def make_client(server: Server) -> dict[str, str]:
    server.flask("scope", "create", "external-api", "--api", "external-api")
    made = server.flask("client", "create", "Billing", "--scope", "external-api")
    found = {name: made[name] for name in ("client_id", "client_secret")}
    return found | {"grant_type": "client_credentials"}


def ask_for_tokens(
    server: Server, form: dict[str, str], statuses: Counter[int], is_over: threading.Event
) -> None:
    while not is_over.is_set():
        statuses[Wire(server.base_url).post(data=form).status] += 1


def kill_once_begun(server: Server) -> None:
    """Kill a rewrap as soon as its first batch is there."""
    process = subprocess.Popen([BIN / "flask", "key", "rewrap"], cwd=ROOT, env=server.environ)
    path = server.environ["SIGNET_DATABASE_URL"].removeprefix("sqlite:///")
    until = time.monotonic() + PATIENCE
    with sqlite3.connect(path, timeout=5) as connection:
        query = "SELECT count(*) FROM audit_entry WHERE action = 'encryption.rewrap'"
        while connection.execute(query).fetchone() == (0,):
            assert time.monotonic() < until
            time.sleep(0.001)
    process.send_signal(signal.SIGKILL)
    process.wait()
