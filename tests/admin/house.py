"""A Signet with one of everything and an admin of each role signed in."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app import create_app
from signet.extensions import db
from signet.models.admins import ROLES, VIEWER, find_admin
from signet.models.signing_keys import list_signing_keys
from signet.models.usage_batches import write_batch
from signet.operations.admin_links import invite
from signet.operations.clients import ClientFacts, register_client
from signet.operations.resource_server_secrets import create_secret as create_api_secret
from signet.operations.scopes import create_scope
from signet.operations.secret_life import IssuedSecret
from signet.operations.signing_keys import take_due_step
from signet.settings import load_settings
from signet.usage import RefusedRequest, UsageMemory, flush
from signet.wiring import utc_now, wiring
from tests.admin.routes import Route
from tests.admin.signing_in import TEST, csrf_of, make_admin, sign_in
from tests.conftest import StrangerClient, write_key_files
from tests.running import opened

VISITOR = "visitor"
#: Addresses of a thing that nobody has made.
NOWHERE = {
    "client_id": "nobody",
    "secret_id": "nothing",
    "number": 999_999,
    "kid": "none",
    "token": "x",
    "request_id": "0",
}

REFUSED = RefusedRequest(
    request_id="0123456789abcdef01234567",
    at=utc_now(),
    client_id="billing-export",
    claimed_client_id="billing-export",
    address="192.0.2.7",
    user_agent="python-requests/2.32",
    endpoint="token",
    status=401,
    error="invalid_client",
    reason="wrong_secret",
    text="wrong secret",
    facts={},
)


@dataclass(frozen=True)
class House:
    """The app, who is in it, and what the addresses of its things are made of."""

    app: Flask
    arguments: dict[str, Any]
    #: By page, where it means another thing by the same word.
    arguments_of: dict[str, dict[str, Any]]
    people: dict[str, FlaskClient]

    def url(self, endpoint: str, arguments: dict[str, Any] | None = None) -> str:
        """The address of a view, by default for the things that there are."""
        with self.app.test_request_context():
            rule = next(self.app.url_map.iter_rules(endpoint))
            page = endpoint.rpartition(".")[0]
            values = arguments or self.arguments | self.arguments_of.get(page, {})
            return self.app.url_for(endpoint, **{name: values[name] for name in rule.arguments})

    def open(self, who: str, route: Route, **sent: Any) -> TestResponse:
        """The answer of a route to somebody; a form gets the token of their own pages."""
        url = self.url(route.endpoint, sent.pop("arguments", None))
        if not route.is_safe:
            sent["data"] = {"csrf_token": self.csrf(who)} | sent.get("data", {})
        return self.people[who].open(url, method=route.method, **sent)

    def csrf(self, who: str) -> str:
        """A token that is good for the forms of this person."""
        return csrf_of(self.people[who].get(self.a_form_for(who)))

    def a_form_for(self, who: str) -> str:
        """The address of a page with a form for them; signed in, each has the one to sign out."""
        return "/admin/sign-in" if who == VISITOR else "/admin/scopes"

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        """Every row of every table, but for when somebody was last seen."""
        with self.app.app_context(), db.engine.connect() as connection:
            return {
                table.name: sorted(
                    tuple(row)
                    for row in connection.execute(
                        select(*(c for c in table.columns if c.name != "last_seen_at"))
                    )
                )
                for table in db.metadata.sorted_tables
            }


@contextmanager
def kept(app: Flask) -> Iterator[Flask]:
    """An app that several tests share; its connections are closed afterwards.

    Its context is not kept open: contexts of two apps would lie upon each other.
    """
    app.test_client_class = StrangerClient
    try:
        yield app
    finally:
        with opened(app):
            pass


@contextmanager
def furnished(folder: Path, database_url: str, **variables: str) -> Iterator[House]:
    """A house over this database."""
    write_key_files(folder / "secrets")
    environ = {
        "SIGNET_DATABASE_URL": database_url,
        "SIGNET_DATA_DIR": str(folder),
        "SIGNET_SECRETS_DIR": str(folder / "secrets"),
    }
    with kept(create_app(load_settings(environ | variables))) as app:
        with app.app_context():
            issued = _furnish()
            of_api = create_api_secret("external-api", actor=TEST, now=utc_now())
            kid = list_signing_keys()[0].kid
            invitation = invite("eve@example.org", role=VIEWER, actor=TEST, now=utc_now())
        arguments = {
            "client_id": issued.client_id,
            "secret_id": issued.secret_id,
            # Scopes, APIs and audit entries are addressed by number.
            "number": 1,
            "kid": kid,
            "token": invitation.token,
            "request_id": REFUSED.request_id,
        }
        people = {VISITOR: app.test_client()}
        for role in ROLES:
            people[role] = app.test_client()
            sign_in(people[role], make_admin(app, role))
        arguments_of = {
            "admin.api_secrets": {"secret_id": of_api.secret_id},
            # Not who acts: much is refused to them about themselves.
            **dict.fromkeys(("admin.admins", "admin.admin_links"), {"number": _number_of(app)}),
        }
        yield House(app, arguments, arguments_of, people)


def _number_of(app: Flask, role: str = VIEWER) -> int:
    with app.app_context():
        admin = find_admin(f"{role}@example.org")
        assert admin is not None
        return admin.number


def _furnish() -> IssuedSecret:
    memory = UsageMemory()
    memory.note_refusal(REFUSED)
    flush(memory, write_batch)
    encryption, alg = wiring().encryption, wiring().settings.signing_alg
    take_due_step(alg, encryption=encryption, actor=TEST, now=utc_now())
    create_scope("external-api", apis=["external-api"], actor=TEST, now=utc_now())
    return register_client(
        ClientFacts(name="Billing export"),
        client_id="billing-export",
        scopes=["external-api"],
        actor=TEST,
        now=utc_now(),
    )
