"""fapi2-security-profile-final-dpop-negative-tests: each check of RFC 9449 §4.3 by itself.

The suite tries them at the API. What makes sense at the token endpoint is tried there as well.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.conformance.fapi2.checks import assert_refused, assert_token
from tests.conformance.fapi2.plan import ORDERS, Plan
from tests.oauth.signing import (
    Key,
    SharedSecret,
    Signer,
    Unsigned,
    make_key,
    make_proof,
    private_jwk,
    public_jwk,
    public_pem,
    sign,
)
from tests.views.wire import Answer

KEY, OTHER_KEY, RSA_KEY = make_key("ES256"), make_key("ES256"), make_key("PS256")


@dataclass(frozen=True)
class Place:
    """Where a proof is sent."""

    method: str
    url: str
    access_token: str | None = None

    def prove(self, key: Signer = KEY, **changes: Any) -> str:
        """A good proof, but for the changes."""
        return make_proof(key, self.method, self.url, self.access_token, **changes)

    def prove_as_key(self, signer: Signer, **changes: Any) -> str:
        """One that says it is of KEY, whoever has signed it."""
        return self.prove(signer, header={"jwk": public_jwk(KEY)}, **changes)


def with_bad_signature(place: Place) -> str:
    head, _, signature = place.prove().rpartition(".")
    return f"{head}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def in_capitals(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme.upper()}://{parts.netloc.upper()}{parts.path}"


def at_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.hostname}:{port}{parts.path}"


def in_seconds(seconds: int) -> int:
    return int(time.time()) + seconds


#: Proofs that nobody takes; the numbers are those of RFC 9449 §4.3.
BAD: dict[str, Callable[[Place], str]] = {
    "2: no JWT": lambda place: "no-jwt",
    "2: a JWT of two parts": lambda place: place.prove().rpartition(".")[0],
    "2: a header that is no JSON": lambda place: sign(KEY, b"{", {}),
    "3: no typ": lambda place: place.prove(header={"typ": None}),
    "3: no alg": lambda place: place.prove(header={"alg": None}),
    "3: no jwk": lambda place: place.prove(header={"jwk": None}),
    "3: no jti": lambda place: place.prove(jti=None),
    "3: no htm": lambda place: place.prove(htm=None),
    "3: no htu": lambda place: place.prove(htu=None),
    "3: no iat": lambda place: place.prove(iat=None),
    "4: another typ": lambda place: place.prove(header={"typ": "dpop+jwt+another"}),
    "4: the typ of any JWT": lambda place: place.prove(header={"typ": "JWT"}),
    "5: none": lambda place: place.prove_as_key(Unsigned()),
    "5: HS256 with the public key": lambda place: place.prove_as_key(SharedSecret(public_pem(KEY))),
    "6: a bad signature": with_bad_signature,
    "6: no signature": lambda place: place.prove_as_key(Unsigned("ES256")),
    "6: a signature of another key": lambda place: place.prove_as_key(OTHER_KEY),
    "7: a private jwk": lambda place: place.prove(header={"jwk": private_jwk(KEY)}),
    "8: another htm": lambda place: place.prove(htm="PUT"),
    "8: htm in small letters": lambda place: place.prove(htm=place.method.lower()),
    "9: htu with another ending": lambda place: place.prove(htu=f"{place.url}ohnonotagain"),
    "9: htu of another host": lambda place: place.prove(htu="https://other.example.org/orders"),
    "9: htu of plain http": lambda place: place.prove(htu=place.url.replace("https:", "http:")),
    "9: htu of another port": lambda place: place.prove(htu=at_port(place.url, 8)),
    "11: iat an hour ahead": lambda place: place.prove(iat=in_seconds(3_600)),
    "11: iat an hour behind": lambda place: place.prove(iat=in_seconds(-3_600)),
}

#: And those that have to be taken.
GOOD: dict[str, Callable[[Place], str]] = {
    "as it should be": lambda place: place.prove(),
    "htu with query and fragment": lambda place: place.prove(htu=f"{place.url}?a=b#c"),
    "scheme and host in capitals": lambda place: place.prove(htu=in_capitals(place.url)),
    "more than is known": lambda place: place.prove(header={"tx_id": 1}, tx_id_key=[{"a": 1}]),
}


@pytest.fixture(scope="module")
def at_api(plan: Plan) -> Place:
    """The API, with a token that is bound to KEY."""
    return Place("GET", ORDERS, get_token(plan, KEY))


@pytest.fixture
def at_token_endpoint(plan: Plan) -> Place:
    return Place("POST", plan.token_endpoint)


def get_token(plan: Plan, key: Key) -> str:
    proof = Place("POST", plan.token_endpoint).prove(key)
    return assert_token(plan.ask(plan.assertion(plan.client), proof))


def assert_denied(answer: Answer, error: str = "invalid_dpop_proof", scheme: str = "DPoP") -> None:
    """RFC 9449 §7.1."""
    assert answer.status == 401
    challenge = answer.headers["WWW-Authenticate"]
    assert challenge.startswith(f'{scheme} error="{error}"')


# --- At the API


@pytest.mark.parametrize("name", BAD)
def test_the_api_refuses_a_proof_that_is(plan: Plan, at_api: Place, name: str):
    assert_denied(plan.call(at_api.access_token, BAD[name](at_api)))


@pytest.mark.parametrize("name", GOOD)
def test_the_api_takes_a_proof_that_is(plan: Plan, at_api: Place, name: str):
    assert plan.call(at_api.access_token, GOOD[name](at_api)).status == 200


def test_the_api_refuses_two_proofs(plan: Plan, at_api: Place):
    """1. "There is not more than one DPoP HTTP request header field"."""
    assert_denied(plan.call(at_api.access_token, at_api.prove(), at_api.prove()))


def test_the_api_refuses_a_proof_of_rs256(plan: Plan):
    """5., FAPI 2.0 §5.4.1: of the same key as the token, so that only the algorithm is wrong."""
    place = Place("GET", ORDERS, get_token(plan, RSA_KEY))
    proof = place.prove(Key("RS256", RSA_KEY.private))
    assert_denied(plan.call(place.access_token, proof))
    assert plan.call(place.access_token, place.prove(RSA_KEY)).status == 200


def test_the_api_ignores_the_query_of_the_request(plan: Plan, at_api: Place):
    """9. "ignoring any query and fragment parts"."""
    assert plan.call(at_api.access_token, at_api.prove(), path="/orders?page=2").status == 200


def test_the_api_takes_the_default_port_for_none(plan: Plan, at_api: Place):
    """RFC 3986 §6.2.3."""
    proof = at_api.prove(htu=at_port(ORDERS, 443))
    assert plan.call(at_api.access_token, proof).status == 200


def test_the_api_refuses_the_second_use_of_a_proof(plan: Plan, at_api: Place):
    """11., §11.1; the suite only warns."""
    proof = at_api.prove()
    assert plan.call(at_api.access_token, proof).status == 200
    assert_denied(plan.call(at_api.access_token, proof))


def test_the_api_refuses_the_second_use_of_a_jti(plan: Plan, at_api: Place):
    assert plan.call(at_api.access_token, at_api.prove(jti="once")).status == 200
    assert_denied(plan.call(at_api.access_token, at_api.prove(jti="once", iat=in_seconds(-1))))


def test_a_proof_that_was_refused_has_not_used_up_its_jti(plan: Plan, at_api: Place):
    """Or a stranger could use it up."""
    assert_denied(plan.call(at_api.access_token, at_api.prove(jti="saved", htm="PUT")))
    assert plan.call(at_api.access_token, at_api.prove(jti="saved")).status == 200


def test_the_api_refuses_a_proof_without_the_hash_of_the_token(plan: Plan, at_api: Place):
    """12. "ensure that the value of the ath claim equals the hash"."""
    assert_denied(plan.call(at_api.access_token, at_api.prove(ath=None)))


def test_the_api_refuses_a_proof_for_another_token(plan: Plan, at_api: Place):
    another = Place("GET", ORDERS, get_token(plan, KEY))
    assert_denied(plan.call(at_api.access_token, another.prove()))


def test_the_api_refuses_a_proof_of_another_key(plan: Plan, at_api: Place):
    """12. "confirm that the public key to which the access token is bound matches"."""
    assert_denied(plan.call(at_api.access_token, at_api.prove(OTHER_KEY)))


def test_the_api_refuses_a_token_without_a_proof(plan: Plan, at_api: Place):
    assert_denied(plan.call(at_api.access_token))


@pytest.mark.parametrize("has_proof", [False, True])
def test_the_api_refuses_a_bound_token_that_anybody_bears(
    plan: Plan, at_api: Place, has_proof: bool
):
    """§7.2; with a proof as well, which the suite does not try."""
    proofs = [at_api.prove()] if has_proof else []
    answer = plan.call(at_api.access_token, *proofs, scheme="Bearer")
    assert_denied(answer, "invalid_token", "Bearer")


def test_the_name_of_the_header_has_no_case(plan: Plan, at_api: Place):
    headers = (("DPOP", at_api.prove()),)
    assert plan.call(at_api.access_token, headers=headers).status == 200


# --- At the token endpoint


@pytest.mark.parametrize("name", BAD)
def test_the_token_endpoint_refuses_a_proof_that_is(
    plan: Plan, at_token_endpoint: Place, name: str
):
    answer = plan.ask(plan.assertion(plan.client), BAD[name](at_token_endpoint))
    assert_refused(answer, "invalid_dpop_proof")


@pytest.mark.parametrize("name", GOOD)
def test_the_token_endpoint_takes_a_proof_that_is(plan: Plan, at_token_endpoint: Place, name: str):
    assert_token(plan.ask(plan.assertion(plan.client), GOOD[name](at_token_endpoint)))


def test_the_token_endpoint_refuses_two_proofs(plan: Plan, at_token_endpoint: Place):
    proofs = [at_token_endpoint.prove(), at_token_endpoint.prove()]
    assert_refused(plan.ask(plan.assertion(plan.client), *proofs), "invalid_dpop_proof")


def test_the_token_endpoint_refuses_a_proof_of_rs256(plan: Plan, at_token_endpoint: Place):
    proof = at_token_endpoint.prove(Key("RS256", RSA_KEY.private))
    assert_refused(plan.ask(plan.assertion(plan.client), proof), "invalid_dpop_proof")


def test_the_token_endpoint_refuses_the_second_use_of_a_proof(plan: Plan, at_token_endpoint: Place):
    proof = at_token_endpoint.prove()
    assert_token(plan.ask(plan.assertion(plan.client), proof))
    assert_refused(plan.ask(plan.assertion(plan.client), proof), "invalid_dpop_proof")


def test_the_token_endpoint_refuses_a_proof_that_was_made_for_the_api(plan: Plan, at_api: Place):
    answer = plan.ask(plan.assertion(plan.client), at_api.prove())
    assert_refused(answer, "invalid_dpop_proof")
