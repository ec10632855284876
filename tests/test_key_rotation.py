"""R8: keys rotate under APIs that cache them, and no token is ever refused.

The server runs on a clock of the test's. The APIs are the most stubborn there are: each keeps the
key set for its time, and never asks in between, not even for a key that it does not know.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import jwt
import pytest
from flask import Flask
from flask.testing import FlaskClient

from signet import background
from signet.models.audit import Actor
from signet.models.signing_keys import list_signing_keys
from signet.oauth.jwks import ANNOUNCED_FOR, SIGNS_FOR
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import register_client
from signet.operations.resource_servers import create_resource_server
from signet.operations.scopes import create_scope
from signet.operations.signing_keys import revoke_key
from signet.wiring import wiring
from tests.conftest import MakeSettings
from tests.operations.acting import on_sqlite

pytestmark = [pytest.mark.soak, on_sqlite]

START = datetime(2026, 1, 1, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)
ACTOR = Actor(name="tests")
ALGORITHMS = ["EdDSA", "ES256"]


class Clock:
    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Api:
    """Verifies tokens with a key set that it asks for only when its copy is too old."""

    audience: str
    cache_time: timedelta
    asks_for_unknown_keys: bool = False
    fetched_at: datetime | None = None
    keys: dict[str, Any] = field(default_factory=dict)

    def accepts(self, token: str, signet: FlaskClient, now: datetime) -> bool:
        if self.fetched_at is None or now >= self.fetched_at + self.cache_time:
            self._fetch(signet, now)
        kid = jwt.get_unverified_header(token)["kid"]
        if kid not in self.keys and self.asks_for_unknown_keys:
            self._fetch(signet, now)
        if kid not in self.keys:
            return False
        jwt.decode(
            token,
            self.keys[kid],
            algorithms=ALGORITHMS,
            audience=self.audience,
            # The clock of this machine is not the server's.
            options={"verify_exp": False, "verify_iat": False, "verify_nbf": False},
        )
        return True

    def _fetch(self, signet: FlaskClient, now: datetime) -> None:
        keys = signet.get("/.well-known/openid-configuration/jwks").json
        self.keys = {key.key_id: key for key in jwt.PyJWKSet.from_dict(keys).keys}
        self.fetched_at = now


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str):
    # The fastest keys; the plan is the same for all.
    return make_settings(SIGNET_DATABASE_URL=database_url, SIGNET_SIGNING_ALG="EdDSA")


@pytest.fixture
def clock(app: Flask) -> Clock:
    clock = Clock()
    replace(wiring(), clock=clock).install(app)
    app.extensions["signet_authorization_server"].clock = clock
    return clock


@pytest.fixture
def forms(clock: Clock) -> dict[str, dict[str, str]]:
    """Token requests by API: one takes the default algorithm, one has chosen its own."""
    background.take_turn(wiring())
    create_resource_server(
        "chosen", signing_alg="ES256", encryption=wiring().encryption, actor=ACTOR, now=START
    )
    forms = {}
    for api in ("default", "chosen"):
        create_scope(api, apis=[api], actor=ACTOR, now=START)
        issued = register_client(
            ClientFacts(name=api, access_token_lifetime=DAY),
            scopes=[api],
            secret_expires_in=None,
            actor=ACTOR,
            now=START,
        )
        forms[api] = {
            "grant_type": "client_credentials",
            "client_id": issued.client_id,
            "client_secret": issued.client_secret,
        }
    return forms


def get_token(signet: FlaskClient, form: dict[str, str]) -> str:
    answer = signet.post("/connect/token", data=form)
    assert answer.status_code == 200, answer.json
    return answer.json["access_token"]


def next_step(now: datetime) -> timedelta:
    """Minutes around the moments at which anything happens to a key, hours in between."""
    moments = [
        moment
        for key in list_signing_keys()
        for moment in (key.announced_at, key.signing_at, key.retired_at, key.removed_at)
        if moment is not None
    ]
    distance = min(abs(moment - now) for moment in moments)
    if distance < 5 * MINUTE:
        return 2 * MINUTE
    return max(2 * MINUTE, min(16 * HOUR, distance - 4 * MINUTE))


def test_every_token_is_accepted_across_three_rotations(
    client: FlaskClient, clock: Clock, forms: dict[str, dict[str, str]]
) -> None:
    apis = [
        Api(audience, cache_time) for audience in forms for cache_time in (5 * MINUTE, HOUR, DAY)
    ]
    live: list[tuple[datetime, str, str]] = []
    refused = []
    checked = 0
    # The first key signs unannounced, so nobody's copy of the set is older than it.
    while clock.now < START + 3 * SIGNS_FOR + 5 * DAY:
        background.take_turn(wiring())
        live = [(until, name, token) for until, name, token in live if clock.now < until]
        for name, form in forms.items():
            live.append((clock.now + DAY, name, get_token(client, form)))
        for api in apis:
            # The oldest that is still live, and the newest.
            for _, name, token in (*live[:2], *live[-2:]):
                if name == api.audience:
                    checked += 1
                    if not api.accepts(token, client, clock.now):
                        refused.append((api.audience, api.cache_time, clock.now))
        clock.now += next_step(clock.now)
    by_alg = [key.alg for key in list_signing_keys()]
    assert refused == []
    assert checked > 1_000
    # Three rotations each: the fourth key signs.
    assert {alg: by_alg.count(alg) for alg in ALGORITHMS} == {"EdDSA": 4, "ES256": 4}


def test_a_revoked_key_costs_the_tokens_it_has_signed_and_no_others(
    client: FlaskClient, clock: Clock, forms: dict[str, dict[str, str]]
) -> None:
    """The price of the emergency: an API that asks for an unknown key learns of both at once."""
    asking = Api("default", DAY, asks_for_unknown_keys=True)
    stubborn = Api("default", HOUR)
    clock.now += ANNOUNCED_FOR
    stolen = get_token(client, forms["default"])
    other = get_token(client, forms["chosen"])
    assert asking.accepts(stolen, client, clock.now)
    assert stubborn.accepts(stolen, client, clock.now)
    kid = jwt.get_unverified_header(stolen)["kid"]
    revoke_key(
        kid,
        default_alg="EdDSA",
        encryption=wiring().encryption,
        actor=ACTOR,
        now=clock.now,
    )
    # Whoever gives the key set has looked at once; other workers do so within the second.
    client.get("/.well-known/openid-configuration/jwks")
    fresh = get_token(client, forms["default"])
    assert asking.accepts(fresh, client, clock.now)
    assert not asking.accepts(stolen, client, clock.now)
    assert not stubborn.accepts(fresh, client, clock.now)
    assert stubborn.accepts(fresh, client, clock.now + HOUR)
    assert not stubborn.accepts(stolen, client, clock.now + HOUR)
    assert Api("chosen", DAY).accepts(other, client, clock.now)
