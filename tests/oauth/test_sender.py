"""What a token is bound to, and what its answer says of it (RFC 7800, RFC 8705 §3, RFC 9449 §5)."""

from typing import Any

import pytest
from authlib.oauth2.rfc6749 import InvalidRequestError

from signet.oauth.client import Client
from signet.oauth.dpop import LONGEST_PROOF, InvalidDPoPProofError, Nonces, UseDPoPNonceError
from signet.oauth.mutual_tls import ClientCertificate
from tests.certificates import issue
from tests.oauth.memory_store import NOON, MemoryServer, MemoryStore, make_client
from tests.oauth.requests import answer_token_request, make_request
from tests.oauth.signing import make_key, make_proof, split

TOKEN_URL = "https://signet.example/connect/token"
KEY = make_key()
PRESENTED = ClientCertificate(issue("CN=billing").der)
NONCES = Nonces(b"key")


def billing(**fields: Any) -> Client:
    return make_client("billing", "secret", **fields)


def proof(**changes: Any) -> str:
    return make_proof(KEY, "POST", changes.pop("url", TOKEN_URL), **({"now": NOON} | changes))


def ask(client: Client, *, server: MemoryServer | None = None, **sent: Any) -> tuple[dict, dict]:
    server = server or MemoryServer(store=MemoryStore())
    server.store.put(client)
    return answer_token_request(server, make_request(basic="billing:secret", **sent))


def cnf(answer: dict) -> object:
    return split(answer["access_token"])[1].get("cnf")


# --- Nothing, a key, a certificate, both


def test_without_proof_and_certificate_whoever_bears_the_token_may_use_it():
    answer, headers = ask(billing())
    assert (answer["token_type"], cnf(answer)) == ("Bearer", None)
    assert "DPoP-Nonce" not in headers


@pytest.mark.parametrize("is_required", [True, False])
def test_a_proof_binds_the_token_to_its_key(is_required: bool):
    """RFC 9449 §5, §6.1: also of a client that need not send one."""
    answer, _ = ask(billing(dpop_bound_access_tokens=is_required), dpop=proof())
    assert (answer["token_type"], cnf(answer)) == ("DPoP", {"jkt": KEY.kid})
    assert list(answer) == ["access_token", "expires_in", "token_type", "scope"]


def test_a_certificate_binds_the_token_of_a_client_that_wants_it():
    """RFC 8705 §3.1; such a token is of type Bearer."""
    client = billing(tls_client_certificate_bound_access_tokens=True)
    answer, _ = ask(client, certificate=PRESENTED)
    assert answer["token_type"] == "Bearer"
    assert cnf(answer) == {"x5t#S256": PRESENTED.thumbprint}


def test_a_certificate_alone_binds_nothing():
    answer, _ = ask(billing(), certificate=PRESENTED)
    assert cnf(answer) is None


def test_a_token_can_be_bound_to_both():
    client = billing(tls_client_certificate_bound_access_tokens=True)
    answer, _ = ask(client, certificate=PRESENTED, dpop=proof())
    assert answer["token_type"] == "DPoP"
    assert cnf(answer) == {"x5t#S256": PRESENTED.thumbprint, "jkt": KEY.kid}


def test_a_reference_token_is_bound_as_well():
    server = MemoryServer(store=MemoryStore())
    answer, _ = ask(billing(token_format="reference"), server=server, dpop=proof())
    (kept,) = server.store.reference_tokens.values()
    assert answer["token_type"] == "DPoP"
    assert kept.claims["cnf"] == {"jkt": KEY.kid}


# --- What is missing


def test_without_the_proof_that_is_required_there_is_no_token():
    """PROTOCOL 21."""
    with pytest.raises(InvalidDPoPProofError) as caught:
        ask(billing(dpop_bound_access_tokens=True))
    assert caught.value.error == "invalid_dpop_proof"


def test_without_the_certificate_that_is_required_there_is_no_token():
    """PROTOCOL 20: 400 ``invalid_request``."""
    client = billing(tls_client_certificate_bound_access_tokens=True)
    for sent in ({}, {"dpop": proof()}):
        with pytest.raises(InvalidRequestError) as caught:
            ask(client, **sent)
        assert caught.value.status_code == 400


@pytest.mark.parametrize("is_required", [True, False])
@pytest.mark.parametrize("sent", ["", " ", "x", proof(htm="GET"), f"{proof()},{proof()}"])
def test_a_proof_that_does_not_hold_is_refused_even_where_none_is_required(
    is_required: bool, sent: str
):
    with pytest.raises(InvalidDPoPProofError):
        ask(billing(dpop_bound_access_tokens=is_required), dpop=sent)


def test_a_header_longer_than_the_longest_is_an_invalid_request():
    """PROTOCOL 4."""
    with pytest.raises(InvalidRequestError):
        ask(billing(), dpop="x" * (LONGEST_PROOF + 1))
    with pytest.raises(InvalidDPoPProofError):
        ask(billing(), dpop="x" * LONGEST_PROOF)


@pytest.mark.parametrize("path", ["", "/auth"])
def test_a_proof_is_for_the_token_endpoint_of_the_issuer(path: str):
    """Never the address that a request says it has come to."""
    server = MemoryServer(store=MemoryStore(), issuer=f"https://other.example{path}")
    url = f"https://other.example{path}/connect/token"
    ask(billing(), server=server, dpop=proof(url=url))
    for wrong in (TOKEN_URL, f"https://other.example{path}", "https://other.example/x"):
        with pytest.raises(InvalidDPoPProofError):
            ask(billing(), server=server, dpop=proof(url=wrong))


# --- Nonces (§8)


def with_nonces() -> MemoryServer:
    return MemoryServer(store=MemoryStore(), nonces=NONCES)


def test_a_proof_without_a_nonce_is_answered_with_one_that_then_works():
    """PROTOCOL 21."""
    with pytest.raises(UseDPoPNonceError) as caught:
        ask(billing(), server=with_nonces(), dpop=proof())
    nonce = caught.value.nonce
    answer, headers = ask(billing(), server=with_nonces(), dpop=proof(nonce=nonce))
    assert answer["token_type"] == "DPoP"
    assert NONCES.is_current(headers["DPoP-Nonce"], NOON)


def test_a_request_without_proof_needs_no_nonce_and_gets_none():
    answer, headers = ask(billing(), server=with_nonces())
    assert answer["token_type"] == "Bearer"
    assert "DPoP-Nonce" not in headers


def test_without_nonces_the_answer_has_none():
    _, headers = ask(billing(), dpop=proof())
    assert "DPoP-Nonce" not in headers
