"""What the docs print for consumers and API owners runs as printed."""

import json
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.cli.shell import typing_commands
from tests.databases import Databases
from tests.documents import blocks, run, run_bash
from tests.node import FOLDER, find_node
from tests.oauth.signing import Key, jwk_set, make_key, make_workload_token, split
from tests.running import Server


@dataclass(frozen=True)
class Documented:
    """A Signet with what the documents for consumers and API owners take for granted."""

    server: Server
    #: What the pages offer as a ``.env`` file, and what the text names besides.
    variables: dict[str, str]
    #: The same of a client without a secret that has a key, and of one whose platform vouches.
    with_key: dict[str, str]
    with_platform: dict[str, str]
    key: Key


API = "https://api.example.org"
PLATFORM_KEY = make_key()
FORGE, SUBJECT = "https://token.actions.githubusercontent.com", "repo:acme/shop:ref:refs/heads/main"


@pytest.fixture(scope="module")
def documented(
    databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Documented]:
    folder = tmp_path_factory.mktemp("documented")
    key = make_key()
    for name, jwks in (("client", jwk_set(key)), ("platform", jwk_set(PLATFORM_KEY))):
        (folder / f"{name}.json").write_text(json.dumps(jwks))
    with databases.fresh("sqlite") as url:
        server = Server(folder, url)
        try:
            server.start()
            with typing_commands(server) as shell:
                shell.json("scope", "create", "external-api", "--api", API)
                secret = shell.json("client", "create", "Reader", "--scope", "external-api")
                api = shell.json("api", "secret", "create", API)
                by_key = shell.json(
                    "client", "create", "Signer", "--scope", "external-api", "--jwks",
                    f"{folder}/client.json", "--token-endpoint-auth-method", "private_key_jwt",
                )  # fmt: skip
                by_platform = shell.json(
                    "client", "create", "Job", "--scope", "external-api",
                    "--token-endpoint-auth-method", "federated_jwt", "--trust-issuer", FORGE,
                    "--trust-subject", SUBJECT, "--trust-audience", "https://id.example.org",
                    "--trust-jwks", f"{folder}/platform.json",
                )  # fmt: skip
            common = {
                "SIGNET_ISSUER": server.base_url,
                "SIGNET_TOKEN_URL": f"{server.base_url}/connect/token",
                "SIGNET_SCOPE": "external-api",
                "API_ID": API,
                "API_SECRET": api["client_secret"],
            }
            yield Documented(
                server,
                common
                | {
                    "SIGNET_CLIENT_ID": secret["client_id"],
                    "SIGNET_CLIENT_SECRET": secret["client_secret"],
                },
                common | {"SIGNET_CLIENT_ID": by_key["client_id"]},
                common | {"SIGNET_CLIENT_ID": by_platform["client_id"]},
                key,
            )
        finally:
            server.stop()


@pytest.fixture
def workload(documented: Documented, tmp_path: Path) -> Iterator[dict[str, str]]:
    """What a platform gives its workloads: a token in a file, and one at an address."""
    token = make_workload_token(PLATFORM_KEY, FORGE, SUBJECT, "https://id.example.org")
    (tmp_path / "token").write_text(token)

    class Forge(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            assert self.path == "/?api-version=2.0&audience=https://id.example.org"
            assert self.headers["Authorization"] == "bearer of the job"
            body = json.dumps({"count": len(token), "value": token}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    forge = HTTPServer(("127.0.0.1", 0), Forge)
    thread = threading.Thread(target=forge.serve_forever)
    thread.start()
    yield documented.with_platform | {
        "WORKLOAD_TOKEN_FILE": str(tmp_path / "token"),
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"http://127.0.0.1:{forge.server_port}/?api-version=2.0",
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of the job",
    }
    forge.shutdown()
    thread.join()
    forge.server_close()


def test_the_requests_of_consumers_run_as_printed(
    documented: Documented, workload: dict[str, str]
) -> None:
    requests = blocks("docs/api-consumers.md", "bash")
    assert ["client_assertion" in request for request in requests].count(True) == 2
    for block in requests:
        variables = workload if "client_assertion" in block else documented.variables
        outcome = run_bash(documented.server, block, **variables)
        assert outcome.stdout.startswith('{"access_token":"ey'), block + outcome.stderr


def test_the_python_of_consumers_asks_once_for_many_calls(documented: Documented) -> None:
    snippet, _ = blocks("docs/api-consumers.md", "python")
    twice = snippet + "\nassert access_token() == access_token()\nprint(access_token())\n"
    outcome = run(documented.server, [sys.executable, "-c", twice], **documented.variables)
    assert outcome.stdout.startswith("ey"), outcome.stderr


def test_the_python_of_consumers_signs_with_a_key(documented: Documented, tmp_path: Path) -> None:
    _, snippet = blocks("docs/api-consumers.md", "python")
    write_key(documented.key, tmp_path)
    outcome = run(
        documented.server, [sys.executable, "-c", snippet], cwd=tmp_path, **documented.with_key
    )
    assert outcome.stdout.startswith("ey"), outcome.stderr


def test_the_node_of_consumers_signs_with_a_key_and_binds_the_token(
    documented: Documented, tmp_path: Path
) -> None:
    node = find_node()
    signing, binding = blocks("docs/api-consumers.md", "js")
    # Plain http is for tests; and the API of the text is nowhere.
    signing = signing.replace(
        "undefined, proof)", "undefined, proof, { execute: [client.allowInsecureRequests] })"
    )
    binding = "config[client.customFetch] = calledApi;\n" + binding
    write_key(documented.key, tmp_path)
    (tmp_path / "node_modules").symlink_to(FOLDER / "node_modules")
    (tmp_path / "program.mjs").write_text(signing + binding + CALLED_API)
    outcome = run(documented.server, [node, "program.mjs"], cwd=tmp_path, **documented.with_key)
    token, call = outcome.stdout.splitlines()
    assert token.startswith("ey"), outcome.stderr
    assert call == "dpop 204"


#: Stands in for the API of the snippet, if it is called with a token and its proof.
CALLED_API = """
function calledApi(url, options) {
  if (!url.startsWith('https://api.example.org/')) return fetch(url, options);
  const { authorization, dpop } = Object.fromEntries(new Headers(options.headers));
  const isBound = authorization.startsWith('DPoP ey') && dpop.startsWith('ey');
  return new Response(null, { status: isBound ? 204 : 401 });
}
"""


def write_key(key: Key, folder: Path) -> None:
    """Put the private key where the snippets look for it."""
    pem = key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    (folder / "client.pem").write_bytes(pem)


def test_the_questions_of_api_owners_run_as_printed(documented: Documented) -> None:
    plain, signed = blocks("docs/api-owners.md", "bash")
    (request, *_) = blocks("docs/api-consumers.md", "bash")
    answer = json.loads(run_bash(documented.server, request, **documented.variables).stdout)
    variables = documented.variables | {"TOKEN": answer["access_token"]}
    outcome = run_bash(documented.server, plain, **variables)
    assert json.loads(outcome.stdout)["active"] is True, outcome.stderr
    (printed,) = blocks("docs/api-owners.md", "json")
    assert list(json.loads(printed)) == list(json.loads(outcome.stdout))
    outcome = run_bash(documented.server, signed, **variables)
    header, claims, _ = split(outcome.stdout)
    assert header["typ"] == "token-introspection+jwt"
    assert claims["token_introspection"]["active"] is True


def test_the_apis_of_api_owners_take_a_token_and_nothing_else(documented: Documented) -> None:
    variables = documented.variables | {"PYTHONPATH": "tests/conformance"}
    simple, bound = blocks("docs/api-owners.md", "python")
    for snippet, calls, statuses in (
        (simple, CALLS, ["200", "401", "401", "401", "403"]),
        (bound, BOUND_CALLS, ["200", "401", "401", "401", "200"]),
    ):
        program = snippet.replace("http://localhost:8000", documented.server.base_url) + calls
        outcome = run(documented.server, [sys.executable, "-c", program], **variables)
        assert outcome.stdout.split() == statuses, outcome.stderr


#: Asks for a token, with these headers.
GET_TOKEN = """
import os

import requests

from tests.oauth.signing import make_key, make_proof

url = os.environ["SIGNET_TOKEN_URL"]
key, stranger = make_key(), make_key()


def get_token(**headers):
    answer = requests.post(
        url,
        auth=(os.environ["SIGNET_CLIENT_ID"], os.environ["SIGNET_CLIENT_SECRET"]),
        data={"grant_type": "client_credentials"},
        headers=headers,
        timeout=10,
    )
    return answer.json()["access_token"]
"""

#: Calls the API of the snippet with a good token, none, a changed one, one that is bound to a key,
#: and one of another scope.
CALLS = (
    GET_TOKEN
    + """
good, bound = get_token(), get_token(DPoP=make_proof(key, "POST", url))
orders = app.test_client()


def call(token):
    headers = {"Authorization": "Bearer " + token}
    return orders.get("/orders", headers=headers).status_code


print(call(good), call(""), call(good[:-4] + "AAAA"), call(bound))
decode = jwt.decode
jwt.decode = lambda *args, **kwargs: decode(*args, **kwargs) | {"scope": "another"}
print(call(good))
"""
)

#: Calls the other with a bound token and its proof, with that proof again, without one, with the
#: proof of a stranger, and then with a token that anybody may bear.
BOUND_CALLS = (
    GET_TOKEN
    + """

def call(scheme, token, **headers):
    headers["Authorization"] = scheme + " " + token
    return app.test_client().get("/orders", headers=headers).status_code


token = get_token(DPoP=make_proof(key, "POST", url))
proof = make_proof(key, "GET", API + "/orders", token)
print(call("DPoP", token, DPoP=proof), call("DPoP", token, DPoP=proof), call("DPoP", token))
print(call("DPoP", token, DPoP=make_proof(stranger, "GET", API + "/orders", token)))
print(call("Bearer", get_token()))
"""
)
