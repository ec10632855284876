"""What a token costs, in things that can be counted on any machine: a guard against decay.

How long it takes is for ``bench/``. Whoever passes a ceiling here, and needs to, raises it by hand.
"""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from joserfc.jws import JWSRegistry

from signet.models.usage_batches import write_batch
from signet.operations.clients import ClientFacts, register_client
from signet.operations.scopes import create_scope
from signet.operations.signing_keys import take_due_step
from signet.settings import Settings
from signet.usage import flush
from signet.wiring import utc_now, wiring
from tests.admin.signing_in import TEST
from tests.conftest import MakeSettings
from tests.statements import counted_statements
from tests.token_request import environ

#: Python functions that are called for a token whose client is known to this worker …
MOST_CALLS = 165
#: … for one whose client must be looked up in the database (439 on SQLite), by one statement …
MOST_CALLS_COLD, STATEMENTS_COLD = 800, 1
#: … and for what is left to do beside the path, for each of a hundred tokens.
MOST_CALLS_BESIDE = 16


@pytest.fixture
def settings(make_settings: MakeSettings, database_url: str) -> Settings:
    # The look for changes, once in half of this time whatever the load, is none of a token's cost.
    return make_settings(
        SIGNET_DATABASE_URL=database_url, SIGNET_SIGNING_ALG="ES256", SIGNET_CACHE_SECONDS="60"
    )


@pytest.fixture
def ask(app: Flask) -> Callable[[str], None]:
    """Asks for a token as a client, ``known`` or ``unknown-yet``; what is left to do is left."""
    take_due_step("ES256", encryption=wiring().encryption, actor=TEST, now=utc_now())
    create_scope("external-api", apis=["external-api"], actor=TEST, now=utc_now())
    bodies = {}
    for client_id in ("known", "unknown-yet"):
        issued = register_client(
            ClientFacts(name=client_id),
            client_id=client_id,
            scopes=["external-api"],
            actor=TEST,
            now=utc_now(),
        )
        form = {"grant_type": "client_credentials", "client_id": client_id}
        bodies[client_id] = urlencode(form | {"client_secret": issued.client_secret}).encode()
    wiring().books.defer()

    def ask(client_id: str) -> None:
        statuses: list[str] = []
        app.wsgi_app(environ(bodies[client_id]), lambda status, _: statuses.append(status))
        assert statuses == ["200 OK"]

    # What a process does once is none of a token's cost.
    for _ in range(3):
        ask("known")
    wiring().books.write_down()
    return ask


@contextmanager
def counted_calls() -> Iterator[list[str]]:
    """The Python functions that are called meanwhile, by name."""
    calls: list[str] = []

    def note(frame: FrameType, what: str, _: object) -> None:
        if what == "call":
            calls.append(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_qualname}")

    before = sys.getprofile()
    sys.setprofile(note)
    try:
        yield calls
    finally:
        sys.setprofile(before)


@pytest.fixture
def signatures(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The algorithm of each signature that is made."""
    made: list[str] = []
    algorithm = JWSRegistry.algorithms["ES256"]
    sign = algorithm.sign

    def note(message: bytes, key: Any) -> bytes:
        made.append(algorithm.name)
        return sign(message, key)

    monkeypatch.setattr(algorithm, "sign", note)
    return made


def test_a_known_client_costs_one_signature_no_statement_and_few_calls(ask, signatures):
    with counted_statements() as statements, counted_calls() as calls:
        ask("known")
    assert statements == []
    assert signatures == ["ES256"]
    assert len(calls) <= MOST_CALLS, "\n".join(calls)


def test_a_client_that_is_looked_up_costs_one_signature_and_few_statements(ask, signatures):
    with counted_statements() as statements, counted_calls() as calls:
        ask("unknown-yet")
    assert len(statements) <= STATEMENTS_COLD, statements
    assert signatures == ["ES256"]
    assert len(calls) <= MOST_CALLS_COLD, len(calls)


def test_what_is_left_to_do_for_many_tokens_is_done_for_all_at_once(ask):
    for _ in range(100):
        ask("known")
    with counted_statements() as statements, counted_calls() as calls:
        wiring().books.write_down()
    assert statements == []
    assert len(calls) <= 100 * MOST_CALLS_BESIDE, "\n".join(calls[1000:1060])
    with counted_statements() as statements:
        flush(wiring().usage, write_batch)
    assert len(statements) == 3, "one for each of the tables: counts, uses, clients"
