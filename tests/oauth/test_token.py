"""The grant, run without a web server."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidScopeError, UnauthorizedClientError

from signet.oauth.errors import RefusedClientError
from signet.oauth.store import StoreUnavailableError
from signet.oauth.token import GRANTS, ClientCredentialsGrant
from tests.oauth.memory_store import NOON, MemoryStore, make_client, make_scope
from tests.oauth.requests import make_request


@dataclass
class Server:
    store: MemoryStore
    issuer: str = "https://signet.example"
    scope_claim: str = "string"
    clock: Callable[[], datetime] = field(default=lambda: NOON)


def run(store: MemoryStore, **parameters: str) -> dict:
    request = make_request(basic="billing:secret", **parameters)
    grant = ClientCredentialsGrant(request, Server(store))
    grant.validate_token_request()
    status, answer, headers = grant.create_token_response()
    assert status == 200
    assert ("Cache-Control", "no-store") in headers
    return answer


def test_the_grant_is_known_by_its_name():
    assert {"client_credentials": ClientCredentialsGrant} == GRANTS


def test_the_answer_has_four_members_in_this_order():
    answer = run(MemoryStore(make_client("billing", "secret")))
    assert list(answer) == ["access_token", "expires_in", "token_type", "scope"]
    assert list(answer.values())[1:] == [3600, "Bearer", "external-api"]


def test_a_success_asks_for_no_fresh_client():
    store = MemoryStore(make_client("billing", "secret"))
    run(store)
    assert store.fresh_questions == 0


@pytest.mark.parametrize(
    "snapshot",
    [
        None,
        make_client("billing", "old secret"),
        make_client("billing", "secret", enabled=False),
        make_client("billing", "secret", grant_types=frozenset()),
        make_client("billing", "secret", scopes=()),
        make_client("billing", "secret", scopes=(make_scope("another"),)),
    ],
)
def test_what_a_snapshot_refuses_is_asked_of_the_database_once(snapshot):
    store = MemoryStore(make_client("billing", "secret"))
    store.snapshots["billing"] = snapshot
    assert run(store, scope="external-api")["scope"] == "external-api"
    assert store.fresh_questions == 1


@pytest.mark.parametrize(
    ("client", "error"),
    [
        (None, RefusedClientError),
        (make_client("billing", "other"), RefusedClientError),
        (make_client("billing", "secret", grant_types=frozenset()), UnauthorizedClientError),
        (make_client("billing", "secret", scopes=()), InvalidScopeError),
    ],
)
def test_what_the_database_refuses_is_refused(client, error: type[OAuth2Error]):
    store = MemoryStore(*filter(None, [client]))
    with pytest.raises(error):
        run(store)
    assert store.fresh_questions == 1


def test_a_secret_that_was_revoked_since_the_snapshot_is_found_out_by_any_refusal():
    store = MemoryStore(make_client("billing", "new"))
    store.snapshots["billing"] = make_client("billing", "secret", scopes=())
    with pytest.raises(RefusedClientError):
        run(store)


def test_while_the_database_is_away_it_is_never_a_refusal():
    store = MemoryStore()
    store.is_away = True
    with pytest.raises(StoreUnavailableError):
        run(store)


def test_without_a_signing_key_the_server_is_unavailable():
    with pytest.raises(StoreUnavailableError):
        run(MemoryStore(make_client("billing", "secret"), keys=()))
