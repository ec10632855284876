"""A Signet of which every sort of request was refused, through its real endpoints."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app import create_app
from signet.background import flush_usage
from signet.models.clients import TrustDetails
from signet.oauth.client import generate_client_secret
from signet.oauth.client_assertion import ASSERTION_TYPE
from signet.oauth.refusal import Reason
from signet.operations import client_secrets, clients, scopes
from signet.operations.client_authentication import ClientAuthentication
from signet.operations.client_facts import ClientFacts
from signet.operations.signing_keys import take_due_step
from signet.operations.token_options import TokenOptions
from signet.settings import load_settings
from signet.wiring import utc_now, wiring
from tests.admin.desk import Desk, sit_down
from tests.admin.house import kept
from tests.admin.signing_in import TEST, make_admin, sign_in
from tests.certificates import issue
from tests.conftest import write_key_files
from tests.models.outage import away
from tests.oauth.signing import (
    Key,
    jwk_set,
    make_assertion,
    make_key,
    make_proof,
    make_workload_token,
)
from tests.views.wire import TOKEN, basic, basic_raw

ISSUER = "https://signet.example.org"
CLUSTER, POD = "https://cluster.example", "system:serviceaccount:shop:billing"
DAY = timedelta(days=1)
#: Reasons that no request can bring about as Signet is now.
UNREACHED = {Reason.INVALID_GRANT, Reason.UNAUTHORIZED_CLIENT, Reason.SERVER_ERROR}


@dataclass
class Refused:
    """What was sent, and what came back."""

    app: Flask
    desk: Desk
    viewer: Desk
    references: dict[str, str] = field(default_factory=dict)
    answers: dict[str, TestResponse] = field(default_factory=dict)
    _pages: dict[tuple[str, int], TestResponse] = field(default_factory=dict)
    #: What must be nowhere afterwards, by what it is.
    canaries: dict[str, str] = field(default_factory=dict)

    def page(self, name: str, by: Desk | None = None) -> TestResponse:
        """The page of one of the requests."""
        key = (name, id(by))
        if key not in self._pages:
            url = f"/admin/requests/{self.references[name]}"
            self._pages[key] = (by or self.desk).open(url)
        return self._pages[key]


class _Sender:
    """Sends requests and keeps the references of their answers."""

    def __init__(self, client: FlaskClient, refused: Refused) -> None:
        self._client, self._refused = client, refused

    def __call__(
        self,
        name: str,
        *,
        path: str = TOKEN,
        headers: dict[str, str] | None = None,
        address: str = "192.0.2.7",
        **parameters: str,
    ) -> TestResponse:
        answer = self._client.post(
            path,
            data={"grant_type": "client_credentials"} | parameters,
            headers={"User-Agent": "python-requests/2.32"} | (headers or {}),
            environ_overrides={"REMOTE_ADDR": address},
        )
        self._refused.references[name] = answer.headers["X-Request-Id"]
        self._refused.answers[name] = answer
        return answer

    def asserting(self, name: str, assertion: str, **parameters: str) -> TestResponse:
        """The same with an assertion."""
        sent = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return self(name, **sent, **parameters)


@contextmanager
def refused_all(folder: Path, database_url: str) -> Iterator[Refused]:
    """Every sort of refusal, written down; leave it as it is."""
    write_key_files(folder / "secrets")
    environ = {
        "SIGNET_ISSUER": ISSUER,
        "SIGNET_DATABASE_URL": database_url,
        "SIGNET_DATA_DIR": str(folder),
        "SIGNET_SECRETS_DIR": str(folder / "secrets"),
        "SIGNET_CLIENT_CERT_PROXIES": "192.0.2.7",
        "SIGNET_DPOP_NONCE": "on",
        "SIGNET_FAILURES_PER_MINUTE": "30",
    }
    with kept(create_app(load_settings(environ))) as app:
        with app.app_context():
            secrets, key = _register()
            operator, viewer = app.test_client(), app.test_client()
            refused = Refused(
                app, sit_down(app, operator, "operator"), _viewer(app, viewer), canaries=secrets
            )
            send = _Sender(app.test_client(), refused)
        _send_secrets(send, secrets)
        _send_assertions(send, key, refused.canaries)
        _send_proofs(send, key, refused.canaries)
        _send_others(send, secrets, app)
        with app.app_context():
            flush_usage(wiring())
        yield refused


def _viewer(app: Flask, client: FlaskClient) -> Desk:
    sign_in(client, make_admin(app, "viewer"))
    return Desk(client)


def _register() -> tuple[dict[str, str], Key]:
    now, key = utc_now(), make_key()
    options: dict[str, Any] = {"actor": TEST, "now": now}
    take_due_step("RS256", encryption=wiring().encryption, **options)
    for name in ("external-api", "orders.read", "retired"):
        scopes.create_scope(name, apis=[name], **options)
    secrets = {}

    def register(client_id: str, name: str, **more: Any) -> str:
        issued = clients.register_client(
            ClientFacts(name=name), client_id=client_id, **(options | more)
        )
        secrets[client_id] = issued.client_secret
        return issued.secret_id

    register("billing", "Billing export", scopes=["external-api", "retired"])
    scopes.disable_scope("retired", **options)
    register("other", "Warehouse sync")
    register("gone", "Gone")
    clients.delete_client("gone", **options)
    register("disabled", "Disabled")
    clients.disable_client("disabled", **options)
    register("scopeless", "Scopeless")
    expired = register("expired", "Legacy bridge", now=now - 4 * DAY, secret_expires_in=DAY)
    assert expired
    revoked = register("revoked", "Revoked")
    client_secrets.revoke_secret("revoked", revoked, **options)
    clients.register_client_without_secret(
        ClientFacts(name="Ledger"),
        ClientAuthentication(method="private_key_jwt", jwks=jwk_set(key)),
        client_id="ledger",
        scopes=["external-api"],
        **options,
    )
    clients.register_client_without_secret(
        ClientFacts(name="Prover"),
        ClientAuthentication(method="private_key_jwt", jwks=jwk_set(key)),
        tokens=TokenOptions(dpop_bound_access_tokens=True),
        client_id="prover",
        scopes=["external-api"],
        **options,
    )
    clients.register_client_without_secret(
        ClientFacts(name="Far keys"),
        ClientAuthentication(method="private_key_jwt", jwks_uri="https://127.0.0.1:9/jwks"),
        client_id="far-keys",
        **options,
    )
    trust = TrustDetails(issuer=CLUSTER, subject=POD, audience=ISSUER, jwks=jwk_set(key))
    clients.register_client_without_secret(
        ClientFacts(name="Deployer"),
        ClientAuthentication(method="federated_jwt", trusted_issuers=(trust,)),
        client_id="deployer",
        **options,
    )
    clients.register_client_without_secret(
        ClientFacts(name="By certificate"),
        ClientAuthentication(
            method="self_signed_tls_client_auth",
            jwks=jwk_set(issue("CN=registered").jwk),
        ),
        client_id="by-certificate",
        **options,
    )
    return secrets, key


def _send_secrets(send: _Sender, secrets: dict[str, str]) -> None:
    right = secrets["billing"]
    send("no credentials")
    send("unknown", headers=basic("nobody", generate_client_secret()))
    send("unknown case", headers=basic("Billing", right))
    send("unknown space", client_id="billing ", client_secret=right)
    send("unknown deleted", headers=basic("gone", secrets["gone"]))
    send("unknown pasted", headers=basic(right, "billing"))
    send("unknown with a secret", headers=basic("nobody", right), address="198.51.100.9")
    send("disabled", headers=basic("disabled", secrets["disabled"]))
    send("wrong method", headers=basic("ledger", right))
    send("no client id", client_secret=right)
    secrets["wrong"] = generate_client_secret()
    send("wrong", headers=basic("billing", secrets["wrong"]))
    send("cut off", headers=basic("billing", right[:30]))
    send("too long", headers=basic("billing", right + "x"))
    send("mistyped", headers=basic("billing", right[:20] + "_" + right[21:]))
    send("no secret of ours", headers=basic("billing", "hunter2"))
    send("padded", client_id="billing", client_secret=right + "\n")
    send("encoded", client_id="billing", client_secret=right.replace("_", "%5F"))
    send("expired", headers=basic("expired", secrets["expired"]))
    send("revoked", headers=basic("revoked", secrets["revoked"]))
    send("foreign", headers=basic("billing", secrets["other"]))
    send("bearer", headers={"Authorization": f"Bearer {right}"})
    send("not base64", headers={"Authorization": "Basic !!!"})
    send("badly encoded", headers=basic_raw(b"billing:100%"))


def _send_assertions(send: _Sender, key: Key, canaries: dict[str, str]) -> None:
    now = utc_now()

    def assertion(client_id: str = "ledger", aud: object = ISSUER, by: Key = key, **more: Any):
        made = make_assertion(by, client_id, aud, **more)
        canaries[f"assertion {len(canaries)}"] = made
        return made

    send.asserting("assertion", assertion(jti=None))
    send.asserting("audience", assertion(aud="https://other.example"))
    send.asserting("audience list", assertion(aud=[ISSUER]))
    send.asserting("issuer", assertion(iss="somebody"))
    once = assertion()
    assert send.asserting("served", once).status_code == 200
    send.asserting("replayed", once)
    send.asserting("assertion expired", assertion(now=now - timedelta(hours=3)))
    send.asserting("early", assertion(iat=int(now.timestamp()) + 90))
    send.asserting("signature", assertion(by=make_key()), client_id="ledger")
    send.asserting(
        "bad signature", assertion(by=make_key(), header={"kid": key.kid}), client_id="ledger"
    )
    send.asserting("far keys", assertion("far-keys"))

    def platform(sub: str = POD, aud: object = ISSUER, iss: str = CLUSTER, **more: Any) -> str:
        made = make_workload_token(key, iss, sub, aud, **more)
        canaries[f"platform token {len(canaries)}"] = made
        return made

    def send_platform(name: str, token: str) -> None:
        send.asserting(name, token, client_id="deployer")

    send_platform("workload", platform(exp=int(now.timestamp()) + 90_000))
    send_platform("untrusted", platform(sub=f"{POD}-2"))
    send_platform("untrusted pattern", platform(sub="**", iss="https://evil.example"))
    send_platform("untrusted audiences", platform(aud=["a", "b"]))
    certificate = issue("CN=another").byte_sequence
    send("certificate", client_id="by-certificate", headers={"Client-Cert": certificate})


def _send_proofs(send: _Sender, key: Key, canaries: dict[str, str]) -> None:
    url, now = ISSUER + TOKEN, utc_now()

    def ask(name: str, proof: str | None) -> TestResponse:
        headers = {"DPoP": proof} if proof else {}
        if proof:
            canaries[f"proof {name}"] = proof
        assertion = make_assertion(key, "prover", ISSUER)
        sent = {"client_assertion_type": ASSERTION_TYPE, "client_assertion": assertion}
        return send(name, headers=headers, **sent)

    ask("no proof", None)
    ask("bad proof", make_proof(key, "POST", url, jti=None))
    ask("proof for another address", make_proof(key, "POST", "https://proxy.internal" + TOKEN))
    ask("proof for another method", make_proof(key, "GET", url))
    ask("old proof", make_proof(key, "POST", url, now=now - timedelta(minutes=10)))
    ask("early proof", make_proof(key, "POST", url, now=now + timedelta(minutes=10)))
    nonce = ask("no nonce", make_proof(key, "POST", url)).headers["DPoP-Nonce"]
    proof = make_proof(key, "POST", url, nonce=nonce)
    assert ask("proven", proof).status_code == 200
    ask("proof again", proof)


def _send_others(send: _Sender, secrets: dict[str, str], app: Flask) -> None:
    secret = secrets["billing"]
    billing = basic("billing", secret)
    ask: Callable[..., TestResponse] = send
    ask("scope", headers=billing, scope="orders.read nothing retired external-api")
    ask("scopeless", headers=basic("scopeless", secrets["scopeless"]))
    ask("bad scope", headers=billing, scope='a"b')
    ask("bad target", headers=billing, resource="https://nothing.example")
    ask("grant", headers=billing, grant_type="password")
    ask("malformed", headers=billing, client_secret=secret)
    ask("elsewhere", path="/connect/tokens%00", headers=billing)
    ask("introspection", path="/connect/introspect", headers=basic("billing", "hunter2"), token="x")
    with app.app_context(), away("client"):
        # A client that is known gets its token all the same.
        ask("database away", headers=basic("nobody", secret))
