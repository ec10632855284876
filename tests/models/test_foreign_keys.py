"""How long the keys of others are kept, and how often they are asked for."""

import threading
from typing import Any

import pytest

from signet.models.foreign_keys import MOST_SOURCES, ForeignKeys
from signet.oauth.client import KeySource
from signet.oauth.store import KeysUnavailableError
from signet.outbound import FetchError, Outbound
from tests.oauth.signing import jwk_set, make_key, public_jwk
from tests.tls import LOOPBACK, Reply, TlsServer

URI = "https://billing.example/jwks"
SOURCE = KeySource(jwks_uri=URI)
ISSUER = "https://ci.example"
DISCOVERY = ISSUER + "/.well-known/openid-configuration"
FIRST, SECOND = make_key(), make_key()


class Web:
    """Documents by address; what is missing fails. Counts the questions."""

    def __init__(self) -> None:
        self.documents: dict[str, Any] = {URI: jwk_set(FIRST)}
        self.asked: list[str] = []

    def fetch_json(self, url: str) -> Any:
        self.asked.append(url)
        if url not in self.documents:
            raise FetchError("status 404")
        return self.documents[url]


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def web() -> Web:
    return Web()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def keys(web: Web, clock: Clock) -> ForeignKeys:
    return ForeignKeys(web, monotonic=clock)


def kids(keys: ForeignKeys, kid: str | None = None, source: KeySource = SOURCE) -> list[str | None]:
    return [key.kid for key in keys.keys_of(source, kid=kid)]


def test_a_set_is_fetched_once_and_kept_for_ten_minutes(keys: ForeignKeys, web: Web, clock: Clock):
    assert kids(keys, FIRST.kid) == [FIRST.kid]
    clock.now += 600
    assert kids(keys, FIRST.kid) == [FIRST.kid]
    assert len(web.asked) == 1
    clock.now += 1
    web.documents[URI] = jwk_set(SECOND)
    assert kids(keys, FIRST.kid) == [SECOND.kid]
    assert len(web.asked) == 2


def test_an_unknown_kid_has_the_set_fetched_again_at_once(keys: ForeignKeys, web: Web):
    """The first fetch is not counted, so a client may rotate right after its first token."""
    kids(keys, FIRST.kid)
    web.documents[URI] = jwk_set(FIRST, SECOND)
    assert kids(keys, SECOND.kid) == [FIRST.kid, SECOND.kid]


def test_invented_kids_have_it_fetched_once_a_minute(keys: ForeignKeys, web: Web, clock: Clock):
    kids(keys, FIRST.kid)
    for number in range(100):
        assert kids(keys, f"invented {number}") == [FIRST.kid]
    assert len(web.asked) == 2
    clock.now += 60
    kids(keys, "invented")
    kids(keys, "invented")
    assert len(web.asked) == 3


def test_a_token_without_a_kid_is_no_reason_to_ask_again(keys: ForeignKeys, web: Web):
    kids(keys, FIRST.kid)
    kids(keys, None)
    assert len(web.asked) == 1


def test_a_set_that_cannot_be_fetched_again_serves_for_an_hour(
    keys: ForeignKeys, web: Web, clock: Clock
):
    kids(keys, FIRST.kid)
    del web.documents[URI]
    clock.now += 3_600
    assert kids(keys, FIRST.kid) == [FIRST.kid]
    clock.now += 1
    with pytest.raises(KeysUnavailableError):
        kids(keys, FIRST.kid)


def test_a_failure_is_not_repeated_for_five_seconds(keys: ForeignKeys, web: Web, clock: Clock):
    del web.documents[URI]
    for _ in range(10):
        with pytest.raises(KeysUnavailableError, match="status 404"):
            kids(keys, FIRST.kid)
    assert len(web.asked) == 1
    clock.now += 5
    web.documents[URI] = jwk_set(FIRST)
    assert kids(keys, FIRST.kid) == [FIRST.kid]


@pytest.mark.parametrize("document", [None, [], {}, {"keys": {}}, "keys", 7])
def test_what_is_no_set_is_a_failure(keys: ForeignKeys, web: Web, document: Any):
    web.documents[URI] = document
    with pytest.raises(KeysUnavailableError):
        kids(keys)


def test_keys_that_cannot_check_a_signature_are_left_out(keys: ForeignKeys, web: Web):
    odd = [{"kty": "oct", "k": "c2VjcmV0"}, "key", public_jwk(SECOND, use="enc")]
    web.documents[URI] = {"keys": [*odd, public_jwk(FIRST)]}
    assert kids(keys) == [FIRST.kid]


def test_an_issuer_is_asked_for_where_its_keys_are(keys: ForeignKeys, web: Web):
    web.documents[DISCOVERY] = {"issuer": ISSUER, "jwks_uri": URI}
    assert kids(keys, FIRST.kid, KeySource(issuer=ISSUER)) == [FIRST.kid]
    assert web.asked == [DISCOVERY, URI]


def test_a_slash_at_the_end_of_an_issuer_is_part_of_its_name_only(keys: ForeignKeys, web: Web):
    web.documents[DISCOVERY] = {"issuer": ISSUER + "/", "jwks_uri": URI}
    assert kids(keys, FIRST.kid, KeySource(issuer=ISSUER + "/")) == [FIRST.kid]
    with pytest.raises(KeysUnavailableError):
        kids(keys, FIRST.kid, KeySource(issuer=ISSUER))


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://other.example", "jwks_uri": URI},
        {"issuer": [ISSUER], "jwks_uri": URI},
        {"jwks_uri": URI},
        {"issuer": ISSUER},
        {"issuer": ISSUER, "jwks_uri": [URI]},
        [],
        None,
    ],
)
def test_metadata_of_somebody_else_is_not_believed(keys: ForeignKeys, web: Web, metadata: Any):
    web.documents[DISCOVERY] = metadata
    with pytest.raises(KeysUnavailableError):
        kids(keys, FIRST.kid, KeySource(issuer=ISSUER))
    assert URI not in web.asked


def test_of_many_sources_the_least_used_leave(keys: ForeignKeys, web: Web):
    for number in range(MOST_SOURCES + 1):
        uri = f"https://{number}.example/jwks"
        web.documents[uri] = {"keys": []}
        keys.keys_of(KeySource(jwks_uri=uri), kid=None)
        keys.keys_of(KeySource(jwks_uri="https://0.example/jwks"), kid=None)
    keys.keys_of(KeySource(jwks_uri="https://1.example/jwks"), kid=None)
    assert web.asked.count("https://0.example/jwks") == 1
    assert web.asked.count("https://1.example/jwks") == 2


class SlowWeb(Web):
    """Answers nobody about the one source before it is released."""

    def __init__(self) -> None:
        super().__init__()
        self.entered, self.released = threading.Semaphore(0), threading.Event()

    def fetch_json(self, url: str) -> Any:
        document = super().fetch_json(url)
        if url == URI:
            self.entered.release()
            assert self.released.wait(10)
        return document


class Asker(threading.Thread):
    """Asks beside the test; ``found`` is the answer."""

    def __init__(self, keys: ForeignKeys, kid: str, source: KeySource = SOURCE) -> None:
        super().__init__(target=self._ask, args=(keys, kid, source), daemon=True)
        self.found: list[str | None] = []
        self.start()

    def _ask(self, keys: ForeignKeys, kid: str, source: KeySource) -> None:
        self.found = kids(keys, kid, source)


def test_many_at_once_ask_once(clock: Clock):
    slow = SlowWeb()
    keys = ForeignKeys(slow, monotonic=clock)
    askers = [Asker(keys, FIRST.kid) for _ in range(8)]
    assert slow.entered.acquire(timeout=10)
    slow.released.set()
    for asker in askers:
        asker.join()
    assert [asker.found for asker in askers] == [[FIRST.kid]] * 8
    assert slow.asked == [URI]


def test_many_with_the_same_new_key_ask_once_and_all_get_it(clock: Clock):
    slow = SlowWeb()
    slow.released.set()
    keys = ForeignKeys(slow, monotonic=clock)
    kids(keys, FIRST.kid)
    slow.entered.acquire()
    slow.released.clear()
    slow.documents[URI] = jwk_set(FIRST, SECOND)
    askers = [Asker(keys, SECOND.kid) for _ in range(8)]
    assert slow.entered.acquire(timeout=10)
    slow.released.set()
    for asker in askers:
        asker.join()
    assert [asker.found for asker in askers] == [[FIRST.kid, SECOND.kid]] * 8
    assert len(slow.asked) == 2


def test_who_needs_a_known_key_does_not_wait_for_an_invented_one(clock: Clock):
    slow = SlowWeb()
    slow.released.set()
    keys = ForeignKeys(slow, monotonic=clock)
    kids(keys, FIRST.kid)
    slow.entered.acquire()
    slow.released.clear()
    asker = Asker(keys, "invented")
    assert slow.entered.acquire(timeout=10)
    assert kids(keys, FIRST.kid) == [FIRST.kid]
    assert asker.is_alive()
    slow.released.set()
    asker.join()


def test_a_slow_source_holds_nobody_who_asks_another(clock: Clock):
    slow = SlowWeb()
    other = KeySource(jwks_uri="https://other.example/jwks")
    slow.documents[str(other.jwks_uri)] = jwk_set(SECOND)
    keys = ForeignKeys(slow, monotonic=clock)
    asker = Asker(keys, FIRST.kid)
    assert slow.entered.acquire(timeout=10)
    assert kids(keys, SECOND.kid, other) == [SECOND.kid]
    assert asker.is_alive()
    slow.released.set()
    asker.join()


def test_a_source_may_leave_while_it_is_fetched(clock: Clock):
    slow = SlowWeb()
    keys = ForeignKeys(slow, monotonic=clock)
    asker = Asker(keys, FIRST.kid)
    assert slow.entered.acquire(timeout=10)
    for number in range(MOST_SOURCES):
        uri = f"https://{number}.example/jwks"
        slow.documents[uri] = {"keys": []}
        keys.keys_of(KeySource(jwks_uri=uri), kid=None)
    slow.released.set()
    asker.join()
    assert asker.found == [FIRST.kid]


def test_a_failed_fetch_is_logged_with_the_host_alone(
    keys: ForeignKeys, web: Web, caplog: pytest.LogCaptureFixture
):
    web.documents.clear()
    with pytest.raises(KeysUnavailableError):
        kids(keys, None, KeySource(jwks_uri="https://billing.example:8443/secret?token=1"))
    (record,) = caplog.records
    assert record.getMessage() == "keys of others cannot be fetched"
    assert (vars(record)["host"], vars(record)["reason"]) == ("billing.example", "status 404")


def test_the_keys_of_an_issuer_come_over_the_real_network():
    with TlsServer() as server:
        issuer, jwks_uri = server.base_url, server.base_url + "/jwks"
        server.answers["/.well-known/openid-configuration"] = Reply.json(
            {"issuer": issuer, "jwks_uri": jwks_uri}
        )
        server.answers["/jwks"] = Reply.json(jwk_set(FIRST))
        keys = ForeignKeys(Outbound(allow=LOOPBACK, ca_pem=server.ca_pem))
        assert kids(keys, FIRST.kid, KeySource(issuer=issuer)) == [FIRST.kid]


def test_an_issuer_whose_keys_lie_inside_the_network_has_none():
    """SECURITY C21: what the metadata names goes through the same door."""
    with TlsServer() as server:
        issuer = server.base_url
        server.answers["/.well-known/openid-configuration"] = Reply.json(
            {"issuer": issuer, "jwks_uri": "http://169.254.169.254/"}
        )
        keys = ForeignKeys(Outbound(allow=LOOPBACK, ca_pem=server.ca_pem))
        with pytest.raises(KeysUnavailableError, match="not https"):
            kids(keys, None, KeySource(issuer=issuer))
