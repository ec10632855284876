"""The programs on the pages of clients and APIs do what they say, run as they are printed there."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import requests
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.admin.signing_in import make_admin, sign_in
from tests.cli.shell import typing_commands
from tests.databases import Databases
from tests.node import FOLDER, find_node
from tests.oauth.signing import Key, jwk_set, make_key, make_proof, make_workload_token
from tests.printed import programs_on
from tests.running import BIN, PATIENCE, Server, free_port

#: Nothing in it may end a string or a line of any language.
API = "https://api.example.org/\"'{{x}}`$(x)</script>"
SCOPE, OTHER_SCOPE, ELSEWHERE = "orders.read", "orders.write", "elsewhere"
FORGE, SUBJECT = "https://forge.example.org", "repo:acme/shop"
FRAMEWORKS = ("flask", "fastapi", "express", "aspnet", "spring", "go")
NAMES = dict(
    zip(FRAMEWORKS, ("Flask", "FastAPI", "Express", "ASP.NET", "Spring", "Go"), strict=True)
)

#: How a program goes on: it prints the token, and what it has is asked for as often as one likes.
PRINT = {
    "curl": 'printf "%s\\n" "$token"',
    "python": "print(token)",
    "node": "console.log(access_token);",
}
TWICE = {
    "curl": """
echo "$(signet_token)"
sed -i "1s/.*/0/" "$HOME/.cache/signet/$SIGNET_CLIENT_ID"
echo "$(signet_token)"
""",
    "python": "print(access_token()); _kept['until'] = 0; print(access_token())",
    "node": "console.log(await accessToken()); kept.until = 0; console.log(await accessToken());",
}
LABELS = {"curl": "curl", "python": "Python", "node": "Node"}


@dataclass(frozen=True)
class Printed:
    """A Signet, the programs on its pages, and what they need to run."""

    server: Server
    #: By the client or ``api``, then by language or framework, then by the name of the box.
    pages: dict[str, dict[str, dict[str, str]]]
    clients: dict[str, dict[str, str]]
    key: Key
    folder: Path

    def run(self, client: str, language: str, box: str, more: str) -> list[str]:
        """The lines that a program of a client prints."""
        boxes = self.pages[client][language]
        program = boxes[f"{LABELS[language]} program{box}"] + "\n" + more + "\n"
        # What stands for a path on the page is one here; all else is as it is printed.
        variables = boxes["Variables"].replace("/path/to/the", str(self.folder))
        outcome = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", f"{variables}\n{self._start(language, program)}"],
            cwd=self.folder,
            env=self.server.environ | {"HOME": str(self.folder)},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
        assert outcome.returncode == 0, outcome.stderr + program
        return outcome.stdout.splitlines()

    def _start(self, language: str, program: str) -> str:
        if language == "curl":
            return program
        name = "program.py" if language == "python" else "program.mjs"
        (self.folder / name).write_text(program)
        return f"{BIN / 'python' if language == 'python' else find_node()} {name}"

    def token(self, client: str, **headers: str) -> str:
        """An access token of a client with a secret."""
        issued = self.clients[client]
        answer = requests.post(
            f"{self.server.base_url}/connect/token",
            auth=(issued["client_id"], issued["client_secret"]),
            data={"grant_type": "client_credentials"},
            headers=headers,
            timeout=PATIENCE,
        )
        return str(answer.json()["access_token"])


@pytest.fixture(scope="module")
def printed(databases: Databases, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Printed]:
    folder = tmp_path_factory.mktemp("printed")
    key, platform_key = make_key(), make_key()
    (folder / "jwks.json").write_text(json.dumps(jwk_set(key)))
    (folder / "platform.json").write_text(json.dumps(jwk_set(platform_key)))
    (folder / "token").write_text(
        make_workload_token(platform_key, FORGE, SUBJECT, "signet") + "\n"
    )
    (folder / "client.pem").write_bytes(
        key.private.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    (folder / "node_modules").symlink_to(FOLDER / "node_modules")
    by_key = ("--token-endpoint-auth-method", "private_key_jwt", "--jwks", f"{folder}/jwks.json")
    by_platform = (
        "--token-endpoint-auth-method", "federated_jwt", "--trust-issuer", FORGE, "--trust-subject",
        SUBJECT, "--trust-audience", "signet", "--trust-jwks", f"{folder}/platform.json",
    )  # fmt: skip
    with databases.fresh("sqlite") as url:
        server = Server(folder, url)
        try:
            server.start()
            with typing_commands(server) as shell:
                shell.json("scope", "create", SCOPE, "--api", API)
                shell.json("scope", "create", OTHER_SCOPE, "--api", API)
                shell.json("scope", "create", ELSEWHERE, "--api", "https://elsewhere.example.org")
                made = {
                    name: shell.json("client", "create", name, "--client-id", name, *options)
                    for name, options in (
                        ("with-secret", ("--scope", SCOPE, "--scope", OTHER_SCOPE)),
                        ("of-another-scope", ("--scope", OTHER_SCOPE)),
                        ("of-another-api", ("--scope", ELSEWHERE)),
                        ("with-key", ("--scope", SCOPE, *by_key)),
                        ("with-platform", ("--scope", SCOPE, *by_platform)),
                        ("with-proof", ("--scope", SCOPE, "--dpop-bound-access-tokens")),
                    )
                }
            for name in ("with-secret", "with-proof"):
                env_file_of(server, made[name], folder / f"{name}.env")
            yield Printed(server, pages_of(server), made, key, folder)
        finally:
            server.stop()


def env_file_of(server: Server, issued: dict[str, Any], path: Path) -> None:
    """The file to download, as the page of a new secret offers it."""
    path.write_text(
        f"SIGNET_TOKEN_URL={server.base_url}/connect/token\nSIGNET_CLIENT_ID={issued['client_id']}\n"
        f"SIGNET_CLIENT_SECRET={issued['client_secret']}\nSIGNET_SCOPE='{issued['scope']}'\n"
    )


def pages_of(server: Server) -> dict[str, dict[str, dict[str, str]]]:
    """The programs on the pages, read in another process than the server's."""
    with server.opened() as app:
        browser = app.test_client()
        sign_in(browser, make_admin(app, "administrator"))

        def programs(path: str, languages: tuple[str, ...]) -> dict[str, dict[str, str]]:
            return {
                language: programs_on(browser.get(f"{path}?language={language}").text)
                for language in languages
            }

        pages = {
            name: programs(f"/admin/clients/{name}", ("curl", "python", "node", "csharp", "go"))
            for name in ("with-secret", "with-key", "with-platform", "with-proof")
        }
        return pages | {"api": programs("/admin/apis/1", FRAMEWORKS)}


@pytest.mark.parametrize("language", PRINT)
def test_a_program_leaves_a_token_in_its_variable(printed: Printed, language: str):
    lines = printed.run("with-secret", language, "", PRINT[language])
    assert lines[-1].startswith("ey")


@pytest.mark.parametrize("language", TWICE)
def test_a_program_that_keeps_the_token_asks_anew_only_when_it_is_over(
    printed: Printed, language: str
):
    more = f"{PRINT[language]}\n{TWICE[language]}"
    first, kept, anew = printed.run("with-secret", language, " that keeps the token", more)
    assert first.startswith("ey")
    assert kept == first
    assert anew.startswith("ey")
    assert anew != first


@pytest.mark.parametrize("box", ["", " that keeps the token"])
@pytest.mark.parametrize("client", ["with-key", "with-platform"])
@pytest.mark.parametrize("language", ["python", "node"])
def test_a_program_without_a_secret_gets_a_token(
    printed: Printed, client: str, language: str, box: str
):
    (token,) = printed.run(client, language, box, PRINT[language])
    assert token.startswith("ey")


def test_a_workload_gets_a_token_with_curl(printed: Printed):
    assert printed.run("with-platform", "curl", "", PRINT["curl"])[-1].startswith("ey")


@pytest.mark.parametrize("box", ["", " that keeps the token"])
def test_a_client_that_must_prove_a_key_gets_a_bound_token(printed: Printed, box: str):
    more = "console.log(JSON.parse(atob(access_token.split('.')[1])).cnf.jkt);"
    (thumbprint,) = printed.run("with-proof", "node", box, more)
    assert len(thumbprint) == 43


@pytest.mark.parametrize("language", ["csharp", "go"])
@pytest.mark.parametrize("box", ["", " that keeps the token"])
def test_a_program_that_is_not_run_reads_the_variables_and_is_whole(
    printed: Printed, language: str, box: str
):
    label = {"csharp": "C#", "go": "Go"}[language]
    program = printed.pages["with-secret"][language][f"{label} program{box}"]
    names = ("TOKEN_URL", "CLIENT_ID", "CLIENT_SECRET", "SCOPE")
    assert [program.count(f'"SIGNET_{name}"') for name in names] == [1, 1, 1, 1]
    assert is_balanced(program)


@pytest.fixture(scope="module")
def apis(printed: Printed) -> Iterator[dict[str, str]]:
    """The addresses of the three APIs that are run, all at once."""
    folder = printed.folder
    with ExitStack() as stack:
        addresses = {
            framework: stack.enter_context(serving(printed, framework, command, folder))
            for framework, command in (
                ("flask", [BIN / "flask", "--app", "flask_api.py", "run", "--port"]),
                ("fastapi", [BIN / "uvicorn", "fastapi_api:app", "--port"]),
                ("express", [find_node(), "express_api.mjs"]),
            )
        }
        for address in addresses.values():
            wait_for(address)
        yield addresses


@contextmanager
def serving(printed: Printed, framework: str, command: list[Any], folder: Path) -> Iterator[str]:
    program = printed.pages["api"][framework][f"{NAMES[framework]} program"]
    ending = "mjs" if framework == "express" else "py"
    (folder / f"{framework}_api.{ending}").write_text(program + "\n")
    port = str(free_port())
    with (folder / f"{framework}.log").open("w") as log:
        process = subprocess.Popen(
            [*command, port],
            cwd=folder,
            env=printed.server.environ | {"PORT": port},
            stdout=log,
            stderr=log,
        )
        try:
            yield f"http://127.0.0.1:{port}/orders"
        finally:
            process.terminate()
            process.wait(PATIENCE)


def wait_for(address: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            requests.get(address, timeout=PATIENCE)
            return
        except requests.ConnectionError:
            assert time.monotonic() < deadline, address
            time.sleep(0.02)


RUN = pytest.mark.parametrize("framework", ["flask", "fastapi", "express"])


def call(address: str, token: str, scheme: str = "Bearer") -> requests.Response:
    headers = {"Authorization": f"{scheme} {token}"} if token else {}
    return requests.get(address, headers=headers, timeout=PATIENCE)


@RUN
def test_an_api_takes_a_good_token(printed: Printed, apis: dict[str, str], framework: str):
    answer = call(apis[framework], printed.token("with-secret"))
    assert (answer.status_code, answer.json()) == (200, {"client": "with-secret"})


@RUN
def test_an_api_refuses_a_token_for_another(printed: Printed, apis: dict[str, str], framework: str):
    assert call(apis[framework], printed.token("of-another-api")).status_code == 401


@RUN
@pytest.mark.parametrize("token", ["", "nonsense", "eyJhbGciOiJub25lIn0.e30."])
def test_an_api_refuses_a_call_without_a_token(apis: dict[str, str], framework: str, token: str):
    assert call(apis[framework], token).status_code == 401


@RUN
def test_an_api_refuses_a_token_of_another_scope(
    printed: Printed, apis: dict[str, str], framework: str
):
    assert call(apis[framework], printed.token("of-another-scope")).status_code == 403


@RUN
def test_an_api_refuses_a_changed_token(printed: Printed, apis: dict[str, str], framework: str):
    token = printed.token("with-secret")
    assert call(apis[framework], token[:-8] + "AAAAAAAA").status_code == 401


@RUN
def test_an_api_refuses_a_bound_token_that_anybody_may_have_stolen(
    printed: Printed, apis: dict[str, str], framework: str
):
    url = f"{printed.server.base_url}/connect/token"
    token = printed.token("with-secret", DPoP=make_proof(printed.key, "POST", url))
    assert call(apis[framework], token).status_code == 401


@pytest.mark.parametrize("framework", ["aspnet", "spring", "go"])
def test_a_check_that_is_not_run_holds_the_values_of_the_api_and_is_whole(
    printed: Printed, framework: str
):
    program = printed.pages["api"][framework][f"{NAMES[framework]} program"]
    base_url = printed.server.base_url
    for value in (base_url, API):
        assert json.dumps(value, ensure_ascii=False) in program
    for value in (f"{base_url}/.well-known/openid-configuration/jwks", "RS256", "cnf", SCOPE):
        assert value in program
    assert is_balanced(program)


def is_balanced(program: str) -> bool:
    """Whether every bracket outside of strings and comments has its other half."""
    pairs, open_ones, rest = {")": "(", "]": "[", "}": "{"}, [], program
    while rest:
        if rest.startswith("//"):
            rest = rest.partition("\n")[2]
            continue
        if rest[0] in "\"'`":
            end = 1
            while rest[end] != rest[0]:
                end += 2 if rest[end] == "\\" else 1
            rest = rest[end:]
        elif rest[0] in pairs.values():
            open_ones.append(rest[0])
        elif rest[0] in pairs and (not open_ones or open_ones.pop() != pairs[rest[0]]):
            return False
        rest = rest[1:]
    return not open_ones
