"""A Signet as a small team has it after some months: for pictures, and for checks of every page.

Everything is made by the operations that pages and commands call, at the moments at which it would
have happened; only the use of credentials is written directly.
"""

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from random import Random
from typing import Any

from flask import Flask

from signet.models.admins import find_admin_row
from signet.models.audit import Actor
from signet.models.clients import TrustDetails, find_client
from signet.models.database import write
from signet.models.passkeys import PasskeyRow
from signet.models.resource_servers import find_resource_server
from signet.models.signing_keys import load_signing_key_rows
from signet.models.usage_batches import write_batch
from signet.operations import client_secrets, clients, resource_server_secrets
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.resource_servers import create_resource_server, edit_resource_server
from signet.operations.scopes import create_scope
from signet.operations.signing_keys import rotate_key, take_due_step
from signet.operations.token_options import TokenOptions
from signet.usage import RefusedRequest, UsageMemory
from signet.wiring import utc_now, wiring
from tests.admin.signing_in import make_admin, make_session
from tests.oauth.signing import jwk_set, make_key, public_jwk

ADA, GRACE, LINUS = "ada@example.org", "grace@example.org", "linus@example.org"
ADMINS = {ADA: "administrator", GRACE: "operator", LINUS: "viewer"}
DAY = timedelta(days=1)
_BY_ADA = Actor(name=ADA, address="192.0.2.7", user_agent="Mozilla/5.0 Firefox/145.0")
_BY_GRACE = Actor(name=GRACE, address="192.0.2.21", user_agent="Mozilla/5.0 Chrome/142.0")
_BY_SIGNET = Actor(name="Signet")

SCOPES = {
    "external-api": ("https://api.example.org", "What partners may call"),
    "orders.read": ("https://orders.example.org", "Read orders and their lines"),
    "orders.write": ("https://orders.example.org", "Place and change orders"),
    "invoices.read": ("https://billing.example.org", "Read invoices"),
    "invoices.send": ("https://billing.example.org", "Send invoices to customers"),
    "stock.read": ("https://stock.example.org", "Read what is in stock"),
}
#: The API that asks about tokens with a secret of its own.
ASKING_API = "https://orders.example.org"
#: What people call the APIs.
API_NAMES = {
    "https://api.example.org": "Partner API",
    "https://orders.example.org": "Orders",
    "https://billing.example.org": "Billing",
    "https://stock.example.org": "Stock",
}


@dataclass(frozen=True)
class Story:
    """A client: who it is, and how it is used."""

    client_id: str
    name: str
    scopes: tuple[str, ...]
    #: Days since it was registered, and until its secret ends from now on (``None``: never).
    age: int
    ends_in: int | None = 200
    #: Tokens in a busy hour, from where, by what.
    busy: int = 4
    address: str = "10.0.3.7"
    user_agent: str = "python-requests/2.32.5"
    contact: str = ""
    method: str = "client_secret_basic"
    #: Days since it was last used; ``None``: never.
    last_used: float | None = 0.0
    enabled: bool = True


#: Ordered as they were registered. The first is the one that pictures look at.
STORIES = (
    Story(
        "billing-export",
        "Billing export",
        ("external-api", "invoices.read"),
        300,
        6,
        busy=18,
        contact="payments@example.org",
    ),
    Story(
        "crm-bridge",
        "Legacy CRM bridge",
        ("external-api",),
        368,
        -3,
        busy=9,
        user_agent="Java/17.0.12",
        address="10.0.8.2",
        last_used=3.0,
    ),
    Story(
        "warehouse-sync",
        "Warehouse sync",
        ("orders.read", "stock.read"),
        210,
        busy=30,
        user_agent="Go-http-client/2.0",
        address="10.0.4.11",
    ),
    Story(
        "partner-acme",
        "Partner Acme",
        ("external-api", "orders.write"),
        180,
        busy=12,
        user_agent="axios/1.7.9",
        address="203.0.113.40",
        contact="integration@acme.example",
    ),
    Story(
        "price-watch",
        "Price watch",
        ("stock.read",),
        150,
        busy=1_800,
        user_agent="node",
        address="10.0.6.3",
    ),
    Story("nightly-report", "Nightly report", ("invoices.read", "orders.read"), 140, busy=1),
    Story(
        "shop-frontend",
        "Shop frontend",
        ("orders.read", "orders.write"),
        130,
        busy=40,
        user_agent="undici",
        address="10.0.6.9",
    ),
    Story("mail-sender", "Mail sender", ("invoices.send",), 120, 21, busy=6, address="10.0.3.9"),
    Story(
        "deploy-pipeline",
        "Deploy pipeline",
        ("external-api",),
        90,
        busy=2,
        method="federated_jwt",
        user_agent="curl/8.14.1",
        address="198.51.100.20",
    ),
    Story(
        "ledger",
        "Ledger",
        ("invoices.read", "invoices.send"),
        80,
        busy=8,
        method="private_key_jwt",
        user_agent="Signet.Net/1.0",
        address="10.0.5.5",
    ),
    Story(
        "old-importer",
        "Old importer",
        ("orders.write",),
        300,
        None,
        last_used=121.0,
        user_agent="Wget/1.21.4",
        address="10.0.9.1",
    ),
    Story("pilot", "Pilot for partners", ("external-api",), 5, last_used=None),
    Story("paused-bot", "Paused bot", ("stock.read",), 60, last_used=20.0, enabled=False),
)


@dataclass(frozen=True)
class Believable:
    """Where to look."""

    client_id: str = "billing-export"
    #: An old secret that somebody still uses, and the one that replaced it.
    old_secret_id: str = ""
    new_secret_id: str = ""
    #: The number of an API that asks about tokens, and its secret.
    api_number: int = 0
    api_secret_id: str = ""
    #: The reference of a refused request, by reason.
    references: Mapping[str, str] = field(default_factory=dict)


def furnish(app: Flask, now: datetime | None = None) -> Believable:
    """Fill an empty, prepared installation; needs no context."""
    now = now or utc_now()
    with app.app_context():
        _make_admins(app)
        for moment, act in sorted(_acts(now), key=lambda pair: pair[0]):
            act(moment)
        _use(now)
        api = find_resource_server(ASKING_API)
        assert api is not None
        _use_of_api(api.secrets[0].secret_id, now)
        references = _refuse(now)
        rotated = find_client("warehouse-sync")
        assert rotated is not None
    return Believable(
        old_secret_id=rotated.secrets[1].secret_id,
        new_secret_id=rotated.secrets[0].secret_id,
        api_number=api.number,
        api_secret_id=api.secrets[0].secret_id,
        references=references,
    )


def furnish_many(app: Flask, count: int) -> None:
    """Register so many clients more."""
    with app.app_context():
        for number in range(count):
            clients.register_client(
                ClientFacts(name=f"Device {number:05}"),
                client_id=f"device-{number:05}",
                scopes=["stock.read"],
                actor=_BY_ADA,
                now=utc_now(),
            )


def _make_admins(app: Flask) -> None:
    for name, role in ADMINS.items():
        make_admin(app, role, name)
        make_session(name)
    with write() as session:
        ada = find_admin_row(session, ADA)
        assert ada is not None
        session.add(
            PasskeyRow(
                admin_id=ada.id,
                user_handle=b"ada",
                credential_id=b"a key of hers",
                # Nobody signs in with it: the key itself is nowhere.
                public_key=b"",
                sign_count=12,
                name="Laptop",
                added_at=utc_now() - 40 * DAY,
                last_used_at=utc_now() - timedelta(hours=3),
            )
        )


def _acts(now: datetime) -> Iterator[tuple[datetime, Callable[[datetime], object]]]:
    """What people and Signet itself have done, each at its moment; run them in their order."""
    encryption, alg = wiring().encryption, wiring().settings.signing_alg
    with write() as session:
        # The key of the first start; it was long ago.
        for row in load_signing_key_rows(session):
            row.announced_at = row.signing_at = now - 100 * DAY
    for days in range(100, -1, -1):
        step = partial(take_due_step, alg, encryption=encryption, actor=_BY_SIGNET)
        yield now - days * DAY, lambda at, step=step: step(now=at)
    for identifier, name in API_NAMES.items():
        create = partial(
            create_resource_server, identifier, name=name, encryption=encryption, actor=_BY_ADA
        )
        yield now - 381 * DAY, lambda at, create=create: create(now=at)
    for name, (api, description) in SCOPES.items():
        scope = partial(create_scope, name, apis=[api], description=description, actor=_BY_ADA)
        yield now - 380 * DAY, lambda at, scope=scope: scope(now=at)
    for story in STORIES:
        yield now - story.age * DAY, partial(_register, story)
        if not story.enabled:
            yield now - 19 * DAY, partial(_disable, story)
    yield now - 40 * DAY, _make_secret_of_api
    yield now - 4 * DAY, _rotate
    choose = partial(
        edit_resource_server,
        "https://stock.example.org",
        name="Stock",
        signing_alg="ES256",
        version=None,
        encryption=encryption,
        actor=_BY_ADA,
    )
    yield now - 20 * DAY, lambda at: choose(now=at)
    rotate = partial(
        rotate_key, alg, default_alg=alg, at_once=False, encryption=encryption, actor=_BY_ADA
    )
    yield now - DAY, lambda at: rotate(now=at)


def _make_secret_of_api(now: datetime) -> None:
    resource_server_secrets.create_secret(
        ASKING_API, description="orders gateway", actor=_BY_ADA, now=now
    )


def _disable(story: Story, now: datetime) -> None:
    clients.disable_client(story.client_id, actor=_BY_ADA, now=now)


def _register(story: Story, now: datetime) -> None:
    facts = ClientFacts(
        name=story.name,
        description=f"{story.name} of the shop." if story.contact else "",
        contact=story.contact,
    )
    common: dict[str, Any] = {
        "client_id": story.client_id,
        "scopes": story.scopes,
        "actor": _BY_GRACE,
        "now": now,
    }
    if story.method == "client_secret_basic":
        ends = None if story.ends_in is None else timedelta(days=story.age + story.ends_in)
        clients.register_client(facts, secret_expires_in=ends, **common)
    elif story.method == "private_key_jwt":
        keys = jwk_set(public_jwk(make_key(), kid="ledger-2026"))
        clients.register_client_without_secret(
            facts,
            ClientAuthentication(method=story.method, jwks=keys),
            tokens=TokenOptions(dpop_bound_access_tokens=True, claims={"tenant": "shop"}),
            **common,
        )
    else:
        clients.register_client_without_secret(
            facts, ClientAuthentication(method=story.method, trusted_issuers=(_TRUST,)), **common
        )


_TRUST = TrustDetails(
    issuer="https://token.actions.githubusercontent.com",
    subject="repo:example/shop:ref:refs/heads/main",
    audience="https://id.example.org",
)


def _rotate(now: datetime) -> None:
    """A rotation that is not finished: a caller still has the old secret."""
    client_secrets.rotate_secret("warehouse-sync", description="prod 2026", actor=_BY_ADA, now=now)


def _use(now: datetime) -> None:
    memory, random = UsageMemory(), Random(5)
    for story in STORIES:
        if story.last_used is None:
            continue
        client = find_client(story.client_id)
        assert client is not None
        credentials = [secret.secret_id for secret in client.secrets] or ["key"]
        if story.method == "federated_jwt":
            credentials = [trust.to_trusted_issuer().entry_id for trust in client.trusted_issuers]
        last = now - timedelta(days=story.last_used, minutes=3)
        hours = min(story.age, 30) * 24
        for hour in range(hours):
            at = last - timedelta(hours=hour)
            if at < client.created_at:
                break
            # More by day than by night.
            wave = 0.55 - 0.45 * math.cos((at.hour - 2) / 24 * 2 * math.pi)
            count = max(1, round(story.busy * wave * random.uniform(0.8, 1.2)))
            credential = credentials[0]
            if story.client_id == "warehouse-sync" and at < now - 4 * DAY:
                credential = credentials[-1]
            _note(memory, story, credential, at, count)
        write_batch(memory.take())
    old = find_client("warehouse-sync")
    assert old is not None
    story = next(story for story in STORIES if story.client_id == "warehouse-sync")
    _note(memory, story, old.secrets[-1].secret_id, now - timedelta(minutes=2), 1, "10.0.4.7")
    write_batch(memory.take())


def _note(
    memory: UsageMemory, story: Story, credential: str, at: datetime, count: int, address: str = ""
) -> None:
    for _ in range(count):
        memory.note_use(
            story.client_id,
            credential,
            "token",
            at=at,
            address=address or story.address,
            user_agent=story.user_agent,
        )


def _use_of_api(secret_id: str, now: datetime) -> None:
    memory = UsageMemory()
    api = find_resource_server(ASKING_API)
    assert api is not None
    for hour in range(48):
        memory.note_use(
            api.identifier,
            secret_id,
            "introspection",
            at=now - timedelta(hours=hour, minutes=7),
            address="10.0.7.2",
            user_agent="Spring",
        )
    write_batch(memory.take())


def _refuse(now: datetime) -> dict[str, str]:
    crm = find_client("crm-bridge")
    acme = find_client("partner-acme")
    assert crm is not None and acme is not None
    ended = crm.secrets[0]
    assert ended.expires_at is not None
    refusals: list[tuple[str, str, str, dict[str, Any], int]] = [
        (
            "crm-bridge",
            "expired_secret",
            "expired secret",
            {"secret_id": ended.secret_id, "ended_at": ended.expires_at.isoformat()},
            212,
        ),
        (
            "partner-acme",
            "scope_not_assigned",
            "A scope is unknown or not assigned to the client.",
            {"refused": ["orders.read"], "assigned": ["external-api", "orders.write"]},
            14,
        ),
        (
            "billing-export",
            "padded_secret",
            "secret with a stray space or line break",
            {"secret_id": _secret_of("billing-export")},
            3,
        ),
        (
            "deploy-pipeline",
            "workload_untrusted",
            "workload token: no trusted issuer of that iss, sub and aud",
            {
                "iss": _TRUST.issuer,
                "sub": "repo:example/shop:ref:refs/heads/release",
                "aud": _TRUST.audience,
                "entries": [
                    {
                        "issuer": _TRUST.issuer,
                        "subject": _TRUST.subject,
                        "audience": _TRUST.audience,
                        "fits": {"iss": True, "sub": False, "aud": True},
                    }
                ],
            },
            2,
        ),
        ("", "unknown_client", "unknown client", {}, 37),
    ]
    memory, references = UsageMemory(), {}
    for number, (client_id, reason, text, facts, times) in enumerate(refusals):
        story = next((story for story in STORIES if story.client_id == client_id), None)
        for index in range(times):
            reference = f"{number:04x}{index:020x}"
            references[reason] = reference
            memory.note_refusal(
                RefusedRequest(
                    request_id=reference,
                    at=now - timedelta(minutes=5 + 6 * index % 1_200),
                    client_id=client_id,
                    claimed_client_id=client_id or "biling-export",
                    address=story.address if story else "203.0.113.9",
                    user_agent=story.user_agent if story else "curl/8.14.1",
                    endpoint="token",
                    status=400,
                    error="invalid_scope" if "scope" in reason else "invalid_client",
                    reason=reason,
                    text=text,
                    facts=facts,
                )
            )
        write_batch(memory.take())
    return references


def _secret_of(client_id: str) -> str:
    client = find_client(client_id)
    assert client is not None
    return client.secrets[0].secret_id
