"""The token request, run without a web server: steps, keys, forms of the token, notes of use."""

from datetime import timedelta

import pytest
from authlib.oauth2 import OAuth2Error
from authlib.oauth2.rfc6749 import InvalidRequestError, InvalidScopeError, UnauthorizedClientError

from signet.oauth.client import Audience, Client, ClientScope
from signet.oauth.dpop import InvalidDPoPProofError, Nonces, UseDPoPNonceError
from signet.oauth.errors import InvalidTargetError, RefusedClientError
from signet.oauth.public_keys import import_public_key
from signet.oauth.store import StoreUnavailableError
from signet.oauth.token import GRANTS, ClientCredentialsGrant
from tests.oauth.memory_store import (
    NOON,
    MemoryServer,
    MemoryStore,
    make_client,
    make_scope,
    make_signing_key,
)
from tests.oauth.requests import answer_token_request, make_request
from tests.oauth.signing import make_assertion, make_key, make_proof, public_jwk, split

ISSUER = "https://signet.example"
TOKEN_URL = "https://signet.example/connect/token"
KEY, PROOF_KEY = make_key(), make_key()


def run(store: MemoryStore, **parameters: object) -> dict:
    """The answer to billing with its secret."""
    return ask(MemoryServer(store=store), basic="billing:secret", **parameters)


def ask(server: MemoryServer, **parameters: object) -> dict:
    answer, headers = answer_token_request(server, make_request(**parameters))
    assert headers["Cache-Control"] == "no-store"
    return answer


def make_scope_of(name: str, *algs: str | None) -> ClientScope:
    """A scope of one API for each algorithm, named after it."""
    return ClientScope(name=name, audiences=tuple(Audience(f"api-{alg}", alg) for alg in algs))


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


# --- The algorithm of the APIs (RFC 8725 §3.1)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_a_token_is_signed_with_the_algorithm_of_its_api(alg: str):
    keys = tuple(map(make_signing_key, ("RS256", "PS256", "ES256", "EdDSA")))
    client = make_client("billing", "secret", scopes=(make_scope_of("a", alg),))
    header, _, _ = split(run(MemoryStore(client, keys=keys))["access_token"])
    assert header == {"alg": alg, "kid": make_signing_key(alg).kid, "typ": "at+jwt"}


@pytest.mark.parametrize("algs", [("ES256", "ES256"), (None, None), (None, "RS256")])
def test_apis_that_agree_share_a_token(algs: tuple[str | None, ...]):
    keys = (make_signing_key("RS256"), make_signing_key("ES256"))
    audiences = tuple(Audience(f"api-{number}", alg) for number, alg in enumerate(algs))
    scope = ClientScope(name="a", audiences=audiences)
    store = MemoryStore(make_client("billing", "secret", scopes=(scope,)), keys=keys)
    header, claims, _ = split(run(store)["access_token"])
    assert header["alg"] == (algs[1] or "RS256")
    assert claims["aud"] == ["api-0", "api-1"]


DISAGREEING = make_client(
    "billing", "secret", scopes=(make_scope_of("a", "ES256"), make_scope_of("b", None))
)
TWO_KEYS = (make_signing_key("RS256"), make_signing_key("ES256"))


@pytest.mark.parametrize("scope", [None, "a b"])
def test_apis_that_disagree_are_an_invalid_target_that_says_what_to_do(scope: str | None):
    """PROTOCOL 14."""
    parameters = {} if scope is None else {"scope": scope}
    with pytest.raises(InvalidTargetError) as caught:
        run(MemoryStore(DISAGREEING, keys=TWO_KEYS), **parameters)
    assert caught.value.error == "invalid_target"
    assert "ask for the scopes of one API" in caught.value.get_error_description()


@pytest.mark.parametrize(("scope", "alg"), [("a", "ES256"), ("b", "RS256")])
def test_scopes_of_one_api_are_what_helps(scope: str, alg: str):
    token = run(MemoryStore(DISAGREEING, keys=TWO_KEYS), scope=scope)["access_token"]
    assert split(token)[0]["alg"] == alg


def test_that_apis_disagree_is_asked_of_the_database_before_it_is_refused():
    store = MemoryStore(make_client("billing", "secret", scopes=(make_scope("a"),)), keys=TWO_KEYS)
    store.snapshots["billing"] = DISAGREEING
    assert run(store)["scope"] == "a"


def test_without_a_key_of_the_apis_algorithm_the_server_is_unavailable():
    client = make_client("billing", "secret", scopes=(make_scope_of("a", "ES256"),))
    with pytest.raises(StoreUnavailableError):
        run(MemoryStore(client))


# --- Resources (RFC 8707)


def test_a_resource_narrows_the_token_to_one_api():
    scopes = (make_scope("a", "https://a.example"), make_scope("b", "https://b.example"))
    store = MemoryStore(make_client("billing", "secret", scopes=scopes))
    answer = run(store, resource="https://a.example")
    assert answer["scope"] == "a"
    assert split(answer["access_token"])[1]["aud"] == "https://a.example"


def test_each_of_several_resources_counts():
    scopes = tuple(make_scope(name, f"https://{name}.example") for name in "abc")
    store = MemoryStore(make_client("billing", "secret", scopes=scopes))
    answer = run(store, resource=["https://c.example", "https://a.example"])
    assert answer["scope"] == "a c"
    assert split(answer["access_token"])[1]["aud"] == ["https://a.example", "https://c.example"]


def test_a_wrong_client_hears_nothing_of_resources_and_scopes():
    """PROTOCOL 1, order of checks."""
    store = MemoryStore(make_client("billing", "other"))
    with pytest.raises(RefusedClientError):
        run(store, resource="https://nobody.example", scope='"')


def test_a_wrong_resource_is_told_before_a_wrong_scope():
    """PROTOCOL 1, order of checks."""
    with pytest.raises(InvalidTargetError):
        run(MemoryStore(make_client("billing", "secret")), resource="x", scope='"')


# --- Reference tokens


def test_a_reference_token_says_nothing_and_is_kept_as_a_digest():
    """PROTOCOL 2: 256 random bits, stored as a digest."""
    store = MemoryStore(make_client("billing", "secret", token_format="reference"))
    answer = run(store)
    token = answer["access_token"]
    (kept,) = store.reference_tokens.values()
    assert token.startswith("signet_at_")
    assert len(token) == len("signet_at_") + 43
    assert token not in repr(kept)
    assert list(answer) == ["access_token", "expires_in", "token_type", "scope"]


def test_a_reference_token_stands_for_the_claims_of_a_jwt():
    fields = {"token_format": "reference", "claims": {"tenant": 7}}
    lifetime = timedelta(seconds=90)
    store = MemoryStore(make_client("billing", "secret", access_token_lifetime=lifetime, **fields))
    answer = run(store)
    (kept,) = store.reference_tokens.values()
    assert kept.claims["client_id"] == "billing"
    assert kept.expires_at == NOON + lifetime
    assert kept.claims | {"jti": ""} == {
        "iss": ISSUER,
        "sub": "billing",
        "aud": "external-api",
        "client_id": "billing",
        "scope": "external-api",
        "iat": int(NOON.timestamp()),
        "exp": int(NOON.timestamp()) + 90,
        "jti": "",
        "tenant": 7,
    }
    assert answer["expires_in"] == 90


def test_each_reference_token_is_another():
    store = MemoryStore(make_client("billing", "secret", token_format="reference"))
    assert len({run(store)["access_token"] for _ in range(50)}) == 50
    assert len(store.reference_tokens) == 50


# --- Notes of assertion and proof: last of all, both at once


def make_key_client(**fields: object) -> Client:
    return make_client(
        "billing",
        token_endpoint_auth_method="private_key_jwt",
        secrets=(),
        jwks=(import_public_key(public_jwk(KEY)),),
        **fields,
    )


def make_proofs_client(**fields: object) -> Client:
    return make_key_client(dpop_bound_access_tokens=True, **fields)


def assertion(**changes: object) -> str:
    return make_assertion(KEY, "billing", ISSUER, now=NOON, **changes)


def proof(**changes: object) -> str:
    return make_proof(PROOF_KEY, "POST", TOKEN_URL, now=NOON, **changes)


def test_a_success_notes_assertion_and_proof_together():
    store = MemoryStore(make_proofs_client())
    ask(MemoryServer(store=store), assertion=assertion(jti="one"), dpop=proof(jti="two"))
    assert store.notes == {("assertion", "billing", "one"), ("proof", PROOF_KEY.kid, "two")}


def test_a_token_for_a_secret_notes_nothing():
    """DESIGN: the token path of a client with a secret never writes."""
    store = MemoryStore(make_client("billing", "secret"))
    run(store)
    assert not store.notes


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"scope": "nothing"}, InvalidScopeError),
        ({"resource": "https://nobody.example"}, InvalidTargetError),
        ({"dpop": None}, InvalidDPoPProofError),
        ({"dpop": proof(htm="GET")}, InvalidDPoPProofError),
        ({"dpop": "x" * 8_193}, InvalidRequestError),
    ],
)
def test_a_request_that_is_refused_uses_up_nothing(changes: dict, error: type[OAuth2Error]):
    """SECURITY C7, PROTOCOL 1: the order of checks."""
    store = MemoryStore(make_proofs_client())
    server, sent = MemoryServer(store=store), {"assertion": assertion(), "dpop": proof()}
    with pytest.raises(error):
        ask(server, **(sent | changes))
    assert ask(server, **sent)["token_type"] == "DPoP"


def test_a_client_that_may_not_use_the_grant_uses_up_nothing():
    store = MemoryStore(make_key_client(grant_types=frozenset()))
    with pytest.raises(UnauthorizedClientError):
        ask(MemoryServer(store=store), assertion=assertion())
    assert not store.notes


def test_a_request_without_the_nonce_uses_up_nothing():
    """RFC 9449 §8: the client repeats the request."""
    store = MemoryStore(make_proofs_client())
    server, sent = MemoryServer(store=store, nonces=Nonces(b"key")), assertion()
    with pytest.raises(UseDPoPNonceError) as caught:
        ask(server, assertion=sent, dpop=proof())
    ask(server, assertion=sent, dpop=proof(nonce=caught.value.nonce))


def test_an_assertion_with_another_audience_does_not_burn_its_id():
    """SECURITY C7: a stranger's server cannot use up what was made for it."""
    server = MemoryServer(store=MemoryStore(make_key_client()))
    with pytest.raises(RefusedClientError):
        ask(server, assertion=assertion(jti="once", aud="https://other.example"))
    ask(server, assertion=assertion(jti="once"))


def test_a_used_assertion_is_refused_and_leaves_the_proof_unused():
    server = MemoryServer(store=MemoryStore(make_proofs_client()))
    used, fresh = assertion(), proof()
    ask(server, assertion=used, dpop=proof())
    with pytest.raises(RefusedClientError) as caught:
        ask(server, assertion=used, dpop=fresh)
    assert (caught.value.reason, caught.value.client_id) == ("assertion: used before", "billing")
    ask(server, assertion=assertion(), dpop=fresh)


def test_a_used_proof_is_refused_and_leaves_the_assertion_unused():
    server = MemoryServer(store=MemoryStore(make_proofs_client()))
    used, fresh = proof(), assertion()
    ask(server, assertion=assertion(), dpop=used)
    with pytest.raises(InvalidDPoPProofError) as caught:
        ask(server, assertion=fresh, dpop=used)
    assert caught.value.reason == "DPoP proof: used before"
    ask(server, assertion=fresh, dpop=proof())


def test_the_ids_of_assertions_and_proofs_are_not_one_space():
    server = MemoryServer(store=MemoryStore(make_proofs_client()))
    ask(server, assertion=assertion(jti="one"), dpop=proof(jti="one"))


def test_a_store_that_cannot_note_is_no_success_and_no_refusal():
    """SECURITY C8."""

    class ForgetfulStore(MemoryStore):
        def remember(self, notes):
            raise StoreUnavailableError("read-only")

    with pytest.raises(StoreUnavailableError):
        ask(MemoryServer(store=ForgetfulStore(make_key_client())), assertion=assertion())
