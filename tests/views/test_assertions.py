"""Client assertions on the wire: ``private_key_jwt``, row 19 of the contract.

Forged ones are in ``tests/test_incidents.py``, and each check by itself in ``tests/oauth/``.
"""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.clients import edit_client, register_client_without_secret
from signet.wiring import utc_now
from tests.models.outage import away
from tests.oauth.signing import Key, jwk_set, make_assertion, make_key, split
from tests.operations.acting import on_sqlite
from tests.views.cast import ACTOR, operating
from tests.views.keyed import ask, asserting, assertion_of, proof_for
from tests.views.wire import INVALID_CLIENT, TOKEN, Answer, Signet

INVALID_PROOF = (400, "invalid_dpop_proof")
UNAVAILABLE = (503, "temporarily_unavailable")


def all_at_once(act: Callable[[int], Answer]) -> list[Answer]:
    """Fifty requests that are under way at the same time."""
    with ThreadPoolExecutor(50) as pool:
        return list(pool.map(act, range(50)))


def refusals_but_one(answers: list[Answer]) -> set[tuple[int, str]]:
    """How all but one were refused; that one is a token.

    On a busy machine some of fifty may have waited too long for the database, and say so.
    """
    refused = [answer.error for answer in answers if answer.status != 200]
    assert len(answers) - len(refused) == 1
    return set(refused) - {UNAVAILABLE}


# --- Used once, whichever worker it reaches


def test_fifty_uses_of_an_assertion_at_once_give_one_token(signet: Signet):
    """SECURITY C7, on two workers."""
    assertion = assertion_of(signet, "raced")
    answers = all_at_once(lambda _: ask(signet, assertion))
    assert refusals_but_one(answers) == {INVALID_CLIENT}


def test_fifty_uses_of_a_proof_at_once_give_one_token(signet: Signet):
    """Each with an assertion of its own (RFC 9449 §11.1)."""
    proof = proof_for(signet)
    assertions = [assertion_of(signet, "raced") for _ in range(50)]
    answers = all_at_once(lambda number: ask(signet, assertions[number], proof))
    assert refusals_but_one(answers) == {INVALID_PROOF}


def test_an_assertion_and_its_proof_are_noted_both_or_neither(signet: Signet):
    """In one transaction: a request that brings one used thing has not used up the other."""
    assertion, proof = assertion_of(signet), proof_for(signet)
    assert ask(signet, assertion, proof).status == 200
    new_assertion, new_proof = assertion_of(signet), proof_for(signet)
    assert ask(signet, assertion, new_proof).error == INVALID_CLIENT
    assert ask(signet, new_assertion, proof).error == INVALID_PROOF
    assert ask(signet, new_assertion, new_proof).status == 200


REFUSED_EARLIER: dict[str, tuple[str, dict[str, str]]] = {
    "a scope that is not the client's": ("invalid_scope", {"scope": "orders.read"}),
    "a malformed scope": ("invalid_scope", {"scope": '"'}),
    "an unknown resource": ("invalid_target", {"resource": "https://unknown.example.org"}),
    "an unknown grant": ("unsupported_grant_type", {"grant_type": "password"}),
    "a proof for another method": ("invalid_dpop_proof", {}),
}


@on_sqlite
@pytest.mark.parametrize("fault", REFUSED_EARLIER)
def test_a_request_that_is_refused_earlier_has_used_up_neither(signet: Signet, fault: str):
    error, parameters = REFUSED_EARLIER[fault]
    assertion, proof = assertion_of(signet), proof_for(signet, jti=fault)
    sent = proof_for(signet, jti=fault, htm="GET") if error == "invalid_dpop_proof" else proof
    refused = signet.post(
        TOKEN,
        asserting(assertion, **{"grant_type": "client_credentials"} | parameters),
        {"DPoP": sent},
    )
    assert refused.error == (400, error)
    assert ask(signet, assertion, proof).status == 200
    assert ask(signet, assertion, proof).error == INVALID_CLIENT


@on_sqlite
def test_an_assertion_counts_once_at_all_endpoints_together(signet: Signet):
    assertion = assertion_of(signet)
    assert signet.post("/connect/revocation", asserting(assertion, token="any")).status == 200
    assert ask(signet, assertion).error == INVALID_CLIENT
    again = signet.post("/connect/introspect", asserting(assertion, token="any"))
    assert again.error == (401, "invalid_client")


def test_where_nothing_can_be_noted_there_is_no_token(signet: Signet):
    """SECURITY C8: nobody can tell whether it was used, so the answer is neither yes nor no."""
    assertion = assertion_of(signet)
    with operating(signet.environ), away("replay_note"):
        answer = ask(signet, assertion)
    assert answer.error == (503, "temporarily_unavailable")
    assert answer.headers["Retry-After"] == "5"
    assert ask(signet, assertion).status == 200


# --- Who is believed


def test_a_client_gets_a_token_by_its_assertion(signet: Signet):
    answer = ask(signet, assertion_of(signet))
    assert answer.status == 200
    assert split(answer.json["access_token"])[1]["client_id"] == "signer"
    assert answer.json["token_type"] == "Bearer"


@on_sqlite
@pytest.mark.parametrize(
    ("client_id", "expected"), [("signer", 200), ("raced", 400), ("SIGNER", 400), ("nobody", 400)]
)
def test_a_client_id_in_the_body_must_be_the_same(signet: Signet, client_id: str, expected: int):
    assert ask(signet, assertion_of(signet), client_id=client_id).status == expected


@on_sqlite
@pytest.mark.parametrize(
    "assertion_type",
    ["", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer", "jwt-bearer"],
)
def test_another_type_of_assertion_is_refused(signet: Signet, assertion_type: str):
    form = asserting(assertion_of(signet), grant_type="client_credentials")
    form["client_assertion_type"] = assertion_type
    assert signet.post(data=form).error == INVALID_CLIENT


@on_sqlite
def test_every_refusal_is_the_same_answer(signet: Signet):
    """PROTOCOL 9: who is a client, and how it proves itself, cannot be found out."""
    used = assertion_of(signet)
    assert ask(signet, used).status == 200
    stranger = make_key()
    refusals = [
        signet.post(data=signet.form(client_secret="wrong")),
        ask(signet, used),
        ask(signet, make_assertion(stranger, "signer", signet.base_url)),
        ask(signet, make_assertion(stranger, "nobody", signet.base_url)),
        ask(signet, make_assertion(stranger, "billing", signet.base_url)),
        ask(signet, "junk", client_id="signer"),
    ]
    assert {refusal.error for refusal in refusals} == {INVALID_CLIENT}
    assert len({refusal.body for refusal in refusals}) == 1
    assert not any("WWW-Authenticate" in refusal.headers for refusal in refusals)


# --- Changes count


@on_sqlite
def test_a_new_key_works_at_once_and_the_old_one_ends_within_the_cache_time(signet: Signet):
    facts, old, new = ClientFacts(name="Changing"), make_key(), make_key()

    def by(key: Key) -> ClientAuthentication:
        return ClientAuthentication(method="private_key_jwt", jwks=jwk_set(key))

    def status(key: Key) -> int:
        return ask(signet, make_assertion(key, client_id, signet.base_url)).status

    with operating(signet.environ):
        client_id = register_client_without_secret(
            facts, by(old), scopes=["external-api"], actor=ACTOR, now=utc_now()
        )
        assert {status(old) for _ in range(10)} == {200}
        edit_client(client_id, facts, authentication=by(new), actor=ACTOR, now=utc_now())
    assert {status(new) for _ in range(10)} == {200}
    deadline = time.monotonic() + 3
    while 200 in {status(old) for _ in range(5)}:
        assert time.monotonic() < deadline
