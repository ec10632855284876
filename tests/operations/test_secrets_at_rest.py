"""Whoever gets a copy of the database gets no secret with it (SECURITY C33)."""

from pathlib import Path

import pyotp
import pytest
from joserfc.util import urlsafe_b64decode

from signet.models.database import read
from signet.models.form_numbers import use_form_number
from signet.models.signing_keys import load_private_key_ring
from signet.operations import admins, client_secrets, clients, resource_server_secrets, totp
from signet.operations.recovery_codes import make_recovery_codes
from signet.operations.sign_in import SignInRefusedError, sign_in
from signet.operations.signing_keys import rotate_key
from tests.databases import Databases, PostgresqlDatabases
from tests.operations.acting import (
    ADA,
    ENCRYPTION,
    NOON,
    PASSWORD,
    make_admin,
    make_scope,
    register,
)

OTHER_PASSWORD = "walnut-saddle-quartz-ribbon"
WRONG_PASSWORD = "correct-horse-typed-in-a-hurry"


def make_secrets() -> dict[str, bytes]:
    """Everything secret that operations bring about, by what it is."""
    first = register()
    rotated = client_secrets.rotate_secret("billing", actor=ADA, now=NOON)
    make_scope("orders.read", "orders")
    of_api = resource_server_secrets.create_secret("orders", actor=ADA, now=NOON)
    gone = register("gone-soon")
    clients.delete_client("gone-soon", actor=ADA, now=NOON)
    code = admins.make_setup_code(now=NOON)
    make_admin()
    admins.reset_password("ada@example.org", OTHER_PASSWORD, actor=ADA, now=NOON)
    session_id = sign_in("ada@example.org", OTHER_PASSWORD, actor=ADA, now=NOON)
    with pytest.raises(SignInRefusedError):
        sign_in("ada@example.org", WRONG_PASSWORD, actor=ADA, now=NOON)
    with pytest.raises(SignInRefusedError):
        sign_in(OTHER_PASSWORD, "typed in the wrong field", actor=ADA, now=NOON)
    offer = totp.offer_totp("ada@example.org", session_id, issuer="", encryption=ENCRYPTION)
    seed = offer.key.replace(" ", "")
    session_id = totp.set_totp(
        session_id,
        offer.sealed,
        pyotp.TOTP(seed).at(NOON),
        encryption=ENCRYPTION,
        actor=ADA,
        now=NOON,
    )
    codes = make_recovery_codes(session_id, actor=ADA, now=NOON)
    use_form_number("number-of-a-form", now=NOON)
    texts = {
        "first secret": first.client_secret,
        "rotated secret": rotated.client_secret,
        "secret of an API": of_api.client_secret,
        "secret of a deleted client": gone.client_secret,
        "set-up code": code,
        "set-up code without hyphens": code.replace("-", ""),
        "password": PASSWORD,
        "new password": OTHER_PASSWORD,
        "wrong password": WRONG_PASSWORD,
        "session id": session_id,
        "seed of an app": seed,
        "recovery code": codes[0],
        "recovery code without hyphens": codes[0].replace("-", ""),
        "form number": "number-of-a-form",
        "any PEM": "PRIVATE KEY",
    }
    return {name: text.encode() for name, text in texts.items()} | private_keys()


def private_keys() -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for alg in ("RS256", "PS256", "ES256", "EdDSA"):
        rotate_key(alg, default_alg=alg, at_once=True, encryption=ENCRYPTION, actor=ADA, now=NOON)
        with read() as session:
            ring = load_private_key_ring(session, ENCRYPTION, now=NOON)
        key = next(key for key in ring.keys if key.alg == alg and key.private_key)
        for member in {"d", "p", "q", "dp", "dq", "qi"} & set(
            key.private_key.as_dict(private=True)
        ):
            encoded = key.private_key.as_dict(private=True)[member].encode()
            found[f"{member} of {alg}"] = encoded
            found[f"{member} of {alg} as bytes"] = urlsafe_b64decode(encoded)
    return found


def read_files(databases: Databases, engine: str, url: str) -> bytes:
    """All that lies on the disk: tables, pages that are free again, the log that goes before."""
    engine_databases = databases.engine(engine)
    if isinstance(engine_databases, PostgresqlDatabases):
        engine_databases.checkpoint()
        folder = engine_databases.server.pgdata
        files = [*folder.glob("base/**/*"), *folder.glob("pg_wal/*")]
    else:
        path = Path(url.removeprefix("sqlite:///"))
        files = [*path.parent.glob(path.name + "*")]
        assert {file.name.removeprefix(path.name) for file in files} == {"", "-wal", "-shm"}
    return b"".join(file.read_bytes() for file in files if file.is_file())


def test_no_secret_is_on_the_disk(app, engine, databases, database_url):
    secrets = make_secrets()
    assert {"d of RS256", "q of PS256", "d of ES256", "d of EdDSA"} <= secrets.keys()
    on_disk = read_files(databases, engine, database_url)
    assert b"ada@example.org" in on_disk
    assert {name for name, secret in secrets.items() if secret in on_disk} == set()
