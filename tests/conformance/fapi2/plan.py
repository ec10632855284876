"""What the modules of the plan play with: a Signet, two clients, an API, and good requests."""

import json
import ssl
import urllib.request
from dataclasses import dataclass
from typing import Any

from tests.oauth.signing import Key, make_assertion, make_proof
from tests.views.wire import TOKEN, Answer, Wire

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
SCOPE = "orders.read"
#: The API as its clients know it: identifier and address.
API = "https://orders.example.org"
ORDERS = f"{API}/orders"


@dataclass(frozen=True)
class PlanClient:
    """A client as the configuration of the plan describes one."""

    client_id: str
    #: By which it proves itself at the token endpoint.
    key: Key
    #: To which its tokens are bound.
    dpop_key: Key


@dataclass(frozen=True)
class Plan:
    """A Signet and an API, each as if a proxy stood before it, and the clients of the plan."""

    issuer: str
    #: Trusts the proxy of the issuer.
    tls: ssl.SSLContext
    signet: Wire
    api: Wire
    client: PlanClient
    client2: PlanClient

    @property
    def token_endpoint(self) -> str:
        return self.issuer + TOKEN

    def fetch(self, path: str) -> Any:
        """A document of the issuer's, by TLS."""
        with urllib.request.urlopen(self.issuer + path, timeout=10, context=self.tls) as answer:
            return json.load(answer)

    def assertion(self, client: PlanClient, **changes: Any) -> str:
        """A good one, but for the changes; see :func:`make_assertion`."""
        return make_assertion(client.key, client.client_id, self.issuer, **changes)

    def proof(self, client: PlanClient, **changes: Any) -> str:
        """A good one for the token endpoint, but for the changes; see :func:`make_proof`."""
        return make_proof(client.dpop_key, "POST", self.token_endpoint, **changes)

    def proof_for_api(self, client: PlanClient, access_token: str, **changes: Any) -> str:
        """A good one for the API, but for the changes."""
        return make_proof(client.dpop_key, "GET", ORDERS, access_token, **changes)

    def ask(self, assertion: str | None, *proofs: str, **parameters: str) -> Answer:
        """Ask for a token, with each proof in a header of its own."""
        form = {"grant_type": "client_credentials", "scope": SCOPE} | parameters
        if assertion is not None:
            form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return self.signet.post(TOKEN, form, [("DPoP", proof) for proof in proofs])

    def token(self, client: PlanClient) -> str:
        """A token of the client's, as the happy flow gets one."""
        answer = self.ask(self.assertion(client), self.proof(client))
        assert answer.status == 200, answer.body
        return str(answer.json["access_token"])

    def call(
        self,
        access_token: str | None,
        *proofs: str,
        scheme: str = "DPoP",
        path: str = "/orders",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> Answer:
        """Call the API with a token, and each proof in a header of its own."""
        sent = [*headers, *(("DPoP", proof) for proof in proofs)]
        if access_token is not None:
            sent.append(("Authorization", f"{scheme} {access_token}"))
        return self.api.get(path, sent)
