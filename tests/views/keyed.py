"""Requests of clients that prove themselves by a key, or bind their tokens to one."""

from collections import defaultdict
from typing import Any

from tests.oauth.signing import Key, make_assertion, make_key, make_proof
from tests.views.wire import TOKEN, Answer, Wire

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
#: By client; made when it is first asked for.
KEYS: dict[str, Key] = defaultdict(make_key)
#: That tokens are bound to.
DPOP_KEY = make_key("EdDSA")


def assertion_of(signet: Wire, client_id: str = "signer", **changes: Any) -> str:
    """A good assertion, but for the changes; see :func:`make_assertion`."""
    return make_assertion(KEYS[client_id], client_id, signet.base_url, **changes)


def proof_for(signet: Wire, key: Key = DPOP_KEY, **changes: Any) -> str:
    """A good proof for the token endpoint, but for the changes; see :func:`make_proof`."""
    return make_proof(key, "POST", signet.base_url + TOKEN, **changes)


def asserting(assertion: str, **parameters: str) -> dict[str, str]:
    """The form of a request with this assertion."""
    return parameters | {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}


def ask(signet: Wire, assertion: str, *proofs: str, **parameters: str) -> Answer:
    """Ask for a token by an assertion, with each proof in a header of its own."""
    form = asserting(assertion, grant_type="client_credentials", **parameters)
    return signet.post(TOKEN, form, [("DPoP", proof) for proof in proofs])
