"""The requests of ``bench/writes.py``: each counts once, and is made before it is sent."""

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from statistics import mode
from urllib.parse import urlencode

from flask import Flask

from bench.contestants import CLIENT_ID, SCOPE, register, token_body
from bench.load import Target
from signet.oauth.access_token import access_token_claims, sign_access_token
from signet.oauth.client_assertion import ASSERTION_TYPE
from signet.oauth.scope import grant_scope
from signet.oauth.server import REVOCATION_PATH, TOKEN_PATH
from signet.wiring import utc_now, wiring
from tests.oauth.signing import jwk_set, make_assertion, make_key, make_proof
from tests.running import Server
from tests.statements import counted_statements

#: In seconds: of an assertion, which is made long before the round is over.
LIFETIME = 600
#: How often each is asked while its statements are counted.
COUNTED = 9


@dataclass(frozen=True, slots=True)
class Statements:
    """How many statements one request sends to the database."""

    reads: int
    writes: int


class Requests:
    """Makes requests for a server that is prepared and not yet started."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._key = make_key("ES256")
        self._plain = token_body(*register(server))
        self._secrets = {
            client_id: self._register(client_id, option)
            for client_id, option in (
                ("dpop", "--dpop-bound-access-tokens"),
                ("reference", "--token-format=reference"),
            )
        }
        keys = ("--token-endpoint-auth-method=private_key_jwt", "--jwks", "-")
        self._create("assertion", *keys, stdin=json.dumps(jwk_set(self._key)))
        with server.opened():
            self._signing_key = wiring().store.signing_key(utc_now())
            client = wiring().store.find_client(CLIENT_ID)
        assert client is not None
        self._client, self._granted = client, grant_scope(client, SCOPE, resources=())

    def plain(self) -> str:
        """A token of a secret."""
        return self._plain

    def assertion(self) -> str:
        """A token of a signed assertion."""
        made_at = int(utc_now().timestamp())
        issuer = self._server.base_url
        assertion = make_assertion(self._key, "assertion", issuer, exp=made_at + LIFETIME)
        form = {"grant_type": "client_credentials", "scope": SCOPE}
        form |= {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return urlencode(form)

    def proof(self) -> str:
        """A token of a secret, bound to the key of a DPoP proof, which stands behind the body."""
        proof = make_proof(self._key, "POST", self._server.base_url + TOKEN_PATH)
        return f"{self._secrets['dpop']} {proof}"

    def reference(self) -> str:
        """A token of a secret that is a reference."""
        return self._secrets["reference"]

    def revocation(self) -> str:
        """The end of a token, which is signed here as the server would."""
        claims = access_token_claims(
            self._client,
            self._granted,
            issuer=self._server.base_url,
            now=utc_now(),
            confirmation={},
        )
        return f"{self._plain}&token={sign_access_token(claims, self._signing_key)}"

    def count_statements(self) -> Mapping[str, Statements]:
        """What each kind sends to the database; told in this process, by the app itself."""
        with self._server.opened() as app:
            # The lines of the requests are none of this table.
            logging.disable(logging.INFO)
            try:
                return {kind.name: self._count(app, kind) for kind in KINDS}
            finally:
                logging.disable(logging.NOTSET)

    def _count(self, app: Flask, kind: "Kind") -> Statements:
        found = []
        # The first has its client looked up, and now and then a look for changes comes in between.
        for _ in range(COUNTED):
            with counted_statements() as statements:
                self._ask(app, kind)
            reads = sum(each.startswith("SELECT") for each in statements)
            found.append(Statements(reads, len(statements) - reads))
        return mode(found)

    def _ask(self, app: Flask, kind: "Kind") -> None:
        body, _, proof = kind.make(self).partition(" ")
        answer = app.test_client().post(
            kind.path,
            data=body,
            content_type="application/x-www-form-urlencoded",
            headers={"DPoP": proof} if proof else {},
            base_url=self._server.base_url,
        )
        assert answer.status_code == 200, answer.text

    def _register(self, client_id: str, *options: str) -> str:
        return token_body(client_id, self._create(client_id, *options)["client_secret"])

    def _create(self, client_id: str, *options: str, stdin: str = "") -> Mapping[str, str]:
        command = ("client", "create", client_id, "--client-id", client_id, "--scope", SCOPE)
        made: Mapping[str, str] = self._server.flask(*command, *options, stdin=stdin)
        return made


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of request."""

    name: str
    make: Callable[[Requests], str]
    path: str = TOKEN_PATH
    #: Whether the same counts again and again.
    is_repeatable: bool = False

    def expecting(self, target: Target) -> Target:
        """The same target, with what a good answer of this kind holds."""
        return replace(target, expected="") if self.path == REVOCATION_PATH else target


PLAIN = Kind("plain token of a secret", Requests.plain, is_repeatable=True)
#: In the order of the table.
KINDS = (
    PLAIN,
    Kind("`private_key_jwt`, ES256", Requests.assertion),
    Kind("DPoP-bound, ES256", Requests.proof),
    Kind("reference token", Requests.reference, is_repeatable=True),
    Kind("revocation", Requests.revocation, path=REVOCATION_PATH),
)
