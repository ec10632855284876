"""Node's clients and verifiers, openid-client, oauth4webapi and jose, know nothing of Signet.

The scenarios are in ``node/clients.js`` and ``node/apis.js``. One process plays them all, because
its start takes longer than a scenario; each is a test of its own here.
"""

import json
import secrets
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from werkzeug.serving import make_server

from signet.oauth.dpop import Nonces
from tests.cli.shell import Shell
from tests.conformance.sample_api import create_api, protect
from tests.node import FOLDER, find_node
from tests.oauth.signing import Key, jwk_set, make_key
from tests.running import PATIENCE, free_port
from tests.strangers.conftest import House, write_json

ORDERS, SCOPE = "https://orders.example.org", "orders.read"
ELLIPTIC, ELLIPTIC_SCOPE = "https://elliptic.example.org", "elliptic-api"
KEYS = {alg: make_key(alg) for alg in ("PS256", "ES256", "Ed25519")}


def test_the_pins_name_no_address_of_a_registry():
    packages = json.loads((FOLDER / "package-lock.json").read_text())["packages"]
    pins = {name: package for name, package in packages.items() if name}
    assert len(pins) >= 4
    for pin in pins.values():
        assert "resolved" not in pin
        assert pin["integrity"].startswith("sha512-")


@pytest.fixture(scope="session")
def node_program() -> str:
    """Asked for before the servers, which are not needed without it."""
    return find_node()


def parties(shell: Shell, scope: str, audience: str) -> dict[str, Any]:
    """A client with a secret, and the API of its scope with one."""
    client = shell.json("client", "create", f"Node for {scope}", "--scope", scope)
    api = shell.json("api", "secret", "create", audience)
    return {
        "scope": scope,
        "audience": audience,
        "secret": {"id": client["client_id"], "secret": client["client_secret"]},
        "apiSecret": api["client_secret"],
    }


@contextmanager
def serving_orders(issuer: str, nonces: Nonces | None = None) -> Iterator[str]:
    """The address of the sample API, as its clients and the proofs of their keys name it."""
    port = free_port()
    base_url = f"http://127.0.0.1:{port}"
    resource = replace(protect(issuer, ORDERS), nonces=nonces)
    server = make_server("127.0.0.1", port, create_api(resource, base_url), threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"{base_url}/orders"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def pem(key: Key) -> str:
    encoded = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return encoded.decode()


@pytest.fixture(scope="module")
def results(
    node_program: str, house: House, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    """What came of each scenario: a ``value`` or an ``error``."""
    folder = tmp_path_factory.mktemp("node")
    jwks = write_json(folder, "jwks.json", jwk_set(*KEYS.values()))
    with house.commands() as shell:
        shell.json("scope", "create", SCOPE, "--api", ORDERS)
        shell.json("api", "create", ELLIPTIC, "--signing-alg", "ES256")
        shell.json("scope", "create", ELLIPTIC_SCOPE, "--api", ELLIPTIC)
        with_keys = shell.json(
            "client", "create", "Node with keys", "--scope", SCOPE,
            "--token-endpoint-auth-method", "private_key_jwt", "--jwks", jwks,
        )  # fmt: skip
        given = {
            "issuer": house.server.base_url,
            **parties(shell, SCOPE, ORDERS),
            "elliptic": parties(shell, ELLIPTIC_SCOPE, ELLIPTIC),
            "keys": {
                "id": with_keys["client_id"],
                "of": {alg: {"pem": pem(key), "kid": key.kid} for alg, key in KEYS.items()},
            },
        }
    strict = house.strict.base_url
    with (
        serving_orders(house.server.base_url) as api,
        serving_orders(strict, Nonces(secrets.token_bytes(32))) as strict_api,
    ):
        given |= {"api": api, "strict": {"issuer": strict, "api": strict_api}}
        played = subprocess.run(
            [node_program, "run.js"],
            cwd=FOLDER,
            input=json.dumps(given),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    assert played.returncode == 0, played.stderr
    return json.loads(played.stdout)


class Scenarios:
    """Gives what came of a scenario by its name; the other outcome fails the test."""

    def __init__(self, results: dict[str, Any]) -> None:
        self._results = results

    def value(self, name: str) -> Any:
        assert "error" not in self._results[name], self._results[name]
        return self._results[name]["value"]

    def error(self, name: str) -> Any:
        assert "value" not in self._results[name], self._results[name]
        return self._results[name]["error"]


@pytest.fixture
def node(results: dict[str, Any]) -> Scenarios:
    return Scenarios(results)


@pytest.mark.parametrize("scenario", ["discoveryOfOpenID", "discoveryOfOAuth"])
def test_openid_client_discovers_the_server(node: Scenarios, house: House, scenario: str):
    metadata = node.value(scenario)
    assert metadata["issuer"] == house.server.base_url
    assert metadata["token_endpoint"] == f"{house.server.base_url}/connect/token"


@pytest.mark.parametrize(
    "scenario",
    [
        "secretByBasic",
        "secretByPost",
        "resource",
        "privateKeyJwtPS256",
        "privateKeyJwtES256",
        "privateKeyJwtEd25519",
    ],
)
def test_openid_client_gets_a_token(node: Scenarios, scenario: str):
    token = node.value(scenario)
    assert (token["token_type"], token["scope"]) == ("bearer", SCOPE)
    assert token["expires_in"] == 3600


def test_openid_client_understands_a_refusal_by_header(node: Scenarios):
    error = node.error("wrongSecretByBasic")
    assert (error["status"], error["code"]) == (401, "OAUTH_WWW_AUTHENTICATE_CHALLENGE")


@pytest.mark.parametrize(
    ("scenario", "code"),
    [("wrongSecretByPost", "invalid_client"), ("foreignScope", "invalid_scope")],
)
def test_openid_client_understands_a_refusal(node: Scenarios, scenario: str, code: str):
    error = node.error(scenario)
    assert (error["status"], error["code"]) == (400, code)


@pytest.mark.parametrize("scenario", ["dpopPS256", "dpopES256", "dpopEd25519", "dpopWithNonces"])
def test_openid_client_proves_to_hold_its_key(node: Scenarios, scenario: str):
    """RFC 9449: at the token endpoint, and at the API that the token is for."""
    outcome = node.value(scenario)
    assert outcome["token"]["token_type"] == "dpop"
    assert outcome["call"]["status"] == 200
    assert outcome["call"]["body"]["client_id"]


@pytest.mark.parametrize(
    ("scenario", "scheme", "error"),
    [
        ("dpopTokenUnderAnotherKey", "dpop", "invalid_dpop_proof"),
        ("dpopTokenAsBearer", "bearer", "invalid_token"),
    ],
)
def test_a_bound_token_is_of_no_use_to_others(
    node: Scenarios, scenario: str, scheme: str, error: str
):
    outcome = node.value(scenario)
    (challenge,) = outcome["challenges"]
    assert outcome["status"] == 401
    assert (challenge["scheme"], challenge["parameters"]["error"]) == (scheme, error)


def test_a_bearer_token_is_taken_by_the_api(node: Scenarios):
    assert node.value("bearerTokenAtTheApi")["status"] == 200


@pytest.mark.parametrize(
    "scenario",
    [
        "introspectionByTheApi",
        "introspectionByTheClient",
        "signedIntrospection",
        "signedIntrospectionES256",
    ],
)
def test_openid_client_asks_whether_a_token_is_active(node: Scenarios, scenario: str):
    """RFC 7662, RFC 9701."""
    answer = node.value(scenario)
    assert (answer["active"], answer["token_type"]) == (True, "Bearer")
    assert answer["scope"] == (ELLIPTIC_SCOPE if scenario.endswith("ES256") else SCOPE)


def test_openid_client_is_told_that_garbage_is_not_active(node: Scenarios):
    assert node.value("signedIntrospectionOfGarbage") == {"active": False}


def test_openid_client_revokes_a_token(node: Scenarios):
    """RFC 7009."""
    assert node.value("revocation") == {"active": False}


@pytest.mark.parametrize(
    ("scenario", "alg", "audience"),
    [("joseVerifies", "RS256", ORDERS), ("joseVerifiesES256", "ES256", ELLIPTIC)],
)
def test_jose_verifies_an_access_token(node: Scenarios, scenario: str, alg: str, audience: str):
    outcome = node.value(scenario)
    assert outcome["header"]["alg"] == alg
    assert outcome["payload"]["aud"] == audience


@pytest.mark.parametrize(
    ("scenario", "code"),
    [
        ("joseWithAnotherAudience", "ERR_JWT_CLAIM_VALIDATION_FAILED"),
        ("joseWithAnotherAlgorithm", "ERR_JOSE_ALG_NOT_ALLOWED"),
        ("joseWithAChangedToken", "ERR_JWS_SIGNATURE_VERIFICATION_FAILED"),
    ],
)
def test_jose_refuses_what_is_not_for_it(node: Scenarios, scenario: str, code: str):
    assert node.error(scenario)["code"] == code


@pytest.mark.parametrize(
    ("scenario", "audience"),
    [
        ("oauth4webapiValidates", ORDERS),
        ("oauth4webapiValidatesES256", ELLIPTIC),
        ("oauth4webapiValidatesAProof", ORDERS),
    ],
)
def test_oauth4webapi_validates_an_access_token(node: Scenarios, scenario: str, audience: str):
    """RFC 9068 §4, and RFC 9449 §7 where the token is bound."""
    claims = node.value(scenario)
    assert claims["aud"] == audience
    assert ("cnf" in claims) == scenario.endswith("Proof")


def test_oauth4webapi_refuses_a_token_for_another_api(node: Scenarios):
    code = node.error("oauth4webapiWithAnotherAudience")["code"]
    assert code == "OAUTH_JWT_CLAIM_COMPARISON_FAILED"


def test_every_scenario_is_a_test(results: dict[str, Any]):
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in results if f'"{name}"' not in source] == []
