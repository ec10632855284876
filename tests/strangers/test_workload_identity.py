"""Another Signet vouches for clients of the first one, which then need no secret (PROTOCOL 22).

The issuer is a gunicorn with a database of its own, behind a TLS server: the first one finds its
keys by discovery, at an address that it is told, or in a file.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import jwt
import pytest
import requests

from tests.cli.shell import typing_commands
from tests.databases import Databases
from tests.oauth.signing import make_key, make_workload_token
from tests.running import PATIENCE, Server
from tests.strangers.asking import REFUSED, ask, log_lines
from tests.strangers.conftest import House, write_json
from tests.tls import Reply, TlsServer

#: What the tokens of the issuer are for: the first Signet, under a name that the two agree on.
AUDIENCE = "https://signet.example.org"
JWKS = "/.well-known/jwks.json"
DISCOVERY = "/.well-known/openid-configuration"
GRANTED = (200, "external-api")
#: How the first Signet gets the issuer's keys.
WAYS = ("by discovery", "by address", "by file")


@dataclass(frozen=True)
class Issuer:
    """A Signet whose tokens let workloads in elsewhere."""

    front: TlsServer
    server: Server
    #: The workload, as the issuer knows it.
    subject: str
    secret: str

    def issue(self) -> str:
        """A token of the workload's, as a platform puts it into a file."""
        answer = requests.post(
            f"{self.server.base_url}/connect/token",
            data={"grant_type": "client_credentials"},
            auth=(self.subject, self.secret),
            timeout=PATIENCE,
        )
        return str(answer.json()["access_token"])

    def keys(self) -> object:
        """The set that it publishes."""
        return requests.get(f"{self.server.base_url}{JWKS}", timeout=PATIENCE).json()


@pytest.fixture(scope="module")
def issuer(
    house: House, databases: Databases, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Issuer]:
    with databases.fresh("sqlite") as url:
        server = Server(tmp_path_factory.mktemp("issuer"), url)
        with TlsServer(forward_to=server.base_url, certificate=house.certificate) as front:
            server.environ["SIGNET_ISSUER"] = front.base_url
            try:
                server.start()
                with typing_commands(server) as shell:
                    shell.json("scope", "create", "signet", "--api", AUDIENCE)
                    client = shell.json("client", "create", "Workload", "--scope", "signet")
                yield Issuer(front, server, client["client_id"], client["client_secret"])
            finally:
                server.stop()


@pytest.fixture(scope="module")
def clients(
    house: House, issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, str]:
    """Clients of the first Signet that trust the issuer, by the way to its keys."""
    file = write_json(tmp_path_factory.mktemp("keys"), "issuer.json", issuer.keys())
    url = issuer.front.base_url
    ways: dict[str, tuple[str, ...]] = {
        "by discovery": (),
        "by address": ("--trust-jwks-uri", url + JWKS),
        "by file": ("--trust-jwks", file),
    }
    return {way: trust(house, issuer, *options) for way, options in ways.items()}


def trust(house: House, issuer: Issuer, *options: str) -> str:
    """Register a client of the first Signet that this issuer vouches for."""
    return register(house, issuer.front.base_url, issuer.subject, *options)


def register(house: House, issuer_url: str, subject: str, *options: str) -> str:
    with house.commands() as shell:
        created = shell.json(
            "client", "create", "Workload", "--scope", "external-api",
            "--token-endpoint-auth-method", "federated_jwt", "--trust-issuer", issuer_url,
            "--trust-subject", subject, "--trust-audience", AUDIENCE, *options,
        )  # fmt: skip
    return str(created["client_id"])


@pytest.mark.parametrize("way", WAYS)
def test_a_token_of_the_issuer_lets_the_workload_in_again_and_again(
    house: House, issuer: Issuer, clients: dict[str, str], way: str
):
    token = issuer.issue()
    answers = [ask(house.server, token, clients[way]) for _ in range(3)]
    assert [answer.outcome for answer in answers] == [GRANTED] * 3


def test_the_issuer_is_asked_once_for_many_tokens(house: House, issuer: Issuer):
    address = f"{JWKS}?many"
    client_id = trust(house, issuer, "--trust-jwks-uri", issuer.front.base_url + address)
    for _ in range(3):
        assert ask(house.server, issuer.issue(), client_id).outcome == GRANTED
    assert issuer.front.asked.count(address) == 1


def test_the_first_signet_takes_no_token_of_its_own_for_one_of_the_issuer(
    house: House, clients: dict[str, str]
):
    with house.commands() as shell:
        own = shell.json("client", "create", "Own", "--scope", "external-api")
    answer = requests.post(
        f"{house.server.base_url}/connect/token",
        data={"grant_type": "client_credentials"},
        auth=(own["client_id"], own["client_secret"]),
        timeout=PATIENCE,
    )
    refusal = ask(house.server, answer.json()["access_token"], clients["by discovery"])
    assert refusal.outcome == REFUSED


def test_the_client_must_be_named_even_if_it_is_called_as_at_the_issuer(
    house: House, issuer: Issuer
):
    token = issuer.issue()
    named = trust(house, issuer, "--client-id", issuer.subject)
    assert ask(house.server, token, named).outcome == GRANTED
    refusal = ask(house.server, token)
    assert (refusal.outcome, refusal.reason) == (REFUSED, "workload token: client_id is missing")


@pytest.mark.parametrize("way", ["by discovery", "by address"])
def test_by_default_no_key_is_fetched_from_the_own_machine(
    house: House, issuer: Issuer, clients: dict[str, str], way: str
):
    """SECURITY C21: the issuer of this test is on the loopback address."""
    asked = len(issuer.front.asked)
    refusal = ask(house.strict, issuer.issue(), clients[way])
    assert refusal.outcome == REFUSED
    assert refusal.reason == "workload token: keys not fetched: no permitted address"
    assert len(issuer.front.asked) == asked


def test_the_log_names_the_host_whose_keys_cannot_be_had(
    house: House, issuer: Issuer, clients: dict[str, str]
):
    ask(house.strict, issuer.issue(), clients["by discovery"])
    warnings = [
        (line["host"], line["reason"])
        for line in log_lines(house.strict)
        if line["message"] == "keys of others cannot be fetched"
    ]
    assert ("localhost", "no permitted address") in warnings


def test_keys_from_a_file_need_no_way_out(house: House, issuer: Issuer, clients: dict[str, str]):
    assert ask(house.strict, issuer.issue(), clients["by file"]).outcome == GRANTED


@pytest.fixture(scope="module")
def rotated(house: House, issuer: Issuer, clients: dict[str, str]) -> tuple[str, str]:
    """A token from before the issuer changed its key, and one from after."""
    old = issuer.issue()
    for way in WAYS:
        assert ask(house.server, old, clients[way]).outcome == GRANTED
    rotated = issuer.server.flask("key", "rotate", "--now")
    new = old
    while jwt.get_unverified_header(new)["kid"] != rotated["kid"]:
        new = issuer.issue()
    return old, new


@pytest.mark.parametrize("way", ["by discovery", "by address"])
def test_tokens_of_the_issuers_next_key_are_taken_at_once(
    house: House, clients: dict[str, str], rotated: tuple[str, str], way: str
):
    old, new = rotated
    assert ask(house.server, new, clients[way]).outcome == GRANTED
    assert ask(house.server, old, clients[way]).outcome == GRANTED


def test_a_file_of_keys_knows_nothing_of_the_next(
    house: House, clients: dict[str, str], rotated: tuple[str, str]
):
    refusal = ask(house.server, rotated[1], clients["by file"])
    assert (refusal.outcome, refusal.reason) == (
        REFUSED,
        "workload token: no key of that kid and alg",
    )


def test_the_kept_keys_serve_on_when_the_issuer_is_gone(house: House, issuer: Issuer):
    with TlsServer(forward_to=issuer.server.base_url, certificate=house.certificate) as front:
        client_id = trust(house, issuer, "--trust-jwks-uri", front.base_url + JWKS)
        token = issuer.issue()
        assert ask(house.server, token, client_id).outcome == GRANTED
    # Nobody listens there any more, and this has it looked for.
    stranger = make_workload_token(
        make_key("ES256"), issuer.front.base_url, issuer.subject, AUDIENCE
    )
    assert ask(house.server, stranger, client_id).outcome == REFUSED
    assert "ConnectionRefusedError" in {
        line["reason"] for line in log_lines(house.server) if line.get("host") == "localhost"
    }
    assert ask(house.server, token, client_id).outcome == GRANTED


@pytest.mark.parametrize(
    ("metadata", "reason"),
    [
        ({"issuer": "https://other.example.org"}, "its metadata names another issuer"),
        ({"jwks_uri": "http://localhost/jwks"}, "it is not https"),
        ({"jwks_uri": "https://169.254.169.254/jwks"}, "no permitted address"),
        ({"jwks_uri": None}, "its metadata names no jwks_uri"),
    ],
    ids=["of another issuer", "http", "metadata service", "no keys"],
)
def test_discovery_leads_nowhere_it_should_not(
    house: House, metadata: dict[str, object], reason: str
):
    """SECURITY C21: what an issuer writes there is not trusted more than what an admin writes."""
    with TlsServer(certificate=house.certificate) as front:
        document = {"issuer": front.base_url, "jwks_uri": front.base_url + JWKS, **metadata}
        front.answers[DISCOVERY] = Reply.json(document)
        client_id = register(house, front.base_url, "workload")
        token = make_workload_token(make_key("ES256"), front.base_url, "workload", AUDIENCE)
        refusal = ask(house.server, token, client_id)
        assert refusal.outcome == REFUSED
        assert refusal.reason == f"workload token: keys not fetched: {reason}"
        assert front.asked == [DISCOVERY]
