"""The clients that the tests of the token endpoint play with, registered as an operator does."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from app import create_app
from signet.models.audit import Actor
from signet.oauth.client import DEFAULT_LIFETIME
from signet.operations import client_secrets, clients, scopes
from signet.operations.client_facts import ClientFacts
from signet.settings import load_settings
from tests.conftest import opened

ACTOR = Actor(name="tests")
NOW = datetime.now(UTC)
DAY = timedelta(days=1)
#: Scopes and the APIs that own them.
SCOPES = {
    "external-api": ("external-api",),
    "orders.read": ("orders",),
    "orders.write": ("orders",),
    "stock.read": ("orders", "stock"),
    "suspended": ("orders",),
}


def register_cast(environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets of the cast by client; ``rotated-old`` is the one that ``rotated`` replaces."""
    secrets: dict[str, str] = {}

    def register(
        client_id: str,
        *scopes: str,
        lifetime: timedelta = DEFAULT_LIFETIME,
        now: datetime = NOW - DAY,
        expires_in: timedelta = 365 * DAY,
    ) -> str:
        issued = clients.register_client(
            ClientFacts(name=client_id, access_token_lifetime=lifetime),
            client_id=client_id,
            scopes=scopes,
            secret_expires_in=expires_in,
            actor=ACTOR,
            now=now,
        )
        secrets[client_id] = issued.client_secret
        return issued.secret_id

    with opened(create_app(load_settings(environ))):
        for name, apis in SCOPES.items():
            scopes.create_scope(name, apis=apis, actor=ACTOR, now=NOW)
        register("billing", "external-api")
        register(
            "reporting",
            "orders.read",
            "orders.write",
            "stock.read",
            "suspended",
            lifetime=timedelta(seconds=120),
        )
        register("attacked", "external-api")
        register("Mixed.Case", "external-api")
        register("idle")
        register("disabled", "external-api")
        clients.disable_client("disabled", actor=ACTOR, now=NOW)
        register("expired", "external-api", now=NOW - 2 * DAY, expires_in=DAY)
        secret_id = register("revoked", "external-api")
        client_secrets.revoke_secret("revoked", secret_id, actor=ACTOR, now=NOW)
        register("rotated", "external-api")
        rotated = client_secrets.rotate_secret("rotated", actor=ACTOR, now=NOW)
        secrets["rotated-old"] = secrets["rotated"]
        secrets["rotated"] = rotated.client_secret
        scopes.disable_scope("suspended", actor=ACTOR, now=NOW)
    return secrets
