"""The clients that the tests of the token endpoint play with, registered as an operator does."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from flask import Flask

from app import create_app
from signet.models.audit import Actor
from signet.oauth.client import DEFAULT_LIFETIME
from signet.operations import (
    client_secrets,
    clients,
    resource_server_secrets,
    resource_servers,
    scopes,
)
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.token_options import TokenOptions
from signet.settings import load_settings
from signet.wiring import wiring
from tests.oauth.signing import jwk_set
from tests.running import opened
from tests.views.keyed import KEYS

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
    # For ``resource``, which names APIs by absolute URIs.
    "books": ("https://books.example.org/v1?a=b",),
    "music": ("https://music.example.org",),
    "media": ("https://books.example.org/v1?a=b", "https://music.example.org"),
}
#: APIs that ask about tokens, each with a secret of its own.
ASKING = ("external-api", "orders", "stock", "https://books.example.org/v1?a=b")
#: APIs of the workshop, which have a scope of the same name, and how their tokens are signed.
ALGORITHMS = {"as-default": None, "elliptic": "ES256", "rsa": "PS256", "edwards": "EdDSA"}
#: Clients of ``private_key_jwt``, and what is special about their tokens.
KEYED = {
    "signer": TokenOptions(),
    "raced": TokenOptions(),
    "proving": TokenOptions(dpop_bound_access_tokens=True),
    "leaving-by-key": TokenOptions(),
}


@contextmanager
def operating(environ: Mapping[str, str]) -> Iterator[Flask]:
    """What an operator does within is done to the installation with these settings."""
    with opened(create_app(load_settings(environ))) as app:
        yield app


def register_cast(environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets of the cast by client, and by API of those that ask about tokens.

    ``rotated-old`` is the one that ``rotated`` replaces.
    """
    secrets: dict[str, str] = {}

    def register(
        client_id: str,
        *scopes: str,
        lifetime: timedelta = DEFAULT_LIFETIME,
        now: datetime = NOW - DAY,
        expires_in: timedelta = 365 * DAY,
        token_format: str = "jwt",
    ) -> str:
        issued = clients.register_client(
            ClientFacts(name=client_id, access_token_lifetime=lifetime),
            tokens=TokenOptions(token_format=token_format),
            client_id=client_id,
            scopes=scopes,
            secret_expires_in=expires_in,
            actor=ACTOR,
            now=now,
        )
        secrets[client_id] = issued.client_secret
        return issued.secret_id

    with operating(environ):
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
        register("by-reference", "external-api", "orders.read", token_format="reference")
        register("leaving", "external-api")
        register("leaving-by-reference", "external-api", token_format="reference")
        register("shopping", "books", "music", "media", "external-api")
        for client_id, tokens in KEYED.items():
            register_by_key(client_id, "external-api", tokens=tokens)
        for api in ASKING:
            issued = resource_server_secrets.create_secret(api, actor=ACTOR, now=NOW - DAY)
            secrets[api] = issued.client_secret
        scopes.disable_scope("suspended", actor=ACTOR, now=NOW)
    return secrets


def register_workshop(environ: Mapping[str, str]) -> dict[str, str]:
    """The secrets of a house whose APIs want their tokens signed in different ways.

    ``mixed`` has the scopes of all; each API has a secret.
    """
    secrets: dict[str, str] = {}
    with operating(environ):
        for api, alg in ALGORITHMS.items():
            register_api(api, alg)
            issued = resource_server_secrets.create_secret(api, actor=ACTOR, now=NOW)
            secrets[api] = issued.client_secret
        issued = clients.register_client(
            ClientFacts(name="mixed"),
            client_id="mixed",
            scopes=tuple(ALGORITHMS),
            actor=ACTOR,
            now=NOW,
        )
        secrets["mixed"] = issued.client_secret
        register_by_key("signer", "elliptic", tokens=TokenOptions())
    return secrets


def register_api(api: str, alg: str | None) -> None:
    """Register an API with this algorithm, and a scope of its name."""
    resource_servers.create_resource_server(
        api, signing_alg=alg, encryption=wiring().encryption, actor=ACTOR, now=NOW
    )
    scopes.create_scope(api, apis=[api], actor=ACTOR, now=NOW)


def register_by_key(client_id: str, *scopes: str, tokens: TokenOptions) -> None:
    """Register a client of ``private_key_jwt`` with its key of ``KEYS``."""
    clients.register_client_without_secret(
        ClientFacts(name=client_id),
        ClientAuthentication(method="private_key_jwt", jwks=jwk_set(KEYS[client_id])),
        tokens=tokens,
        client_id=client_id,
        scopes=scopes,
        actor=ACTOR,
        now=NOW,
    )
