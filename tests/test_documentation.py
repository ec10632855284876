"""What README and docs print runs as printed."""

import re
import subprocess
import sys

import pytest

from signet.settings import load_settings
from tests.conftest import StartServer
from tests.running import ROOT, Server

DOCUMENTS = ("README.md", "docs/operators.md", "docs/api-consumers.md", "docs/api-owners.md")


def blocks(document: str, language: str) -> list[str]:
    """The fenced blocks of a language, in their order."""
    text = (ROOT / document).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)


def run(server: Server, command: list[str], **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=ROOT,
        env=server.environ | variables,
        capture_output=True,
        text=True,
        check=False,
    )


def credentials(server: Server) -> dict[str, str]:
    """What the pages offer as a ``.env`` file, for a client of this test's own."""
    server.flask("scope", "create", "external-api", "--api", "https://api.example.org")
    client = server.flask("client", "create", "Reader", "--scope", "external-api")
    return {
        "SIGNET_TOKEN_URL": f"{server.base_url}/connect/token",
        "SIGNET_CLIENT_ID": client["client_id"],
        "SIGNET_CLIENT_SECRET": client["client_secret"],
        "SIGNET_SCOPE": client["scope"],
    }


@pytest.fixture
def server(start_server: StartServer) -> Server:
    return start_server()


@pytest.mark.parametrize("engine", ["sqlite"])
@pytest.mark.parametrize("document", ["README.md", "docs/operators.md"])
def test_the_commands_of_operators_run_as_printed(server: Server, document: str) -> None:
    for block in blocks(document, "bash"):
        outcome = run(server, ["bash", "-euo", "pipefail", "-c", block])
        assert outcome.returncode == 0, f"{block}\n{outcome.stderr}"


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_requests_of_consumers_run_as_printed(server: Server) -> None:
    variables = credentials(server)
    for block in blocks("docs/api-consumers.md", "bash"):
        outcome = run(server, ["bash", "-euo", "pipefail", "-c", block], **variables)
        assert outcome.stdout.startswith('{"access_token":"ey'), block + outcome.stderr


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_python_of_consumers_asks_once_for_many_calls(server: Server) -> None:
    variables = credentials(server)
    (snippet,) = blocks("docs/api-consumers.md", "python")
    twice = snippet + "\nassert access_token() == access_token()\nprint(access_token())\n"
    outcome = run(server, [sys.executable, "-c", twice], **variables)
    assert outcome.stdout.startswith("ey"), outcome.stderr


@pytest.mark.parametrize("engine", ["sqlite"])
def test_the_apis_of_api_owners_take_a_token_and_nothing_else(server: Server) -> None:
    variables = credentials(server) | {"PYTHONPATH": "tests/conformance"}
    simple, bound = blocks("docs/api-owners.md", "python")
    for snippet, calls, statuses in (
        (simple, CALLS, ["200", "401", "401", "403"]),
        (bound, BOUND_CALLS, ["200", "401", "401", "401", "200"]),
    ):
        program = snippet.replace("http://localhost:8000", server.base_url) + calls
        outcome = run(server, [sys.executable, "-c", program], **variables)
        assert outcome.stdout.split() == statuses, outcome.stderr


#: Calls the API of the snippet with a good token, none, a changed one, and one of another scope.
CALLS = """
import os

import requests

answer = requests.post(
    os.environ["SIGNET_TOKEN_URL"],
    auth=(os.environ["SIGNET_CLIENT_ID"], os.environ["SIGNET_CLIENT_SECRET"]),
    data={"grant_type": "client_credentials"},
    timeout=10,
)
good = answer.json()["access_token"]
orders = app.test_client()


def call(token):
    headers = {"Authorization": "Bearer " + token}
    return orders.get("/orders", headers=headers).status_code


print(call(good), call(""), call(good[:-4] + "AAAA"))
decode = jwt.decode
jwt.decode = lambda *args, **kwargs: decode(*args, **kwargs) | {"scope": "another"}
print(call(good))
"""

#: Calls the other with a bound token and its proof, with that proof again, without one, with the
#: proof of a stranger, and then with a token that anybody may bear.
BOUND_CALLS = """
import os

import requests

from tests.oauth.signing import make_key, make_proof

key, stranger = make_key(), make_key()
url = os.environ["SIGNET_TOKEN_URL"]


def get_token(**headers):
    answer = requests.post(
        url,
        auth=(os.environ["SIGNET_CLIENT_ID"], os.environ["SIGNET_CLIENT_SECRET"]),
        data={"grant_type": "client_credentials"},
        headers=headers,
        timeout=10,
    )
    return answer.json()["access_token"]


def call(scheme, token, **headers):
    headers["Authorization"] = scheme + " " + token
    return app.test_client().get("/orders", headers=headers).status_code


token = get_token(DPoP=make_proof(key, "POST", url))
proof = make_proof(key, "GET", API + "/orders", token)
print(call("DPoP", token, DPoP=proof), call("DPoP", token, DPoP=proof), call("DPoP", token))
print(call("DPoP", token, DPoP=make_proof(stranger, "GET", API + "/orders", token)))
print(call("Bearer", get_token()))
"""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_link_to_a_file_leads_somewhere(document: str) -> None:
    text = (ROOT / document).read_text(encoding="utf-8")
    for target in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / document).parent.joinpath(target).exists(), target


def test_every_setting_stands_in_the_documentation_and_the_example() -> None:
    source = (ROOT / "signet/settings.py").read_text(encoding="utf-8")
    names = set(re.findall(r'"(SIGNET_[A-Z_]+)"', source))
    assert len(names) > 15
    for document in ("docs/operators.md", ".env.example"):
        text = (ROOT / document).read_text(encoding="utf-8")
        assert {name for name in names if name not in text} == set(), document


def test_the_example_of_settings_is_the_defaults() -> None:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    pairs = re.findall(r"^#(SIGNET_[A-Z_]+)=(.*)$", example, re.MULTILINE)
    assert load_settings(dict(pairs)) == load_settings({})
