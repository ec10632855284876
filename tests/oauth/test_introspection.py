"""Introspection (RFC 7662) and its signed answer (RFC 9701): who may ask, and what they hear."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding
from hypothesis import given
from hypothesis import strategies as st

from signet.oauth.access_token import (
    access_token_claims,
    generate_reference_token,
    kept_reference_token,
    sign_access_token,
)
from signet.oauth.client import Audience, Client, TrustedIssuer
from signet.oauth.errors import RefusedClientError
from signet.oauth.introspection import introspect, sign_introspection, verification_keys
from signet.oauth.mutual_tls import ClientCertificate
from signet.oauth.public_keys import import_public_key, parse_jwk_set
from signet.oauth.resource_server import ResourceServer
from signet.oauth.scope import GrantedScope
from signet.oauth.store import StoreUnavailableError
from tests.certificates import issue
from tests.oauth.memory_store import (
    NOON,
    MemoryServer,
    MemoryStore,
    make_client,
    make_secret,
    make_signing_key,
)
from tests.oauth.requests import make_request
from tests.oauth.signing import (
    Key,
    SharedSecret,
    Unsigned,
    encode,
    jwk_set,
    make_assertion,
    make_key,
    make_workload_token,
    public_jwk,
    public_pem,
    sign,
    split,
)
from tests.work import processor_seconds

ISSUER = "https://signet.example"
ORDERS_ID, STOCK_ID = "https://orders.example", "stock"
NOW = int(NOON.timestamp())
HOUR = timedelta(hours=1)
INACTIVE = {"active": False}


def make_api(identifier: str, *scopes: str, **fields: Any) -> ResourceServer:
    secret = make_secret("api-secret", client_id=identifier)
    return ResourceServer(
        identifier=identifier, secrets=(secret,), scopes=frozenset(scopes), **fields
    )


ORDERS = make_api(ORDERS_ID, "orders.read", "orders.write")
STOCK = make_api(STOCK_ID, "stock.read", "orders.write")
BILLING, SHOP = make_client("billing", "secret"), make_client("shop", "secret")

AS_ORDERS = {"client_id": ORDERS_ID, "client_secret": "api-secret"}
AS_STOCK = {"client_id": STOCK_ID, "client_secret": "api-secret"}
AS_BILLING = {"client_id": "billing", "client_secret": "secret"}
AS_SHOP = {"client_id": "shop", "client_secret": "secret"}
EVERYBODY = [AS_ORDERS, AS_STOCK, AS_BILLING, AS_SHOP]


@pytest.fixture
def server() -> MemoryServer:
    keys = (make_signing_key("RS256"), make_signing_key("ES256"))
    return MemoryServer(store=MemoryStore(BILLING, SHOP, apis=[ORDERS, STOCK], keys=keys))


def claims_for(
    names: str = "orders.read", *identifiers: str, client: Client = BILLING, **options: Any
) -> dict[str, Any]:
    audiences = map(Audience, identifiers or (ORDERS_ID,))
    granted = GrantedScope(tuple(names.split()), tuple(audiences))
    said = {"issuer": ISSUER, "now": NOON, "confirmation": {}} | options
    return access_token_claims(client, granted, **said)


def as_jwt(claims: Mapping[str, Any], server: MemoryServer, alg: str = "RS256") -> str:
    return sign_access_token(claims, make_signing_key(alg))


def as_reference(claims: Mapping[str, Any], server: MemoryServer, alg: str = "") -> str:
    token = generate_reference_token()
    server.store.save_reference_token(kept_reference_token(token, claims))
    return token


FORMS = pytest.mark.parametrize("make_token", [as_jwt, as_reference])


def ask(
    server: MemoryServer, token: str, caller: dict[str, Any], *, now: datetime = NOON, **more: Any
) -> dict[str, Any]:
    """The answer, as it would be written."""
    request = make_request(token=token, **caller, **more)
    answer = introspect(request, server=server, now=now).answer
    return json.loads(json.dumps(answer))


# --- What an API and a client hear


@FORMS
def test_an_api_hears_all_that_the_token_says(server, make_token):
    """PROTOCOL 17."""
    claims = claims_for(client=replace(BILLING, claims={"tenant": 7, "regions": ["eu"]}))
    assert ask(server, make_token(claims, server), AS_ORDERS) == {
        "active": True,
        "iss": ISSUER,
        "sub": "billing",
        "aud": ORDERS_ID,
        "client_id": "billing",
        "scope": "orders.read",
        "iat": NOW,
        "exp": NOW + 3_600,
        "jti": claims["jti"],
        "tenant": 7,
        "regions": ["eu"],
        "token_type": "Bearer",
    }


@FORMS
def test_a_client_hears_of_its_own_tokens(server, make_token):
    """PROTOCOL 15."""
    token = make_token(claims_for("orders.read orders.write"), server)
    answer = ask(server, token, AS_BILLING)
    assert (answer["active"], answer["scope"]) == (True, "orders.read orders.write")


@FORMS
@pytest.mark.parametrize("scope_claim", ["string", "array"])
def test_an_api_hears_only_of_its_own_scopes_as_one_string(server, make_token, scope_claim: str):
    """PROTOCOL 17, RFC 7662 §2.2; however the claim is written in the token."""
    names = "orders.read orders.write stock.read"
    claims = claims_for(names, ORDERS_ID, STOCK_ID, scope_claim=scope_claim)
    token = make_token(claims, server)
    assert ask(server, token, AS_ORDERS)["scope"] == "orders.read orders.write"
    assert ask(server, token, AS_STOCK)["scope"] == "orders.write stock.read"
    assert ask(server, token, AS_BILLING)["scope"] == names


@FORMS
@pytest.mark.parametrize(
    ("confirmation", "token_type"),
    [({}, "Bearer"), ({"x5t#S256": "a"}, "Bearer"), ({"jkt": "a"}, "DPoP")],
)
def test_the_token_type_and_what_it_is_bound_to_are_told(
    server, make_token, confirmation: dict[str, str], token_type: str
):
    """SECURITY C19: an API that asks must hear of ``cnf``."""
    answer = ask(server, make_token(claims_for(confirmation=confirmation), server), AS_ORDERS)
    assert answer["token_type"] == token_type
    assert answer.get("cnf", {}) == confirmation


@pytest.mark.parametrize("alg", ["RS256", "ES256"])
def test_tokens_of_any_published_key_count(server, alg: str):
    assert ask(server, as_jwt(claims_for(), server, alg), AS_ORDERS)["active"]


@FORMS
@pytest.mark.parametrize("hint", ["access_token", "refresh_token", "nonsense", "\0"])
def test_a_hint_is_a_hint(server, make_token, hint: str):
    """PROTOCOL 16."""
    token = make_token(claims_for(), server)
    assert ask(server, token, AS_ORDERS, token_type_hint=hint)["active"]


# --- Who may not hear (SECURITY C10)


def other_callers() -> dict[str, tuple[Client | ResourceServer, dict[str, Any]]]:
    """Everybody who is not meant, by every way to prove who they are."""
    key = make_key()
    public = parse_jwk_set(jwk_set(key))
    certificate = issue("CN=shop")
    trust = TrustedIssuer(issuer="https://p.example", subject="s", audience=ISSUER, jwks=public)
    vouched = make_workload_token(key, "https://p.example", "s", ISSUER, now=NOON)
    with_key = {"token_endpoint_auth_method": "private_key_jwt", "jwks": public}
    self_signed = {
        "token_endpoint_auth_method": "self_signed_tls_client_auth",
        "jwks": (import_public_key(certificate.jwk),),
    }
    federated = {"token_endpoint_auth_method": "federated_jwt", "trusted_issuers": (trust,)}
    return {
        "an API in the body": (STOCK, AS_STOCK),
        "an API by Basic": (STOCK, {"basic": "stock:api-secret"}),
        "a client in the body": (SHOP, AS_SHOP),
        "a client by Basic": (SHOP, {"basic": "shop:secret"}),
        "a client by assertion": (
            make_client("shop", **with_key),
            {"assertion": make_assertion(key, "shop", ISSUER, now=NOON)},
        ),
        "a client by certificate": (
            make_client("shop", **self_signed),
            {"client_id": "shop", "certificate": ClientCertificate(certificate.der)},
        ),
        "a workload": (
            make_client("shop", **federated),
            {"client_id": "shop", "assertion": vouched},
        ),
    }


OTHER_CALLERS = other_callers()


def with_caller(caller: Client | ResourceServer) -> MemoryServer:
    store = MemoryStore(BILLING, apis=[ORDERS])
    if isinstance(caller, Client):
        store.put(caller)
    else:
        store.apis[caller.identifier] = caller
    return MemoryServer(store=store, takes_certificates=True)


@FORMS
@pytest.mark.parametrize("name", OTHER_CALLERS)
@pytest.mark.parametrize("is_signed", [False, True])
def test_a_token_is_not_active_to_whoever_it_is_not_for(make_token, name: str, is_signed: bool):
    """SECURITY C10: each form of the token and of the answer, each way to be a caller."""
    caller, sent = OTHER_CALLERS[name]
    server = with_caller(caller)
    token = make_token(claims_for(), server)
    introspection = introspect(make_request(token=token, **sent), server=server, now=NOON)
    answer = introspection.answer
    if is_signed:
        signed = sign_introspection(introspection, server=server, now=NOON)
        answer = split(signed)[1]["token_introspection"]
    assert answer == INACTIVE


@FORMS
@pytest.mark.parametrize("name", OTHER_CALLERS)
def test_the_same_callers_hear_of_a_token_that_is_theirs(make_token, name: str):
    caller, sent = OTHER_CALLERS[name]
    server = with_caller(caller)
    client = caller if isinstance(caller, Client) else BILLING
    token = make_token(claims_for("stock.read", STOCK_ID, client=client), server)
    answer = introspect(make_request(token=token, **sent), server=server, now=NOON).answer
    assert answer["active"]


@FORMS
@pytest.mark.parametrize(
    "identifier",
    ["orders", "https://orders.example/", "https://orders.exampl", "HTTPS://ORDERS.EXAMPLE"],
)
def test_an_api_of_nearly_that_name_is_another(server, make_token, identifier: str):
    """SECURITY C6."""
    server.store.apis[identifier] = make_api(identifier, "orders.read")
    token = make_token(claims_for(), server)
    caller = {"client_id": identifier, "client_secret": "api-secret"}
    assert ask(server, token, caller) == INACTIVE


def test_a_name_within_a_name_is_no_audience(server):
    """Names are compared whole, were there ever one with a space in it."""
    token = as_jwt(claims_for("orders.read", f"{STOCK_ID} {ORDERS_ID}"), server)
    assert ask(server, token, AS_STOCK) == INACTIVE


# --- Bad callers


@pytest.mark.parametrize(
    "caller",
    [
        {},
        {"client_id": "billing"},
        {"client_id": "nobody", "client_secret": "secret"},
        {"client_id": "billing", "client_secret": "wrong"},
        {"client_id": ORDERS_ID, "client_secret": "wrong"},
        {"client_id": ORDERS_ID, "client_secret": "secret"},
        {"basic": "billing:wrong"},
        {"basic": f"{STOCK_ID}:wrong"},
        {"basic": "nothing"},
        {"assertion": "junk"},
    ],
)
def test_a_bad_caller_is_always_challenged(server, caller: dict[str, Any]):
    """PROTOCOL 15, RFC 7662 §2.3: 401, also for credentials in the body."""
    with pytest.raises(RefusedClientError) as caught:
        ask(server, as_jwt(claims_for(), server), caller)
    status, body, headers = caught.value()
    assert (status, body["error"]) == (401, "invalid_client")
    assert dict(headers)["WWW-Authenticate"] == 'Basic realm="signet"'


def test_a_disabled_client_is_a_bad_caller(server):
    """SECURITY C12."""
    server.store.change("billing", enabled=False)
    with pytest.raises(RefusedClientError):
        ask(server, as_jwt(claims_for(), server), AS_BILLING)


def test_a_caller_that_a_snapshot_refuses_is_asked_of_the_database(server):
    server.store.snapshots["billing"] = make_client("billing", "old secret")
    request = make_request(token=as_reference(claims_for(), server), **AS_BILLING)
    introspect(request, server=server, now=NOON)
    assert server.store.fresh_questions == 1


def test_without_a_token_it_is_an_invalid_request(server):
    """PROTOCOL 15; only to a caller that has proven who it is."""
    with pytest.raises(InvalidRequestError):
        introspect(make_request(**AS_ORDERS), server=server, now=NOON)
    with pytest.raises(RefusedClientError):
        introspect(make_request(client_id="x", client_secret="y"), server=server, now=NOON)


def test_an_assertion_counts_once_here_as_well():
    """PROTOCOL 19: noted last of all, so a request without token uses none up."""
    caller, sent = OTHER_CALLERS["a client by assertion"]
    server = with_caller(caller)
    with pytest.raises(InvalidRequestError):
        introspect(make_request(**sent), server=server, now=NOON)
    ask(server, "token", sent)
    with pytest.raises(RefusedClientError) as caught:
        ask(server, "token", sent)
    assert (caught.value.reason, caught.value.status_code) == ("assertion: used before", 401)


# --- What is not active (PROTOCOL 16)


@FORMS
def test_a_token_ends_at_its_end(server, make_token):
    token = make_token(claims_for(), server)
    assert ask(server, token, AS_ORDERS, now=NOON + HOUR - timedelta(seconds=1))["active"]
    assert ask(server, token, AS_ORDERS, now=NOON + HOUR) == INACTIVE


@FORMS
@pytest.mark.parametrize("caller", [AS_ORDERS, AS_BILLING])
def test_a_revoked_token_is_not_active(server, make_token, caller):
    claims = claims_for()
    token = make_token(claims, server)
    server.store.revoke_token(claims["jti"], until=NOON + HOUR)
    assert ask(server, token, caller) == INACTIVE


@FORMS
@pytest.mark.parametrize("change", [{"enabled": False}, None], ids=["disabled", "deleted"])
def test_a_token_of_a_client_that_is_no_more_is_not_active(server, make_token, change):
    """SECURITY C12."""
    token = make_token(claims_for(), server)
    if change is None:
        del server.store.clients["billing"]
    else:
        server.store.change("billing", **change)
    assert ask(server, token, AS_ORDERS) == INACTIVE


@FORMS
def test_a_token_of_a_client_that_was_deleted_is_none_of_its_namesake(server, make_token):
    """An id may be given again, and then to somebody else."""
    token = make_token(claims_for(), server)
    server.store.change("billing", created_at=NOON - HOUR)
    assert ask(server, token, AS_ORDERS)["active"]
    server.store.change("billing", created_at=NOON + timedelta(minutes=1))
    assert ask(server, token, AS_ORDERS) == INACTIVE
    assert ask(server, token, AS_BILLING) == INACTIVE


@FORMS
@pytest.mark.parametrize("snapshot", [None, replace(BILLING, enabled=False)])
def test_that_a_client_is_no_more_is_asked_of_the_database(server, make_token, snapshot):
    """It may have been enabled since."""
    server.store.snapshots["billing"] = snapshot
    assert ask(server, make_token(claims_for(), server), AS_ORDERS)["active"]


def reason(server: MemoryServer, token: str, caller: dict[str, Any]) -> str | None:
    """Why the token is not active, as the log is told."""
    return introspect(make_request(token=token, **caller), server=server, now=NOON).reason


@FORMS
def test_the_log_is_told_why_a_token_is_not_active(server, make_token):
    claims = claims_for()
    token = make_token(claims, server)
    assert reason(server, token, AS_ORDERS) is None
    assert reason(server, token, AS_STOCK) == "token: for another API"
    assert reason(server, token, AS_SHOP) == "token: of another client"
    expired = make_token(claims_for(now=NOON - HOUR), server)
    assert reason(server, expired, AS_ORDERS) == "token: expired"
    server.store.change("billing", enabled=False)
    assert reason(server, token, AS_ORDERS) == "token: its client is disabled or deleted"
    server.store.revoke_token(claims["jti"], until=NOON + HOUR)
    assert reason(server, token, AS_ORDERS) == "token: revoked"


def test_the_log_is_told_what_is_wrong_with_what_is_no_token_and_not_what_it_is(server):
    assert reason(server, "garbage", AS_ORDERS) == "token: not a signed JWT"
    assert reason(server, generate_reference_token(), AS_ORDERS) == "token: an unknown reference"


def test_a_token_that_counts_asks_for_no_fresh_client(server):
    ask(server, as_jwt(claims_for(), server), AS_ORDERS)
    assert server.store.fresh_questions == 0


def test_a_token_of_a_key_that_was_revoked_or_removed_is_not_active(server):
    token = as_jwt(claims_for(), server)
    key = make_signing_key("RS256")
    for changes in (
        {"revoked_at": NOON},
        {"retired_at": NOON - HOUR, "removed_at": NOON},
    ):
        server.store.keys = (replace(key, **changes), make_signing_key("ES256"))
        assert ask(server, token, AS_ORDERS) == INACTIVE


def our_key() -> Key:
    return Key("ES256", make_signing_key("ES256").private_key.private_key)


def forged(signer: Any = None, *, header: Mapping[str, Any] | None = None, **changes: Any) -> str:
    """A token as ours, in a hand that is not ours, but for the changes."""
    claims = claims_for()
    signer = signer or our_key()
    head = {"alg": signer.alg, "kid": make_signing_key("ES256").kid, "typ": "at+jwt"}
    return sign(signer, head | dict(header or {}), claims | changes)


PUBLIC = make_signing_key("ES256").public_jwk
HOSTILE = {
    "empty": " ",
    "garbage": "garbage",
    "dots": "." * 60_000,
    "60 KB": "A" * 60_000,
    "60 KB in three parts": ".".join(["A" * 20_000] * 3),
    "deep JSON in the header": f"{encode(b'[' * 40_000)}.e30.AA",
    "deep JSON in the claims": sign(our_key(), {"alg": "ES256"}, b'{"a":' + b"[" * 40_000),
    "many claims": forged(other={str(number): number for number in range(3_000)}, iss="x"),
    "unsigned": forged(Unsigned()),
    "unsigned, in another case": forged(Unsigned("nOnE")),
    "an empty signature": forged(Unsigned("ES256")),
    "our public key as a secret": forged(SharedSecret(public_pem(our_key()))),
    "our JWK as a secret": forged(SharedSecret(json.dumps(PUBLIC).encode())),
    "another key": forged(make_key()),
    "another key in the header": forged((key := make_key()), header={"jwk": public_jwk(key)}),
    "crit": forged(header={"crit": ["x"]}),
    "crit of another form": forged(header={"crit": "x"}),
    "encryption": "eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIn0.AA.AA.AA.AA",
    "enc": forged(header={"enc": "A256GCM"}),
    "no typ": forged(header={"typ": "JWT"}),
    "an answer of introspection": forged(header={"typ": "token-introspection+jwt"}),
    "a proof": forged(header={"typ": "dpop+jwt"}),
    "kid of a list": forged(header={"kid": ["x"]}),
    "another issuer": forged(iss="https://other.example"),
    "a list of issuers": forged(iss=[ISSUER]),
    "a long number": forged(exp=10**400),
    "a text for exp": forged(exp="9999999999"),
    "true for exp": forged(exp=True),
    "from the future": forged(iat=NOW + 60),
    "no reference": "signet_at_",
    "an unknown reference": generate_reference_token(),
    "a long reference": "signet_at_" + "A" * 60_000,
    "a digest": "v1:" + "0" * 64,
    "a secret": "signet_" + "A" * 49,
    "NUL": "a\0b",
    "not ASCII": "é" * 100,
}


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize("caller", [AS_ORDERS, AS_BILLING], ids=["an API", "a client"])
def test_whatever_else_comes_is_not_active_and_nothing_else(server, name: str, caller):
    """PROTOCOL 16, SECURITY C1, C2, C3, C4: never a 5xx, and fast."""
    assert ask(server, HOSTILE[name], caller) == INACTIVE
    assert processor_seconds(lambda: ask(server, HOSTILE[name], caller)) < 0.1


def test_the_rig_forges_what_would_count_but_for_the_change(server):
    assert ask(server, forged(), AS_ORDERS)["active"]


def test_a_stored_digest_is_not_the_token(server):
    """SECURITY C15."""
    as_reference(claims_for(), server)
    (digest,) = server.store.reference_tokens
    for token in (digest, f"signet_at_{digest}", digest.removeprefix("v1:")):
        assert ask(server, token, AS_ORDERS) == INACTIVE


@given(st.text(min_size=1) | st.text().map("signet_at_".__add__))
def test_no_token_is_a_crash(token: str):
    server = MemoryServer(store=MemoryStore(BILLING, apis=[ORDERS]))
    assert ask(server, token, AS_ORDERS) == INACTIVE


def test_a_store_that_fails_is_no_answer(server):
    server.store.is_away = True
    with pytest.raises(StoreUnavailableError):
        ask(server, "token", AS_ORDERS)


# --- The signed answer (RFC 9701)


def signed_answer(server: MemoryServer, token: str, caller: dict[str, Any]) -> tuple[dict, dict]:
    request = make_request(token=token, **caller)
    introspection = introspect(request, server=server, now=NOON)
    header, claims, _ = split(sign_introspection(introspection, server=server, now=NOON))
    return header, claims


@pytest.mark.parametrize(("caller", "caller_id"), [(AS_ORDERS, ORDERS_ID), (AS_BILLING, "billing")])
def test_a_signed_answer_is_for_the_caller_and_no_access_token(server, caller, caller_id: str):
    """PROTOCOL 17, RFC 9701 §5: never ``sub`` or ``exp`` outside."""
    token = as_jwt(claims_for(), server)
    header, claims = signed_answer(server, token, caller)
    assert header["typ"] == "token-introspection+jwt"
    assert claims == {
        "iss": ISSUER,
        "aud": caller_id,
        "iat": NOW,
        "token_introspection": ask(server, token, caller),
    }
    assert claims["token_introspection"]["active"]


def test_that_a_token_is_not_active_is_signed_too(server):
    _, claims = signed_answer(server, "garbage", AS_ORDERS)
    assert list(claims) == ["iss", "aud", "iat", "token_introspection"]
    assert claims["token_introspection"] == INACTIVE


def test_it_is_signed_with_the_algorithm_of_the_callers_api(server):
    """PROTOCOL 17: the default for an API without, and for a client."""
    server.store.apis[STOCK_ID] = replace(STOCK, signing_alg="ES256")
    algs = {
        caller["client_id"]: signed_answer(server, "x", caller)[0]["alg"] for caller in EVERYBODY
    }
    assert algs == {ORDERS_ID: "RS256", STOCK_ID: "ES256", "billing": "RS256", "shop": "RS256"}


def test_the_published_key_checks_it(server):
    """By a hand that is not ours."""
    introspection = introspect(make_request(token="x", **AS_ORDERS), server=server, now=NOON)
    text = sign_introspection(introspection, server=server, now=NOON)
    header, _, signature = split(text)
    (key,) = (key for key in verification_keys(server.store.keys) if key.kid == header["kid"])
    signed = text.rpartition(".")[0].encode()
    key.key.public_key.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())


def test_a_signed_answer_is_not_a_token_that_counts(server):
    introspection = introspect(make_request(token="x", **AS_ORDERS), server=server, now=NOON)
    text = sign_introspection(introspection, server=server, now=NOON)
    assert ask(server, text, AS_ORDERS) == INACTIVE
