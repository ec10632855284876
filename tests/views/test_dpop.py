"""Proofs of possession at the token endpoint: row 21 of the contract, and nonces (RFC 9449 §8).

Each check of a proof by itself is in ``tests/conformance/fapi2/test_dpop_negative_tests.py``.
"""

import pytest

from signet.oauth.dpop import Nonces
from signet.wiring import utc_now
from tests.oauth.signing import make_key, split
from tests.views.keyed import DPOP_KEY, ask, assertion_of, proof_for
from tests.views.wire import INVALID_REQUEST, TOKEN, Answer, Signet, basic

INVALID_PROOF = (400, "invalid_dpop_proof")
USE_NONCE = (400, "use_dpop_nonce")
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture
def engine() -> str:
    """Nothing here depends on the database."""
    return "sqlite"


def ask_with(signet: Signet, *proofs: str, client_id: str = "billing") -> Answer:
    """Ask for a token by a secret, with each proof in a header of its own."""
    headers = [*basic(client_id, signet.secrets[client_id]).items()]
    return signet.post(TOKEN, GRANT, headers + [("DPoP", proof) for proof in proofs])


# --- What a token is bound to


def test_a_token_is_bound_to_the_key_of_the_proof(signet: Signet):
    answer = ask_with(signet, proof_for(signet))
    assert answer.status == 200
    assert list(answer.json) == ["access_token", "expires_in", "token_type", "scope"]
    assert answer.json["token_type"] == "DPoP"
    assert split(answer.json["access_token"])[1]["cnf"] == {"jkt": DPOP_KEY.kid}


def test_without_a_proof_it_is_bound_to_nothing(signet: Signet):
    answer = ask_with(signet)
    assert answer.json["token_type"] == "Bearer"
    assert "cnf" not in split(answer.json["access_token"])[1]


def test_a_client_that_must_bind_its_tokens_gets_none_without_a_proof(signet: Signet):
    assert ask(signet, assertion_of(signet, "proving")).error == INVALID_PROOF
    answer = ask(signet, assertion_of(signet, "proving"), proof_for(signet))
    assert answer.json["token_type"] == "DPoP"


def test_introspection_tells_what_a_token_is_bound_to(signet: Signet):
    token = ask_with(signet, proof_for(signet)).json["access_token"]
    headers = basic("external-api", signet.secrets["external-api"])
    answer = signet.post("/connect/introspect", {"token": token}, headers)
    assert answer.json["cnf"] == {"jkt": DPOP_KEY.kid}
    assert answer.json["token_type"] == "DPoP"


def test_a_reference_token_can_be_bound_as_well(signet: Signet):
    answer = ask_with(signet, proof_for(signet), client_id="by-reference")
    assert answer.json["token_type"] == "DPoP"
    form = {"token": answer.json["access_token"]}
    told = signet.post(
        "/connect/introspect", form, basic("external-api", signet.secrets["external-api"])
    )
    assert told.json["cnf"] == {"jkt": DPOP_KEY.kid}


# --- Proofs that are refused


def test_two_proofs_are_refused(signet: Signet):
    assert ask_with(signet, proof_for(signet), proof_for(signet)).error == INVALID_PROOF


def test_two_proofs_in_one_header_are_refused(signet: Signet):
    proofs = f"{proof_for(signet)}, {proof_for(signet)}"
    assert ask_with(signet, proofs).error == INVALID_PROOF


@pytest.mark.parametrize("proof", ["", " ", "e30", "a.b.c", "\xe9", "A" * 8_192])
def test_what_is_no_proof_is_refused(signet: Signet, proof: str):
    assert ask_with(signet, proof).error == INVALID_PROOF


def test_a_header_that_is_too_long_is_refused(signet: Signet):
    """PROTOCOL 4."""
    assert ask_with(signet, "A" * 8_193).error == INVALID_REQUEST


def test_a_proof_with_a_large_key_in_its_header_is_taken(signet: Signet):
    """An RSA key passes the 512 characters that joserfc would read."""
    proof = proof_for(signet, make_key("PS256"))
    assert len(proof.partition(".")[0]) > 512
    assert ask_with(signet, proof).status == 200


def test_the_address_is_the_issuer_s_and_never_made_from_host(signet: Signet):
    credentials = basic("billing", signet.secrets["billing"])
    forged = proof_for(signet, htu="http://evil.example/connect/token")
    answer = signet.post(TOKEN, GRANT, credentials | {"DPoP": forged, "Host": "evil.example"})
    assert answer.error == INVALID_PROOF
    good = credentials | {"DPoP": proof_for(signet), "Host": "evil.example"}
    assert signet.post(TOKEN, GRANT, good).status == 200


@pytest.mark.parametrize("path", ["/connect/introspect", "/connect/revocation"])
def test_a_proof_says_nothing_at_the_other_endpoints(signet: Signet, path: str):
    headers = basic("billing", signet.secrets["billing"]) | {"DPoP": "junk"}
    assert signet.post(path, {"token": "any"}, headers).status == 200


# --- Nonces


def test_without_nonces_none_is_given(signet: Signet):
    assert "DPoP-Nonce" not in ask_with(signet, proof_for(signet)).headers


def test_with_nonces_the_first_refusal_gives_the_one_to_use(workshop: Signet):
    refused = ask(workshop, assertion_of(workshop), proof_for(workshop))
    assert refused.error == USE_NONCE
    assert refused.headers["Cache-Control"] == "no-store"
    answer = ask(
        workshop,
        assertion_of(workshop),
        proof_for(workshop, nonce=refused.headers["DPoP-Nonce"]),
    )
    assert (answer.status, answer.json["token_type"]) == (200, "DPoP")


def test_the_refusal_has_used_up_neither_assertion_nor_proof(workshop: Signet):
    assertion = assertion_of(workshop)
    refused = ask(workshop, assertion, proof_for(workshop, jti="the same"))
    proof = proof_for(workshop, jti="the same", nonce=refused.headers["DPoP-Nonce"])
    assert ask(workshop, assertion, proof).status == 200


def test_every_worker_knows_the_nonces_of_the_others(workshop: Signet):
    nonce = ask(workshop, assertion_of(workshop), proof_for(workshop)).headers["DPoP-Nonce"]
    for _ in range(10):
        proof = proof_for(workshop, nonce=nonce)
        assert ask(workshop, assertion_of(workshop), proof).status == 200


def test_a_token_brings_the_next_nonce(workshop: Signet):
    first = ask(workshop, assertion_of(workshop), proof_for(workshop)).headers["DPoP-Nonce"]
    answer = ask(workshop, assertion_of(workshop), proof_for(workshop, nonce=first))
    proof = proof_for(workshop, nonce=answer.headers["DPoP-Nonce"])
    assert ask(workshop, assertion_of(workshop), proof).status == 200


@pytest.mark.parametrize("nonce", ["", "x", "A" * 32, 17, ["x"]])
def test_a_nonce_of_somebody_else_s_making_is_none(workshop: Signet, nonce: object):
    for forged in (nonce, Nonces(b"another key").issue(utc_now())):
        answer = ask(workshop, assertion_of(workshop), proof_for(workshop, nonce=forged))
        assert answer.error == USE_NONCE


def test_a_proof_that_is_wrong_besides_gets_no_nonce(workshop: Signet):
    answer = ask(workshop, assertion_of(workshop), proof_for(workshop, htm="GET"))
    assert answer.error == INVALID_PROOF
    assert "DPoP-Nonce" not in answer.headers


def test_who_sends_no_proof_needs_no_nonce(workshop: Signet):
    answer = ask(workshop, assertion_of(workshop))
    assert (answer.status, answer.json["token_type"]) == (200, "Bearer")
    assert "DPoP-Nonce" not in answer.headers
