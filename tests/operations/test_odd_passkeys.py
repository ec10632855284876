"""What no browser sends as a passkey is refused like a wrong one."""

import json

import pytest

from signet.models.database import write
from signet.operations.errors import OperationError
from signet.operations.passkeys import (
    PasskeyProof,
    PasskeyRefusedError,
    RelyingParty,
    add_passkey,
    use_passkey,
)
from tests.operations.acting import ADA, NOON

PARTY = RelyingParty(rp_id="localhost", origin="http://localhost:8000")


def credential(**response: object) -> str:
    fields = {"clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA"} | response
    return json.dumps({"id": "AAAA", "rawId": "AAAA", "type": "public-key", "response": fields})


ODD = {
    "nothing": "",
    "no object": "[]",
    "a number of 5,000 digits": "1" * 5_000,
    "deeply nested": "[" * 30_000,
    "half a user handle": credential(userHandle="A"),
    "a user handle of other letters": credential(userHandle="ä"),
    "a user handle that is a number": credential(userHandle=1),
    "no CBOR": credential(attestationObject="AA"),
    "a map without anything": credential(attestationObject="oA"),
}


@pytest.mark.parametrize("sent", ODD.values(), ids=ODD)
def test_u17_an_odd_proof_is_no_passkey(app, sent: str):
    proof = PasskeyProof(credential=sent, challenge=b"c" * 32, party=PARTY)
    with write() as session, pytest.raises(PasskeyRefusedError):
        use_passkey(session, proof, now=NOON)


@pytest.mark.parametrize("sent", ODD.values(), ids=ODD)
def test_an_odd_registration_adds_none(app, sent: str):
    proof = PasskeyProof(credential=sent, challenge=b"c" * 32, party=PARTY)
    with pytest.raises(OperationError, match="did not make a passkey"):
        add_passkey("nobody", "Laptop", proof, user_handle=b"h", actor=ADA, now=NOON)
