"""A client publishes its keys at an address, ``jwks_uri``, which Signet asks over real TLS."""

from collections.abc import Iterator

import pytest

from signet.outbound import LONGEST_BODY
from tests.oauth.signing import Key, jwk_set, make_assertion, make_key
from tests.running import Server
from tests.strangers.asking import REFUSED, Answer, ask, log_lines
from tests.strangers.conftest import House
from tests.tls import Reply, TlsServer

GRANTED = (200, "external-api")
KEY, NEXT_KEY = make_key("ES256"), make_key("ES256")
PRIVATE_KEY_JWT = ("--token-endpoint-auth-method", "private_key_jwt")


@pytest.fixture(scope="module")
def publisher(house: House) -> Iterator[TlsServer]:
    """A web server with a certificate that Signet trusts; each test publishes at its own path."""
    with TlsServer(certificate=house.certificate) as server:
        yield server


def register(house: House, jwks_uri: str) -> str:
    """A client whose keys are there."""
    with house.commands() as shell:
        client = shell.json(
            "client", "create", "Publisher", "--scope", "external-api",
            *PRIVATE_KEY_JWT, "--jwks-uri", jwks_uri,
        )  # fmt: skip
    return str(client["client_id"])


def prove(server: Server, client_id: str, key: Key, kid: str | None = None) -> Answer:
    """Ask for a token with a new assertion of this key."""
    header = {"kid": kid or key.kid}
    return ask(server, make_assertion(key, client_id, server.base_url, header=header))


def test_a_set_is_fetched_once_for_many_assertions(house: House, publisher: TlsServer):
    publisher.answers["/many"] = Reply.json(jwk_set(KEY))
    client_id = register(house, publisher.base_url + "/many")
    answers = [prove(house.server, client_id, KEY) for _ in range(3)]
    assert [answer.outcome for answer in answers] == [GRANTED] * 3
    assert publisher.asked.count("/many") == 1


def test_the_next_key_of_the_client_works_at_once(house: House, publisher: TlsServer):
    publisher.answers["/rotated"] = Reply.json(jwk_set(KEY))
    client_id = register(house, publisher.base_url + "/rotated")
    assert prove(house.server, client_id, KEY).outcome == GRANTED
    publisher.answers["/rotated"] = Reply.json(jwk_set(NEXT_KEY))
    answers = [prove(house.server, client_id, NEXT_KEY) for _ in range(3)]
    assert [answer.outcome for answer in answers] == [GRANTED] * 3
    assert publisher.asked.count("/rotated") == 2


def test_a_key_that_was_taken_away_ends_with_the_next_fetch(house: House, publisher: TlsServer):
    publisher.answers["/taken"] = Reply.json(jwk_set(KEY, NEXT_KEY))
    client_id = register(house, publisher.base_url + "/taken")
    assert prove(house.server, client_id, KEY).outcome == GRANTED
    publisher.answers["/taken"] = Reply.json(jwk_set(NEXT_KEY))
    assert prove(house.server, client_id, KEY, kid="unknown").outcome == REFUSED
    refusal = prove(house.server, client_id, KEY)
    assert (refusal.outcome, refusal.reason) == (REFUSED, "assertion: no key of that kid and alg")
    assert prove(house.server, client_id, NEXT_KEY).outcome == GRANTED


def test_invented_kids_have_it_fetched_once_a_minute_and_worker(house: House, publisher: TlsServer):
    """The server has one worker."""
    publisher.answers["/invented"] = Reply.json(jwk_set(KEY))
    client_id = register(house, publisher.base_url + "/invented")
    assert prove(house.server, client_id, KEY).outcome == GRANTED
    for number in range(10):
        refusal = prove(house.server, client_id, KEY, kid=f"invented-{number}")
        assert refusal.outcome == REFUSED
    assert publisher.asked.count("/invented") == 2
    assert prove(house.server, client_id, KEY).outcome == GRANTED


def test_an_unknown_client_has_nothing_fetched(house: House, publisher: TlsServer):
    asked = len(publisher.asked)
    header = {"jku": publisher.base_url + "/stranger", "x5u": publisher.base_url + "/stranger"}
    assertion = make_assertion(KEY, "nobody", house.server.base_url, header=header)
    assert ask(house.server, assertion).outcome == REFUSED
    assert len(publisher.asked) == asked


@pytest.mark.parametrize(
    ("path", "reply", "reason"),
    [
        ("/moved", Reply(status=302, headers={"Location": "/many"}), "status 302"),
        ("/elsewhere", Reply(status=307, headers={"Location": "http://localhost/"}), "status 307"),
        ("/large", Reply(b" " * (LONGEST_BODY + 1)), "more than 64 KiB"),
        ("/failing", Reply.json(jwk_set(KEY), status=500), "status 500"),
        ("/garbage", Reply(b"<html>"), "not JSON"),
        ("/keyless", Reply.json({"key": []}), "not a JWK set"),
    ],
    ids=["redirect", "redirect to http", "large", "failing", "garbage", "no set"],
)
def test_a_set_that_cannot_be_had_lets_nobody_in(
    house: House, publisher: TlsServer, path: str, reply: Reply, reason: str
):
    """SECURITY C21: the log says why, the answer does not."""
    publisher.answers[path] = reply
    asked = len(publisher.asked)
    refusal = prove(house.server, register(house, publisher.base_url + path), KEY)
    assert refusal.outcome == REFUSED
    assert refusal.reason == f"assertion: keys not fetched: {reason}"
    assert publisher.asked[asked:] == [path]


def test_64_kib_are_not_too_many(house: House, publisher: TlsServer):
    full = Reply.json(jwk_set(KEY)).body
    publisher.answers["/full"] = Reply(full + b" " * (LONGEST_BODY - len(full)))
    client_id = register(house, publisher.base_url + "/full")
    assert prove(house.server, client_id, KEY).outcome == GRANTED


def test_another_certificate_is_not_believed(house: House):
    """SECURITY C21."""
    with TlsServer() as stranger:
        stranger.answers["/keys"] = Reply.json(jwk_set(KEY))
        refusal = prove(house.server, register(house, stranger.base_url + "/keys"), KEY)
        assert refusal.outcome == REFUSED
        assert (refusal.reason or "").startswith("assertion: keys not fetched: certificate: ")
        assert stranger.asked == []


@pytest.mark.parametrize(
    "host",
    [
        "169.254.169.254",
        "10.0.0.1",
        "192.168.1.1",
        "[fd00:ec2::254]",
        "[::ffff:169.254.169.254]",
        "[::]",
        "0.0.0.0",
    ],
)
def test_an_address_inside_the_network_is_not_asked(house: House, host: str):
    """SECURITY C21; what is allowed to this server is its own machine and nothing else."""
    refusal = prove(house.server, register(house, f"https://{host}/keys"), KEY)
    assert refusal.outcome == REFUSED
    assert refusal.reason == "assertion: keys not fetched: no permitted address"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]", "2130706433", "127.1"])
def test_by_default_the_own_machine_is_not_asked(house: House, publisher: TlsServer, host: str):
    """SECURITY C21."""
    publisher.answers["/own"] = Reply.json(jwk_set(KEY))
    client_id = register(house, f"https://{host}:{publisher.port}/own")
    refusal = prove(house.strict, client_id, KEY)
    assert refusal.outcome == REFUSED
    assert refusal.reason == "assertion: keys not fetched: no permitted address"
    assert "/own" not in publisher.asked


@pytest.mark.parametrize("url", ["http://keys.example.org/", "file:///etc/passwd"])
def test_an_address_that_is_not_https_is_not_even_registered(house: House, url: str):
    """SECURITY C21."""
    with house.commands() as shell:
        refusal = shell.refusal(
            "client", "create", "Publisher", *PRIVATE_KEY_JWT, "--jwks-uri", url
        )
    assert "Use an https address" in refusal


def test_the_log_names_the_host_and_nothing_of_what_it_answered(house: House, publisher: TlsServer):
    publisher.answers["/secret"] = Reply(b'{"canary": "f1e2d3"')
    prove(house.server, register(house, publisher.base_url + "/secret?token=f1e2d3"), KEY)
    line = [entry for entry in log_lines(house.server) if entry["level"] == "warning"][-2]
    assert line["message"] == "keys of others cannot be fetched"
    assert (line["host"], line["reason"]) == ("localhost", "not JSON")
    assert "f1e2d3" not in house.server.log
