"""Revocation (RFC 7009): who may end which token, and when the answer is success."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from authlib.oauth2.rfc6749 import InvalidGrantError, InvalidRequestError
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.client import Client
from signet.oauth.errors import RefusedClientError
from signet.oauth.introspection import introspect
from signet.oauth.public_keys import parse_jwk_set
from signet.oauth.resource_server import ResourceServer
from signet.oauth.revocation import revoke
from signet.oauth.store import StoreUnavailableError
from tests.oauth.memory_store import NOON, MemoryServer, MemoryStore, make_client, make_secret
from tests.oauth.requests import answer_token_request, make_request
from tests.oauth.signing import jwk_set, make_assertion, make_key, sign, split

ISSUER, API_ID = "https://signet.example", "external-api"
HOUR = timedelta(hours=1)
KEY = make_key()
API = ResourceServer(
    identifier=API_ID,
    secrets=(make_secret("api-secret", client_id=API_ID),),
    scopes=frozenset({"external-api"}),
)
AS_API = {"client_id": API_ID, "client_secret": "api-secret"}
AS_BILLING = {"client_id": "billing", "client_secret": "secret"}
AS_SHOP = {"client_id": "shop", "client_secret": "secret"}
FORMS = pytest.mark.parametrize("token_format", ["jwt", "reference"])


class RecordingStore(MemoryStore):
    """Tells how long a revocation is to be kept."""

    def __init__(self, *clients: Client, **fields: Any) -> None:
        super().__init__(*clients, **fields)
        self.kept_until: dict[str, datetime] = {}

    def revoke_token(self, jti: str, *, until: datetime) -> None:
        super().revoke_token(jti, until=until)
        self.kept_until[jti] = until


@pytest.fixture
def server() -> MemoryServer:
    store = RecordingStore(
        make_client("billing", "secret"), make_client("shop", "secret"), apis=[API]
    )
    return MemoryServer(store=store)


def issue(
    server: MemoryServer, token_format: str = "jwt", caller: dict[str, Any] = AS_BILLING
) -> str:
    server.store.change(caller["client_id"], token_format=token_format)
    answer, _ = answer_token_request(server, make_request(**caller))
    return str(answer["access_token"])


def end(server: MemoryServer, token: str, caller: dict[str, Any] = AS_BILLING, **more: Any) -> str:
    now = more.pop("now", NOON)
    request = make_request(token=token, **caller, **more)
    return revoke(request, server=server, now=now).client.client_id


def is_active(server: MemoryServer, token: str) -> bool:
    """To the client itself and to its API."""
    answers = {
        introspect(make_request(token=token, **caller), server=server, now=NOON).answer["active"]
        for caller in (AS_BILLING, AS_API)
    }
    (answer,) = answers
    return answer


# --- One's own tokens


@FORMS
def test_a_client_ends_its_own_token(server, token_format: str):
    token = issue(server, token_format)
    assert is_active(server, token)
    assert end(server, token) == "billing"
    assert not is_active(server, token)


@FORMS
def test_only_that_token_ends(server, token_format: str):
    first, second = issue(server, token_format), issue(server, token_format)
    end(server, first)
    assert is_active(server, second)


@FORMS
def test_the_note_is_kept_until_the_token_would_have_ended(server, token_format: str):
    """PROTOCOL 18."""
    end(server, issue(server, token_format))
    assert list(server.store.kept_until.values()) == [NOON + HOUR]


@FORMS
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense"])
def test_a_hint_is_a_hint(server, token_format: str, hint: str):
    """RFC 7009 §2.1."""
    token = issue(server, token_format)
    end(server, token, token_type_hint=hint)
    assert not is_active(server, token)


# --- What is as good as revoked


@FORMS
def test_a_token_that_is_over_or_revoked_already_is_a_success(server, token_format: str):
    """PROTOCOL 18, RFC 7009 §2.2; also a second time, and for whoever asks."""
    token = issue(server, token_format)
    assert end(server, token, now=NOON + HOUR) == "billing"
    assert not server.store.revoked
    for _ in range(2):
        assert end(server, token) == "billing"
    assert end(server, token, AS_SHOP) == "shop"
    assert len(server.store.revoked) == 1


@pytest.mark.parametrize(
    "token",
    ["x", "a.b.c", " ", "\0", "é", "." * 60_000, "signet_at_x", "signet_at_" + "A" * 60_000],
)
def test_an_unknown_token_is_a_success(server, token: str):
    """RFC 7009 §2.2."""
    assert end(server, token) == "billing"
    assert not server.store.revoked


def test_a_forged_token_ends_nothing(server):
    token = issue(server)
    header, claims, _ = split(token)
    assert end(server, sign(KEY, header, claims)) == "billing"
    assert is_active(server, token)


@given(st.text(min_size=1) | st.text().map("signet_at_".__add__))
def test_no_token_is_a_crash(token: str):
    end(MemoryServer(store=MemoryStore(make_client("billing", "secret"))), token)


# --- Tokens of others (SECURITY C19)


@FORMS
def test_a_live_token_of_another_client_lives_on(server, token_format: str):
    """PROTOCOL 18, RFC 7009 §2.1."""
    token = issue(server, token_format)
    with pytest.raises(InvalidGrantError) as caught:
        end(server, token, AS_SHOP)
    assert (caught.value.error, caught.value.status_code) == ("invalid_grant", 400)
    assert is_active(server, token)


@FORMS
def test_an_api_ends_no_tokens(server, token_format: str):
    """It may ask about them, and nothing else."""
    token = issue(server, token_format)
    with pytest.raises(RefusedClientError):
        end(server, token, AS_API)
    assert is_active(server, token)


# --- Bad clients


@pytest.mark.parametrize(
    ("caller", "status"),
    [
        ({}, 400),
        ({"client_id": "billing"}, 400),
        ({"client_id": "billing", "client_secret": "wrong"}, 400),
        ({"basic": "billing:wrong"}, 401),
        ({"basic": "nobody:secret"}, 401),
    ],
)
def test_a_bad_client_is_answered_as_at_the_token_endpoint(server, caller, status: int):
    """PROTOCOL 18, 9."""
    token = issue(server)
    with pytest.raises(RefusedClientError) as caught:
        end(server, token, caller)
    assert caught.value.status_code == status
    assert is_active(server, token)


def test_a_disabled_client_ends_nothing(server):
    """SECURITY C12."""
    token = issue(server)
    server.store.change("billing", enabled=False)
    with pytest.raises(RefusedClientError):
        end(server, token)
    assert not server.store.revoked


def test_a_client_that_a_snapshot_refuses_is_asked_of_the_database(server):
    token = issue(server)
    server.store.snapshots["billing"] = replace(server.store.clients["billing"], enabled=False)
    end(server, token)
    assert server.store.revoked


def test_without_a_token_it_is_an_invalid_request(server):
    with pytest.raises(InvalidRequestError):
        revoke(make_request(**AS_BILLING), server=server, now=NOON)
    with pytest.raises(RefusedClientError):
        revoke(make_request(client_id="x", client_secret="y"), server=server, now=NOON)


def test_an_assertion_counts_once_here_as_well(server):
    """PROTOCOL 19: noted last of all, so a request without token uses none up."""
    client = make_client(
        "robot",
        token_endpoint_auth_method="private_key_jwt",
        jwks=parse_jwk_set(jwk_set(KEY)),
    )
    server.store.put(client)
    sent = {"assertion": make_assertion(KEY, "robot", ISSUER, now=NOON)}
    with pytest.raises(InvalidRequestError):
        revoke(make_request(**sent), server=server, now=NOON)
    assert end(server, "x", sent) == "robot"
    with pytest.raises(RefusedClientError, match="authentication failed"):
        end(server, "x", sent)


# --- A store that fails


@FORMS
def test_a_store_that_fails_is_no_success(server, token_format: str):
    """SECURITY C8: never 200, for then nobody knows."""

    def fail(jti: str, *, until: datetime) -> None:
        raise StoreUnavailableError("read-only")

    token = issue(server, token_format)
    server.store.revoke_token = fail
    with pytest.raises(StoreUnavailableError):
        end(server, token)
    assert is_active(server, token)


def test_a_store_that_is_away_is_no_refusal(server):
    token = issue(server)
    server.store.is_away = True
    with pytest.raises(StoreUnavailableError):
        end(server, token)
